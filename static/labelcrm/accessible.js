// What our packages leave out for people who listen to a page or use no mouse: select2 boxes have no names of their
// own, so they take the label of the field they stand for; what only reacts to a click becomes a button; an icon is a
// word in a special font, and not for reading out.
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

  const ICON = ".material-symbols-outlined";
  const CLICKABLE = "[x-on\\:click]:not(a[href], button, input, select, textarea, label, summary, [tabindex])";

  const textOf = (thing) => {
    const copy = thing.cloneNode(true);
    copy.querySelectorAll(ICON).forEach((icon) => icon.remove());
    return thing.matches(ICON) ? "" : copy.textContent.trim();
  };

  // What an icon without words beside it stands for; the page brings the words in the reader's language.
  const meaningOf = (thing) => {
    const icon = thing.matches(ICON) ? thing : thing.querySelector(ICON);
    return (icon && document.getElementById("icon-words")?.getAttribute(`data-${icon.textContent.trim()}`)) || "";
  };

  const makeButton = (thing) => {
    if (!thing.textContent.trim() && !thing.matches(ICON)) return; // a backdrop; Escape does the same
    thing.setAttribute("role", "button");
    thing.tabIndex = 0;
    nameByIcon(thing);
  };

  const nameByIcon = (thing) => {
    const name = textOf(thing) ? "" : thing.title || meaningOf(thing);
    if (name) thing.setAttribute("aria-label", name);
  };

  const hideIcon = (icon) => {
    if (!icon.matches("button, a, [role=button], [title], [aria-hidden]")) icon.setAttribute("aria-hidden", "true");
  };

  const press = (event) => {
    const thing = event.target;
    if (!["Enter", " "].includes(event.key) || !thing.matches("[role=button][x-on\\:click]:not(a[href], button)")) return;
    event.preventDefault();
    thing.click();
  };

  // The scroller of our packages names itself, in English.
  const nameScroller = (box) => box.setAttribute("aria-label", document.getElementById("icon-words")?.dataset.scrolls || "");

  const nameAll = () => {
    document.querySelectorAll('[aria-label="scrollable content"]').forEach(nameScroller);
    document.querySelectorAll(".select2-container").forEach(nameBox);
    document.querySelectorAll(CLICKABLE).forEach(makeButton);
    document.querySelectorAll(`:is(a, button):has(${ICON}):not([aria-label])`).forEach(nameByIcon);
    document.querySelectorAll(ICON).forEach(hideIcon);
    // import-export puts more than list items into its list of tools.
    document.querySelectorAll("ul.object-tools").forEach((tools) => tools.setAttribute("role", "presentation"));
  };

  document.addEventListener("DOMContentLoaded", () => {
    nameAll();
    document.addEventListener("keydown", press);
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
  });
})();
