// Parts of a page that ask the server how they are: often while something is waited for, seldom otherwise.
(() => {
  "use strict";
  const WAITING = 2500;
  const WORKING = 10000;

  async function refresh(part) {
    if (!document.hidden && !part.contains(document.activeElement)) {
      try {
        const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } });
        if (answer.redirected || answer.status === 403) return;
        if (answer.ok) show(part, await answer.text());
      } catch { /* the server is away: asked again below */ }
    }
    setTimeout(refresh, pause(part), part);
  }

  function pause(part) {
    return part.querySelector("[data-waiting]")?.dataset.waiting === "1" ? WAITING : WORKING;
  }

  function show(part, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    // A reader's place in the list stays where it is; a screen reader hears only what changed.
    const place = part.querySelector(".lc-scroll")?.scrollTop || 0;
    const old = [...part.children];
    [...template.content.children].forEach((fresh, index) => {
      if (!old[index]) part.append(fresh);
      else if (withoutToken(old[index]) !== withoutToken(fresh)) old[index].replaceWith(fresh);
    });
    const list = part.querySelector(".lc-scroll");
    if (list) list.scrollTop = place;
  }

  function withoutToken(element) {
    return element.innerHTML.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
  }

  for (const part of document.querySelectorAll("[data-refresh]")) setTimeout(refresh, WAITING, part);
})();
