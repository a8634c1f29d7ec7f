// A file may be dropped on the field, anywhere within its frame; without JavaScript the field is a plain one.
(() => {
  "use strict";
  for (const frame of document.querySelectorAll("[data-drop]")) {
    const input = frame.querySelector("input[type=file]");
    frame.querySelector("[data-drop-hint]").hidden = false;
    // unfold's own script looks beside every file input for a field of its forms, which is not here.
    frame.addEventListener("change", (event) => event.stopPropagation(), { capture: true });
    const over = (is) => frame.classList.toggle("lc-drop--over", is);
    frame.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    frame.addEventListener("dragleave", () => over(false));
    frame.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      input.focus();
    });
  }
})();
