// The connection page: asks what arrived while somebody waits, and copies addresses.
(() => {
  "use strict";
  const check = document.getElementById("check");
  const WAITING = 2500;
  const WORKING = 10000;

  async function refresh() {
    if (!document.hidden && !check.contains(document.activeElement)) {
      try {
        const answer = await fetch(check.dataset.url, { headers: { Accept: "text/html" } });
        if (answer.redirected || answer.status === 403) return;
        if (answer.ok) show(await answer.text());
      } catch { /* the server is away: asked again below */ }
    }
    setTimeout(refresh, isWaiting() ? WAITING : WORKING);
  }

  function isWaiting() {
    return check.querySelector("[data-waiting]")?.dataset.waiting === "1";
  }

  function show(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    // A reader's place in the list stays where it is; a screen reader hears only what changed.
    const place = check.querySelector(".lc-scroll")?.scrollTop || 0;
    const fresh = [...template.content.children];
    const old = [...check.children];
    fresh.forEach((part, index) => {
      if (!old[index]) check.append(part);
      else if (withoutToken(old[index]) !== withoutToken(part)) old[index].replaceWith(part);
    });
    const list = check.querySelector(".lc-scroll");
    if (list) list.scrollTop = place;
  }

  function withoutToken(part) {
    return part.innerHTML.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
  }

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
  if (check) setTimeout(refresh, WAITING);
})();
