// One search for everything, opened by Ctrl+K, Cmd+K, "/" or the button in the header, and used by keyboard alone.
// A dialog keeps the focus while it is open and gives it back; the input stays focused and names the option in reach.
(() => {
  "use strict";
  const PAUSE = 120; // milliseconds after the last key
  const TYPING = "input, textarea, select, [contenteditable]";

  class Search {
    constructor(dialog) {
      this.dialog = dialog;
      this.input = dialog.querySelector("[role=combobox]");
      this.list = dialog.querySelector("[role=listbox]");
      this.said = dialog.querySelector("[role=status]");
      this.shown = null; // the text whose results are shown
      this.wanted = null; // what Enter asked for before its results were there
      this.input.addEventListener("input", () => this.soon());
      this.input.addEventListener("keydown", (event) => this.key(event));
      dialog.querySelector("#search-close").addEventListener("click", () => dialog.close());
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
      window.addEventListener("pagehide", () => dialog.close());
    }

    open() {
      if (this.dialog.open || document.querySelector("dialog[open]")) return;
      this.dialog.showModal();
      this.input.select();
      if (this.text() !== this.shown) this.ask();
    }

    text() {
      return this.input.value.trim();
    }

    soon() {
      this.wanted = null;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.ask(), PAUSE);
    }

    async ask() {
      clearTimeout(this.timer);
      this.request?.abort();
      const request = (this.request = new AbortController());
      const text = this.text();
      this.list.setAttribute("aria-busy", "true");
      try {
        const address = `${this.dialog.dataset.results}?${new URLSearchParams({ q: text })}`;
        const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: request.signal });
        if (answer.redirected) this.show(null, { said: this.dialog.dataset.signedOut, html: "" });
        else if (!answer.ok) throw new Error(answer.status);
        else this.show(text, await answer.json());
      } catch {
        if (!request.signal.aborted) this.show(null, { said: this.dialog.dataset.away, html: "" });
      }
    }

    show(text, { said, html }) {
      this.shown = text;
      this.list.innerHTML = html;
      this.list.hidden = !html;
      this.list.removeAttribute("aria-busy");
      this.list.scrollTop = 0;
      this.input.setAttribute("aria-expanded", String(Boolean(html)));
      this.said.textContent = said;
      this.reach(text ? this.options()[0] : null);
      if (text !== null && this.wanted) this.go(this.wanted);
    }

    options() {
      return [...this.list.querySelectorAll("[role=option]")];
    }

    reached() {
      return this.list.querySelector("[aria-selected=true]");
    }

    reach(option) {
      this.reached()?.setAttribute("aria-selected", "false");
      this.input.removeAttribute("aria-activedescendant");
      if (!option) return;
      option.setAttribute("aria-selected", "true");
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }

    step(by) {
      const options = this.options();
      const from = options.indexOf(this.reached());
      const to = from < 0 ? (by > 0 ? 0 : options.length - 1) : from + by;
      if (options.length) this.reach(options[(to + options.length) % options.length]);
    }

    go({ newTab }) {
      this.wanted = null;
      const address = this.reached()?.href;
      if (!address) return;
      if (newTab) window.open(address);
      else location.assign(address);
    }

    key(event) {
      if (event.isComposing) return;
      if (event.key === "ArrowDown") this.step(1);
      else if (event.key === "ArrowUp") this.step(-1);
      else if (event.key === "Enter") this.enter({ newTab: event.ctrlKey || event.metaKey });
      else return;
      event.preventDefault();
    }

    enter(how) {
      if (this.text() === this.shown) return this.go(how);
      this.wanted = how;
      return this.ask();
    }
  }

  const asks = (event) => {
    const bare = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "/" && bare) return !event.target.closest?.(TYPING);
    return event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const dialog = document.getElementById("search");
    if (!dialog) return;
    const search = new Search(dialog);
    document.addEventListener("keydown", (event) => {
      if (event.isComposing || !event.key || !asks(event)) return;
      event.preventDefault();
      search.open();
    });
    document.getElementById("search-open")?.addEventListener("submit", (event) => {
      event.preventDefault();
      search.open();
    });
  });
})();
