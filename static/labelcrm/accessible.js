// What our packages leave out for people who listen to a page: select2 boxes have no names of their own, so they
// take the label of the field they stand for.
(() => {
  "use strict";

  const nameOf = (select) =>
    select.getAttribute("aria-label") ||
    (select.id && document.querySelector(`label[for="${CSS.escape(select.id)}"]`)?.textContent.trim()) ||
    select.getAttribute("data-placeholder") ||
    select.name;

  const nameBox = (box) => {
    const select = box.previousElementSibling;
    if (!(select instanceof HTMLSelectElement)) return;
    for (const part of box.querySelectorAll(".select2-selection, .select2-selection__rendered[role=textbox], .select2-search__field")) {
      part.setAttribute("aria-label", nameOf(select));
      part.removeAttribute("aria-labelledby");
    }
    box.querySelector("ul.select2-selection__rendered")?.setAttribute("role", "presentation");
  };

  const nameAll = () => {
    document.querySelectorAll(".select2-container").forEach(nameBox);
    // import-export puts more than list items into its list of tools.
    document.querySelectorAll("ul.object-tools").forEach((tools) => tools.setAttribute("role", "presentation"));
  };

  document.addEventListener("DOMContentLoaded", () => {
    nameAll();
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
  });
})();
