// Segments: the builder answers every change with the exact number, and what is in it stands in the address; the list
// asks one after the other how many each segment means. What a change comes to is worked out by the server alone.
(() => {
  "use strict";
  const PAUSE = 300; // milliseconds after the last key
  const HEADERS = { "X-Requested-With": "fetch", Accept: "application/json" };

  const ask = async (url, options) => {
    const answer = await fetch(url, { headers: HEADERS, ...options });
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };

  // -- The list

  async function countAll() {
    for (const place of document.querySelectorAll("output[data-count]")) {
      place.textContent = "…";
      try {
        place.textContent = (await ask(place.dataset.count)).text;
      } catch {
        place.textContent = "–";
      }
    }
  }

  // -- The builder

  class Builder {
    constructor(form) {
      this.form = form;
      this.rows = form.querySelector("#segment-rows");
      this.rail = form.querySelector("#segment-rail");
      this.sample = form.querySelector("#segment-sample");
      this.said = form.querySelector("#segment-said");
      this.narrowing = form.querySelector("#segment-narrowing");
      this.away = form.querySelector("#segment-away");
      this.float = form.querySelector("#segment-float");
      this.rows.addEventListener("input", (event) => this.typed(event.target));
      this.rows.addEventListener("change", (event) => this.changed(event.target));
      form.addEventListener("submit", (event) => this.submitted(event));
      new Combos(this);
      this.search = location.search;
      window.addEventListener("popstate", () => location.search !== this.search && location.reload());
      this.ready();
      this.narrow();
    }

    ready() {
      for (const opener of this.rows.querySelectorAll(".lc-day__open[hidden]")) opener.hidden = false;
    }

    typed(field) {
      if (!field.name || field.matches("[data-now], [data-combo]")) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.send({}), PAUSE);
    }

    changed(field) {
      if (field.matches("[data-now]")) this.send({ anew: true, focus: field.id });
      else this.typed(field); // a day from the calendar
    }

    submitted(event) {
      const button = event.submitter;
      if (button?.value.startsWith("save")) return;
      event.preventDefault();
      this.send({ anew: true, button, focus: this.focusAfter(button) });
    }

    // Where one goes on after a button: into what it made, or beside what it took away.
    focusAfter(button) {
      const [name, place] = (button?.value || "update").split(":");
      if (name === "update") return document.activeElement?.id; // Enter in a field
      if (name === "add") return () => button && [...this.groupOf(button.id).querySelectorAll(".lc-seg-kind")].at(-1);
      if (name === "group") return () => [...this.rows.querySelectorAll(".lc-seg-kind")].at(-1);
      if (name === "drop") {
        const [g, c, argument] = place.split(".");
        return `row-${g}-${c}-${argument === "categories" ? "labels" : argument}`;
      }
      const [g, c] = (place || "").split(".");
      return () => document.getElementById(`row-${g}-${Math.max(0, c - 1)}-kind`) || document.getElementById("add-group");
    }

    groupOf(id) {
      return document.getElementById(id).closest("fieldset");
    }

    async send({ anew = false, button = null, focus = null }) {
      clearTimeout(this.timer);
      this.request?.abort();
      const request = (this.request = new AbortController());
      this.anew = this.anew || anew; // what was given up asked for it
      const body = new FormData(this.form);
      const held = document.activeElement;
      const from = { held, text: held?.value, isStep: Boolean(button) };
      if (button?.name) body.append(button.name, button.value);
      this.rail.setAttribute("aria-busy", "true");
      try {
        const told = await ask(location.pathname, { method: "POST", body, signal: request.signal });
        this.show(told, this.anew, focus, from);
        this.anew = false;
      } catch {
        if (!request.signal.aborted) {
          this.said.textContent = this.form.dataset.away;
          this.float.textContent = "–"; // on a phone the number alone is in sight
          this.warn();
        }
      }
      if (this.request === request) this.rail.removeAttribute("aria-busy");
    }

    // Until the next answer the number is that of other conditions than one reads beside it.
    warn() {
      this.away.textContent = this.form.dataset.away;
      this.away.hidden = false;
    }

    show(told, anew, focus, from) {
      this.away.hidden = true;
      this.remember(told.d, anew);
      if (anew) this.draw(told.rows, focus, from);
      else this.say(told.rows);
      this.rail.innerHTML = told.rail;
      this.sample.innerHTML = told.sample;
      this.said.textContent = told.said;
      this.float.textContent = told.said;
      this.narrow();
    }

    remember(d, anew) {
      const address = `${location.pathname}?${new URLSearchParams({ d })}`;
      if (`${location.pathname}${location.search}` === address) return;
      if (anew) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
      this.search = location.search;
    }

    // `from` is the field one was in when the answer was asked for. Whoever has gone on since then stays where they are.
    draw(html, focus, from) {
      const held = document.activeElement;
      const here = held?.id;
      const inside = this.rows.contains(held);
      const template = document.createElement("template");
      template.innerHTML = html;
      const same = inside && here && template.content.getElementById(here);
      if (same && this.isBeingTyped(held, same, from)) this.drawAround(held, same);
      else this.rows.replaceChildren(template.content);
      this.ready();
      const wentOn = inside && held !== from.held && !from.isStep;
      const asked = typeof focus === "function" ? focus() : document.getElementById((!wentOn && focus) || here);
      if (inside || focus) asked?.focus();
    }

    // A list may still be being chosen from letter by letter; a text may have grown since it was sent.
    isBeingTyped(held, same, from) {
      if (held.matches("select")) return same.value === held.value;
      if (!held.matches("input") || from.isStep) return false;
      if (held !== from.held) return Boolean(held.value) && held.value !== same.value;
      if (held.value === from.text) return false;
      if (!same.value && held.value.startsWith(from.text)) held.value = held.value.slice(from.text.length); // the rest was chosen
      return true;
    }

    // The very field one is in is left alone, with the list that hangs on it.
    drawAround(held, same) {
      const options = document.getElementById(`${held.id}-options`);
      while (held !== this.rows) {
        const siblings = [...same.parentNode.childNodes];
        const at = siblings.indexOf(same);
        for (const former of [...held.parentNode.childNodes]) if (former !== held && former !== options) former.remove();
        held.before(...siblings.slice(0, at));
        held.after(...siblings.slice(at + 1));
        [held, same] = [held.parentNode, same.parentNode];
      }
    }

    // What is wrong is said without drawing anew what somebody is typing in.
    say(html) {
      const template = document.createElement("template");
      template.innerHTML = html;
      for (const fresh of template.content.querySelectorAll("[data-said]")) {
        const shown = document.getElementById(fresh.id);
        if (shown) shown.replaceWith(fresh);
      }
    }

    async narrow() {
      const url = this.rail.querySelector("#segment-narrowing-url")?.dataset.url;
      if (!url || url === this.narrowed) return;
      this.narrowed = url;
      this.narrowing.setAttribute("aria-busy", "true");
      try {
        const { html } = await ask(url);
        if (this.narrowed === url) this.narrowing.innerHTML = html;
      } catch {
        if (this.narrowed !== url) return; // a later one is on its way
        this.narrowed = null;
        this.warn();
      }
      if (this.narrowed === url || !this.narrowed) this.narrowing.removeAttribute("aria-busy");
    }
  }

  // -- Choosing by typing: the list of a field with the colours of labels; the field keeps the focus

  const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const MOST = 60;

  class Combos {
    constructor(builder) {
      this.builder = builder;
      const rows = builder.rows;
      const on = (name, handle) =>
        rows.addEventListener(name, (event) => event.target.matches?.("[data-combo]") && handle(event.target, event));
      on("focusin", (input) => this.open(input));
      on("input", (input) => this.open(input));
      on("click", (input) => this.open(input));
      on("keydown", (input, event) => this.key(input, event));
      on("focusout", (input) => this.leave(input));
    }

    open(input) {
      if (input.hasAttribute("list")) this.prepare(input);
      const list = this.list(input);
      const words = plain(input.value).split(/\s+/).filter(Boolean);
      const taken = new Set([...input.closest(".lc-seg-pick").querySelectorAll(".lc-seg-chip")].map((chip) => chip.innerText.replace(/×$/, "").trim()));
      const options = [...document.getElementById(input.dataset.from).options];
      const found = options.filter((each) => !taken.has(each.value) && words.every((word) => plain(`${each.value} ${each.dataset.also || ""}`).includes(word)));
      list.replaceChildren(...this.draw(found.slice(0, MOST), list.id));
      list.hidden = !found.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
      this.reach(input, input.value.trim() ? this.options(input)[0] : null);
    }

    prepare(input) {
      input.dataset.from = input.getAttribute("list");
      input.removeAttribute("list");
      const list = document.createElement("ul");
      list.id = `${input.id}-options`;
      list.className = "lc-seg-options";
      list.setAttribute("role", "listbox");
      list.setAttribute("aria-label", input.getAttribute("aria-label"));
      list.hidden = true;
      list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
      list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) this.choose(input, option.dataset.value);
      });
      input.after(list);
      for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]])
        input.setAttribute(name, value);
    }

    *draw(options, id) {
      let group = "";
      for (const [at, { value, dataset }] of options.entries()) {
        if (dataset.group && dataset.group !== group) {
          const title = document.createElement("li");
          title.setAttribute("role", "presentation");
          title.className = "lc-seg-options__group";
          title.textContent = group = dataset.group;
          yield title;
        }
        const option = document.createElement("li");
        option.id = `${id}-${at}`;
        option.dataset.value = value;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        const text = document.createElement("span");
        text.textContent = value;
        if (dataset.tone) text.className = `lc-badge ${dataset.tone}`;
        option.append(text);
        yield option;
      }
    }

    list(input) {
      return document.getElementById(`${input.id}-options`);
    }

    options(input) {
      return [...this.list(input).querySelectorAll("[role=option]")];
    }

    reached(input) {
      return this.list(input)?.querySelector("[aria-selected=true]");
    }

    reach(input, option) {
      this.reached(input)?.setAttribute("aria-selected", "false");
      input.removeAttribute("aria-activedescendant");
      if (!option) return;
      option.setAttribute("aria-selected", "true");
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    }

    key(input, event) {
      if (event.isComposing) return;
      const list = this.list(input);
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (!list || list.hidden) this.open(input);
        const options = this.options(input);
        const from = options.indexOf(this.reached(input));
        const to = event.key === "ArrowDown" ? from + 1 : from < 0 ? options.length - 1 : from - 1;
        if (options.length) this.reach(input, options[(to + options.length) % options.length]);
      } else if (event.key === "Enter") {
        const option = this.reached(input);
        if (option) this.choose(input, option.dataset.value);
        else if (input.value.trim()) this.choose(input, input.value);
      } else if (event.key === "Escape" && list && !list.hidden) this.close(input);
      else if (event.key === "Backspace" && !input.value) {
        [...input.closest(".lc-seg-pick").querySelectorAll(".lc-seg-chip button")].at(-1)?.click();
      } else return;
      event.preventDefault();
    }

    close(input) {
      const list = this.list(input);
      if (list) list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      this.reach(input, null);
    }

    leave(input) {
      if (!this.list(input)) return;
      this.close(input);
      if (input.value.trim() && input.isConnected) this.builder.send({ anew: true });
    }

    choose(input, text) {
      input.value = text;
      this.close(input);
      this.builder.send({ anew: true, focus: input.id });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    countAll();
    const form = document.getElementById("segment");
    if (form) new Builder(form);
  });
})();
