// The number beside an entry of the menu that is dear to count: asked for once a minute, whatever pages are opened.
(() => {
  "use strict";
  const EVERY = 60000;
  const link = document.querySelector("#nav-sidebar-apps a[data-asks]");
  if (!link) return;
  const key = `menu-count:${link.dataset.asks}`;

  function show(count) {
    let badge = link.querySelector(".lc-menu-count");
    if (!badge) {
      badge = document.createElement("span");
      badge.className = "lc-menu-count";
      link.append(badge);
    }
    badge.textContent = count;
    badge.hidden = !count;
  }

  function kept() {
    try {
      return JSON.parse(sessionStorage.getItem(key)) || {};
    } catch {
      return {};
    }
  }

  async function ask() {
    if (document.hidden || Date.now() - (kept().at || 0) < EVERY) return;
    try {
      const answer = await fetch(link.dataset.asks, { headers: { Accept: "application/json" } });
      if (answer.redirected || !answer.ok) return;
      const { count } = await answer.json();
      sessionStorage.setItem(key, JSON.stringify({ count, at: Date.now() }));
      show(count);
    } catch { /* the page was left, or the server is away */ }
  }

  // A page that knows the number itself says so (today.js).
  document.addEventListener("labelcrm:count", (event) => {
    sessionStorage.setItem(key, JSON.stringify({ count: event.detail, at: Date.now() }));
    show(event.detail);
  });

  if (kept().count) show(kept().count);
  window.addEventListener("load", () => setTimeout(ask, 300));
  setInterval(ask, EVERY);
})();
