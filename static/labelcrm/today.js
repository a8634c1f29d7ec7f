// Today by keyboard: the queue left, the contact right. Every key is a button that is on the page anyway.
(() => {
  "use strict";
  const root = document.getElementById("today");
  if (!root) return;
  const ASK_EVERY = 60000;
  const AFTER_NEWS = 2500; // what comes in bursts is asked for once,
  const AT_MOST_EVERY = 15000; // and not at every burst of a busy morning
  const rows = document.getElementById("today-rows");
  const pane = document.getElementById("today-contact");
  const said = document.getElementById("today-said");
  const more = document.getElementById("today-new");
  const bulk = document.getElementById("today-bulk");
  const fetched = { headers: { "X-Requested-With": "fetch" } };
  const pages = new Map(); // contact → its right half, asked for ahead
  let held = null; // the newest news, while its lines wait to be shown
  let timer = 0;
  let askedAt = 0;

  const lines = () => [...rows.children];
  const current = () => rows.querySelector('[aria-current="true"]');
  const idOf = (line) => line?.dataset.contact;
  const lineOf = (id) => rows.querySelector(`[data-contact="${CSS.escape(String(id))}"]`);
  const chosen = () => [...rows.querySelectorAll(".lc-today__pick:checked")].map((box) => box.value);

  function fragment(html) {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content;
  }

  function say(sentence, isError = false) {
    said.textContent = sentence;
    said.classList.toggle("lc-error", isError);
  }

  // -- Looking at a line --------------------------------------------------------------------------------------------

  function address(id) {
    return root.dataset.contact.replace("/0/", `/${id}/`);
  }

  function ask(id) {
    if (!pages.has(id)) {
      const page = fetch(address(id), fetched).then((answer) => (answer.ok && !answer.redirected ? answer.text() : ""));
      pages.set(id, page.catch(() => ""));
    }
    return pages.get(id);
  }

  async function look(line, { open = true, scroll = true } = {}) {
    const former = current();
    if (former && former !== line) former.removeAttribute("aria-current");
    if (!line) return pane.replaceChildren();
    line.setAttribute("aria-current", "true");
    if (scroll) line.scrollIntoView({ block: "nearest" });
    if (open) root.classList.add("lc-today--open");
    const id = idOf(line);
    const html = await ask(id);
    if (current() !== line) return undefined; // somebody was quicker
    pane.replaceChildren(fragment(html));
    for (const opener of pane.querySelectorAll(".lc-day__open[hidden]")) opener.hidden = false;
    const next = line.nextElementSibling;
    if (next) ask(idOf(next));
    const here = new URL(location.href);
    here.searchParams.set("contact", id);
    history.replaceState(null, "", here);
    return undefined;
  }

  function step(by) {
    const all = lines();
    if (!all.length) return;
    const at = all.indexOf(current());
    look(all[Math.min(Math.max(at + by, 0), all.length - 1)], { open: false });
  }

  // -- Doing something ------------------------------------------------------------------------------------------------

  async function send(form, button, ids) {
    const body = new FormData(form);
    if (button?.name) body.set(button.name, button.value);
    if (ids?.length) {
      body.delete("contact");
      body.delete("kind");
      for (const id of ids) body.append("contact", id);
    }
    const answer = await fetch(form.action, { method: "POST", body, ...fetched });
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    return { ...(await answer.json()), what: body.get("do") };
  }

  async function act(form, button) {
    const ids = form === bulk ? chosen() : form.querySelector("[name=contact]") ? chosen() : [];
    if (form === bulk && !ids.length) return;
    root.setAttribute("aria-busy", "true");
    try {
      await show(await send(form, button, ids));
    } catch {
      say(root.dataset.saidFailed, true);
    } finally {
      root.removeAttribute("aria-busy");
    }
  }

  async function show({ said: sentence, error, done, left, what }) {
    say([sentence, error].filter(Boolean).join(" "), Boolean(error));
    for (const id of done) pages.delete(String(id));
    if (what === "undo") {
      await renew();
      const back = done.map(lineOf).find(Boolean);
      if (back) look(back);
      return;
    }
    const undo = document.getElementById("today-undo");
    if (undo && done.length) undo.disabled = false;
    const here = current();
    const wasHere = here && done.includes(Number(idOf(here)));
    // Where the eye goes next: the nearest line below that stays, else above.
    const all = lines();
    const gone = done.filter((id) => !left.includes(id)); // others stand here for another reason still
    const stays = (line) => !gone.includes(Number(idOf(line)));
    const next = all.slice(all.indexOf(here) + 1).find(stays) || all.slice(0, Math.max(all.indexOf(here), 0)).reverse().find(stays);
    for (const id of gone) lineOf(id)?.remove();
    tellChosen();
    if (wasHere) {
      look(here.isConnected ? here : next);
      pane.focus({ preventScroll: true });
    }
    if (!lines().length) await renew();
    else later();
  }

  // -- What is new ----------------------------------------------------------------------------------------------------

  async function askNews() {
    askedAt = Date.now();
    const answer = await fetch(root.dataset.news, fetched);
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  function above(news) {
    replace("today-head", news.head);
    if (!document.querySelector("#today-foot details[open]")) replace("today-foot", news.foot);
    document.dispatchEvent(new CustomEvent("labelcrm:count", { detail: news.count }));
  }

  function replace(id, html) {
    const part = document.getElementById(id);
    const active = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    part.replaceChildren(fragment(html));
    if (active) part.querySelector(`a[href="${CSS.escape(active)}"]`)?.focus({ preventScroll: true });
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(listen, Math.max(AFTER_NEWS, askedAt + AT_MOST_EVERY - Date.now()));
  }

  // New lines wait behind a button: what somebody reads stays where it is. Lines that are over go, except the current.
  async function listen() {
    if (document.hidden) return;
    try {
      held = await askNews();
    } catch {
      return;
    }
    above(held);
    const now = new Set(held.ids.map(String));
    for (const line of lines()) if (!now.has(idOf(line)) && line !== current()) line.remove();
    redraw(held);
    moveUp(held);
    const unseen = held.ids.filter((id) => !lineOf(id));
    if (unseen.length && !lines().length) return showNews();
    more.hidden = !unseen.length;
    more.textContent = `${unseen.length} ${root.dataset.saidNew}`;
    return undefined;
  }

  // What a line says may have changed: one of its reasons is settled, or it has waited for an hour more.
  function redraw(news) {
    for (const line of lines()) {
      const html = news.rows[idOf(line)];
      if (!html || line.labelcrmHtml === html || line.contains(document.activeElement)) continue;
      const drawn = fragment(html).firstElementChild;
      drawn.labelcrmHtml = html;
      drawn.querySelector(".lc-today__pick").checked = line.querySelector(".lc-today__pick").checked;
      if (line === current()) drawn.setAttribute("aria-current", "true");
      line.replaceWith(drawn);
    }
  }

  // What follows the last line came up from the backlog: it moves nothing that is being read.
  function moveUp(news) {
    const last = news.ids.map(lineOf).filter(Boolean).pop();
    const from = last ? news.ids.indexOf(Number(idOf(last))) + 1 : news.ids.length;
    for (const id of news.ids.slice(from)) rows.append(fragment(news.rows[id]));
  }

  function showNews() {
    if (!held) return;
    const id = idOf(current());
    const picked = new Set(chosen());
    rows.replaceChildren(...held.ids.map((each) => fragment(held.rows[each]).firstElementChild));
    for (const box of rows.querySelectorAll(".lc-today__pick")) box.checked = picked.has(box.value);
    above(held);
    held = null;
    more.hidden = true;
    look((id && lineOf(id)) || lines()[0], { open: false, scroll: false });
    tellChosen();
  }

  async function renew() {
    held = await askNews();
    pages.clear();
    showNews();
  }

  // -- Choosing several -----------------------------------------------------------------------------------------------

  function tellChosen() {
    const count = chosen().length;
    const word = document.getElementById("today-chosen");
    if (!word) return;
    word.textContent = count ? `${count} ${root.dataset.saidChosen}` : word.dataset.none;
    bulk.classList.toggle("lc-today__bulk--on", count > 0);
  }

  // -- Keys -----------------------------------------------------------------------------------------------------------

  const isTyping = (event) => event.target.closest?.("input:not([type=checkbox], [type=hidden]), textarea, select, [contenteditable]");

  function press(key) {
    if (key === "j" || key === "arrowdown") return step(1);
    if (key === "k" || key === "arrowup") return step(-1);
    if (key === "v") {
      const box = current()?.querySelector(".lc-today__pick");
      if (box) box.click();
      return undefined;
    }
    const place = key === "enter" ? "o" : key;
    const button = root.querySelector(`[data-key="${CSS.escape(place)}"]`);
    if (!button || button.disabled) return undefined;
    if (button.localName !== "summary") return button.click();
    const details = button.parentElement;
    details.open = !details.open;
    if (details.open) details.querySelector(".lc-today__panel :is(input:not([type=hidden]), select, button)")?.focus();
    return undefined;
  }

  const KEYS = new Set(["j", "k", "o", "enter", "s", "a", "f", "r", "x", "z", "v", "?", "arrowdown", "arrowup"]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const key = event.key.toLowerCase();
    if (key === "escape") return escape();
    if (isTyping(event) || !KEYS.has(key)) return;
    if ((key === "enter" || key.startsWith("arrow")) && event.target.closest("a, button, summary, .lc-chat-scroll")) return;
    if (event.repeat && key !== "j" && key !== "k") return;
    event.preventDefault();
    press(key);
  });

  function escape() {
    const open = pane.querySelector("details[open]");
    if (open) {
      open.open = false;
      pane.focus({ preventScroll: true });
    } else root.classList.remove("lc-today--open");
  }

  // -- What is pressed ------------------------------------------------------------------------------------------------

  root.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-today]") && form !== bulk) return;
    event.preventDefault();
    if (!root.hasAttribute("aria-busy")) act(form, event.submitter);
  });

  root.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const press_ = event.target.closest("[data-press]");
    if (press_) return press(press_.dataset.press);
    if (event.target.closest('[data-key="back"]')) return root.classList.remove("lc-today--open");
    if (event.target.closest("#today-choose-none")) {
      for (const box of rows.querySelectorAll(".lc-today__pick:checked")) box.checked = false;
      return tellChosen();
    }
    const opener = event.target.closest(".lc-today__open");
    if (!opener) return undefined;
    event.preventDefault();
    return look(opener.closest("li"));
  });

  rows.addEventListener("change", tellChosen);
  more.addEventListener("click", showNews);

  // -- Live -----------------------------------------------------------------------------------------------------------

  let source = null;

  function openStream() {
    closeStream();
    source = new EventSource(`${root.dataset.stream}?since=9007199254740991`);
    let first = true;
    source.addEventListener("tiles", () => { if (!first) later(); first = false; });
    source.addEventListener("rows", later);
  }

  function closeStream() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) closeStream();
    else {
      openStream();
      later();
    }
  });
  window.addEventListener("pagehide", closeStream);
  setInterval(listen, ASK_EVERY);

  const next = current()?.nextElementSibling;
  if (next) ask(idOf(next));
  tellChosen();
  if (!document.hidden) openStream();
})();
