// A second look by keyboard: a digit chooses and Z takes back, by the buttons that are on the page anyway.
(() => {
  "use strict";

  let sent = false;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (event.target.closest?.("input:not([type=hidden]), textarea, select, [contenteditable]")) return;
    const button = document.querySelector(`#look button[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!button) return;
    event.preventDefault();
    if (!sent) button.click();
  });

  // A key that is pressed twice must not choose for the next chat as well.
  document.addEventListener("submit", (event) => {
    if (!event.target.closest("#look")) return;
    if (sent) event.preventDefault();
    sent = true;
  });

  window.addEventListener("pageshow", () => {
    sent = false;
  });
})();
