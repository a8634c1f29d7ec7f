// The connection page: copies addresses.
(() => {
  "use strict";

  function prepareCopying() {
    if (!navigator.clipboard) return;
    for (const button of document.querySelectorAll("[data-copy]")) {
      const code = button.parentElement.querySelector("code");
      if (code.textContent.includes("••••")) continue;
      const name = button.textContent;
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = name; }, 2000);
      });
    }
  }

  prepareCopying();
})();
