// A field for a day (templates/includes/day_input.html): says under it which day was understood, and opens a calendar.
// What is typed is read by the server alone, so that the page and the form never disagree. Fields that a form adds
// later work too: everything listens at the document.
(() => {
  "use strict";
  const PAUSE = 250;
  const language = document.documentElement.lang || "id";
  const names = (options) => new Intl.DateTimeFormat(language, { timeZone: "UTC", ...options });
  const MONTH = names({ month: "long", year: "numeric" });
  const WEEKDAY = names({ weekday: "short" });
  const WHOLE = names({ weekday: "long", day: "numeric", month: "long", year: "numeric" });

  // Days are moments at midnight UTC, so that no time zone of a browser moves them.
  const read = (iso) => new Date(`${iso}T00:00:00Z`);
  const write = (day) => day.toISOString().slice(0, 10);
  const plus = (day, days) => new Date(day.getTime() + days * 86400000);
  const weekday = (day) => (day.getUTCDay() + 6) % 7; // Monday is 0

  function plusMonths(day, months) {
    const first = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + months, 1));
    const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
    first.setUTCDate(Math.min(day.getUTCDate(), last));
    return first;
  }

  const fieldOf = (node) => node instanceof Element && node.closest(".lc-day");
  const inputOf = (field) => field.querySelector("input");

  async function understand(field, text) {
    const query = new URLSearchParams({ text, clock: field.dataset.clock });
    const answer = await fetch(`${field.dataset.address}?${query}`, { headers: { Accept: "application/json" } });
    return answer.ok && !answer.redirected ? answer.json() : null;
  }

  async function say(field) {
    const text = inputOf(field).value.trim();
    const understood = text ? await understand(field, text).catch(() => null) : { said: "", day: "" };
    if (!understood || inputOf(field).value.trim() !== text) return understood; // typed on in the meantime
    field.querySelector(".lc-day__said").textContent = understood.said;
    field.classList.toggle("lc-day--wrong", Boolean(text) && !understood.day);
    return understood;
  }

  let waiting = 0;
  document.addEventListener("input", (event) => {
    const field = fieldOf(event.target);
    if (!field) return;
    clearTimeout(waiting);
    waiting = setTimeout(say, PAUSE, field);
  });

  // -- Calendar

  let open = null; // { field, box, day }

  const button = (text, label, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-label", label);
    made.addEventListener("click", action);
    return made;
  };

  function draw() {
    const { field, box, day } = open;
    const month = document.createElement("b");
    month.textContent = MONTH.format(day);
    month.setAttribute("aria-live", "polite");
    const head = document.createElement("div");
    head.className = "lc-calendar__head";
    head.append(
      button("‹", field.dataset.before, () => move(plusMonths(open.day, -1), false)),
      month,
      button("›", field.dataset.after, () => move(plusMonths(open.day, 1), false)),
    );
    box.replaceChildren(head, grid(day));
  }

  function grid(day) {
    const first = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), 1));
    const start = plus(first, -weekday(first));
    const table = document.createElement("table");
    table.setAttribute("role", "grid");
    const row = table.createTHead().insertRow();
    for (let at = 0; at < 7; at++) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = WEEKDAY.format(plus(start, at));
      row.append(cell);
    }
    const body = table.createTBody();
    for (let at = start; at <= first || at.getUTCMonth() === day.getUTCMonth(); at = plus(at, 7)) {
      const week = body.insertRow();
      for (let place = 0; place < 7; place++) week.insertCell().append(dayButton(plus(at, place), day));
    }
    return table;
  }

  function dayButton(at, day) {
    const made = button(String(at.getUTCDate()), WHOLE.format(at), () => choose(at));
    made.dataset.iso = write(at);
    made.tabIndex = write(at) === write(day) ? 0 : -1;
    if (at.getUTCMonth() !== day.getUTCMonth()) made.className = "lc-calendar__other";
    if (write(at) === open.field.dataset.today) made.setAttribute("aria-current", "date");
    if (write(at) === open.chosen) made.setAttribute("aria-pressed", "true");
    return made;
  }

  function move(day, focused = true) {
    open.day = day;
    draw();
    if (focused) open.box.querySelector("[tabindex='0']").focus();
    else open.box.querySelector(".lc-calendar__head button").focus();
  }

  async function show(field) {
    close();
    const understood = await say(field);
    const chosen = (understood && understood.day) || "";
    const box = document.createElement("div");
    box.className = "lc-calendar";
    box.popover = "auto"; // the top layer: no scroller cuts it off; a click elsewhere closes it
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", field.dataset.choose);
    field.append(box);
    open = { field, box, chosen, day: read(chosen || field.dataset.today) };
    box.addEventListener("keydown", press);
    box.addEventListener("toggle", (event) => event.newState === "closed" && close(box));
    box.showPopover();
    field.querySelector(".lc-day__open").setAttribute("aria-expanded", "true");
    move(open.day);
    place(field, box);
  }

  function place(field, box) {
    const at = inputOf(field).getBoundingClientRect();
    const below = at.bottom + 4 + box.offsetHeight <= window.innerHeight;
    box.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - box.offsetWidth - 8))}px`;
    box.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - box.offsetHeight - 4)}px`;
  }

  function close(box) {
    if (!open || (box && box !== open.box)) return;
    const { field, box: closing } = open;
    const inside = closing.contains(document.activeElement);
    open = null;
    closing.remove();
    field.querySelector(".lc-day__open").setAttribute("aria-expanded", "false");
    if (inside) inputOf(field).focus();
  }

  async function choose(day) {
    const { field, box } = open;
    const input = inputOf(field);
    // The time that stands in the field stays.
    const clock = field.dataset.clock && (/(\d{1,2}[.:]\d{2})\s*$/.exec(input.value.replace(/^\S*[.]\d\S*$/, "")) || [])[1];
    const understood = await understand(field, clock ? `${write(day)} ${clock}` : write(day)).catch(() => null);
    input.value = (understood && understood.text) || write(day);
    field.querySelector(".lc-day__said").textContent = (understood && understood.said) || "";
    field.classList.remove("lc-day--wrong");
    input.dispatchEvent(new Event("change", { bubbles: true }));
    input.focus();
    close(box);
  }

  const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

  function press(event) {
    const day = open.day;
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); return close(); }
    if (!event.target.dataset.iso) return; // the buttons above the grid press themselves
    const to = {
      Home: () => plus(day, -weekday(day)),
      End: () => plus(day, 6 - weekday(day)),
      PageUp: () => plusMonths(day, -1),
      PageDown: () => plusMonths(day, 1),
    }[event.key] || (event.key in STEPS ? () => plus(day, STEPS[event.key]) : null);
    if (!to) return;
    event.preventDefault();
    move(to());
  }

  document.addEventListener("click", (event) => {
    const opener = event.target instanceof Element && event.target.closest(".lc-day__open");
    if (!opener) return;
    if (open && open.field === fieldOf(opener)) close();
    else show(fieldOf(opener));
  });

  document.addEventListener("keydown", (event) => {
    const field = event.key === "ArrowDown" && event.target instanceof HTMLInputElement && fieldOf(event.target);
    if (!field) return;
    event.preventDefault();
    show(field);
  });

  const showButtons = () => {
    for (const opener of document.querySelectorAll(".lc-day__open[hidden]")) opener.hidden = false;
  };
  document.addEventListener("DOMContentLoaded", showButtons);
})();
