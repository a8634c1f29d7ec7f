// Keeps the home page moving: server-sent events, and a question every 3 seconds where those cannot be had.
(() => {
  "use strict";
  const root = document.getElementById("live");
  if (!root) return;

  const POLL_EVERY = 3000;
  const TRY_STREAM_EVERY = 30000;
  const SILENT_AFTER = 40000; // two heartbeats were missed: the connection is dead without a word
  const MOST_ROWS = 50;
  const rows = document.getElementById("live-rows");
  const tiles = document.getElementById("live-tiles");
  const empty = document.getElementById("live-empty");
  const more = document.getElementById("live-more");
  const state = document.getElementById("live-state");
  const said = document.getElementById("live-said");
  let last = Number(root.dataset.last);
  let source = null;
  let opened = false;
  let pollTimer = null;
  let held = [];
  let heardAt = Date.now();
  let streamTriedAt = 0;

  // -- What the page says about itself ----------------------------------------------------------------------------

  function say(name) {
    if (state.dataset.state === name) return;
    state.dataset.state = name;
    said.textContent = root.dataset["said" + name.replace(/(^|-)(\w)/g, (_, __, letter) => letter.toUpperCase())];
  }

  // -- Rows -------------------------------------------------------------------------------------------------------

  function isBeingRead() {
    return rows.matches(":hover") || rows.contains(document.activeElement);
  }

  function take(newRows) {
    for (const row of newRows) {
      last = Math.max(last, row.id);
      const line = rows.querySelector(`[data-event="${row.id}"]`);
      if (line) redraw(line, row.html);
      else held = [...held.filter((other) => other.id !== row.id), row];
    }
    if (isBeingRead()) offer();
    else show();
  }

  // Somebody was renamed: what is shown follows, where it stands.
  function redraw(line, html) {
    if (line.labelcrmHtml === html) return;
    const drawn = fragment(html).firstElementChild;
    drawn.labelcrmHtml = html;
    line.replaceWith(drawn);
  }

  // Everything that is listed now: what is between and not named was archived, erased or is another team's.
  function keepOnly(ids) {
    const listed = new Set(ids);
    const oldest = ids.length < MOST_ROWS ? 0 : ids[ids.length - 1];
    const isGone = (id) => id > oldest && !listed.has(id);
    for (const line of [...rows.children]) if (isGone(Number(line.dataset.event))) line.remove();
    held = held.filter((row) => !isGone(row.id));
    if (held.length || !more.hidden) offer();
    empty.hidden = rows.children.length > 0;
  }

  function offer() {
    more.hidden = held.length === 0;
    more.textContent = `${held.length} ${root.dataset.saidNew}`;
  }

  function show() {
    for (const row of held) {
      const line = fragment(row.html).firstElementChild;
      line.classList.add("lc-change--new");
      line.labelcrmHtml = row.html;
      insert(line, row.id);
    }
    if (held.length) document.querySelector(".lc-welcome")?.remove();
    held = [];
    more.hidden = true;
    while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
    empty.hidden = rows.children.length > 0;
    tellTimes();
  }

  function insert(line, id) {
    const older = [...rows.children].find((other) => Number(other.dataset.event) < id);
    rows.insertBefore(line, older || null);
  }

  function fragment(html) {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    return template.content;
  }

  // -- Tiles ------------------------------------------------------------------------------------------------------

  function numbers() {
    return new Map([...tiles.querySelectorAll("[data-number]")].map((one) => [one.dataset.number, one.textContent]));
  }

  function refresh(html) {
    const before = numbers();
    const active = tiles.contains(document.activeElement) ? document.activeElement : null;
    const opened = [...tiles.querySelectorAll("details[open]")].map((one) => one.id);
    tiles.replaceChildren(fragment(html));
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    for (const one of tiles.querySelectorAll("[data-number]")) {
      const old = before.get(one.dataset.number);
      if (old !== undefined && old !== one.textContent) one.classList.add("lc-changed");
    }
    if (active) sameAs(active)?.focus({ preventScroll: true });
  }

  function sameAs(former) {
    const name = (one) => one.getAttribute("href") || one.textContent.trim();
    return [...tiles.querySelectorAll(former.localName)].find((one) => name(one) === name(former) && one.tabIndex >= 0);
  }

  // -- Times ------------------------------------------------------------------------------------------------------

  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang || "id", { numeric: "auto", style: "long" });
  const UNITS = [["second", 1, 60], ["minute", 60, 3600], ["hour", 3600, 86400], ["day", 86400, 7 * 86400]];

  function tellTimes() {
    for (const time of rows.querySelectorAll("time")) {
      const seconds = Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000);
      const unit = UNITS.find(([, , limit]) => seconds < limit);
      // "6 jam lalu", as every other page says it: browsers say "6 jam yang lalu".
      if (unit) time.textContent = relative.format(-Math.floor(seconds / unit[1]), unit[0]).replace(" yang lalu", " lalu");
    }
  }

  // -- The stream -------------------------------------------------------------------------------------------------

  function openStream() {
    closeStream();
    streamTriedAt = heardAt = Date.now();
    source = new EventSource(`${root.dataset.stream}?since=${opened ? 0 : last}`); // again: names may have changed
    opened = true;
    source.addEventListener("open", () => heard());
    source.addEventListener("state", (event) => heard(JSON.parse(event.data).live ? "live" : "waiting"));
    source.addEventListener("rows", (event) => { heard(); take(JSON.parse(event.data)); });
    source.addEventListener("ids", (event) => { heard(); keepOnly(JSON.parse(event.data)); });
    source.addEventListener("tiles", (event) => { heard(); refresh(JSON.parse(event.data)); });
    source.addEventListener("beat", () => heard());
    source.addEventListener("error", () => poll(source && source.readyState === EventSource.CLOSED ? 0 : 2500));
  }

  function heard(name) {
    heardAt = Date.now();
    stopPolling();
    if (name) say(name);
  }

  function closeStream() {
    if (source) source.close();
    source = null;
  }

  // -- Asking -----------------------------------------------------------------------------------------------------

  function poll(after) {
    if (pollTimer === null) pollTimer = setTimeout(ask, after);
  }

  function stopPolling() {
    clearTimeout(pollTimer);
    pollTimer = null;
  }

  async function ask() {
    const isRefused = !source || source.readyState === EventSource.CLOSED;
    if (isRefused && Date.now() - streamTriedAt > TRY_STREAM_EVERY) openStream();
    try {
      const answer = await fetch(`${root.dataset.feed}?since=${last}`, { headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403) return signedOut();
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      take(news.rows);
      keepOnly(news.ids);
      refresh(news.tiles);
      if (pollTimer !== null) say("polling");
    } catch {
      if (pollTimer !== null) say("offline");
    }
    if (pollTimer !== null) pollTimer = setTimeout(ask, POLL_EVERY);
    return undefined;
  }

  function signedOut() {
    stopPolling();
    closeStream();
    say("signed-out");
  }

  // -- When -------------------------------------------------------------------------------------------------------

  // A browser has six connections per server: pages nobody looks at give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (state.dataset.state === "signed-out") return;
    if (document.hidden) {
      stopPolling();
      closeStream();
    } else openStream();
  });
  window.addEventListener("pagehide", closeStream);
  window.addEventListener("pageshow", (event) => { if (event.persisted) openStream(); });
  setInterval(() => {
    tellTimes();
    if (source && source.readyState === EventSource.OPEN && Date.now() - heardAt > SILENT_AFTER) openStream();
  }, 10000);
  more.addEventListener("click", show);
  rows.addEventListener("mouseleave", () => { if (held.length) show(); });
  rows.addEventListener("focusout", () => setTimeout(() => { if (held.length && !isBeingRead()) show(); }));

  tellTimes();
  if (!document.hidden) openStream();
})();
