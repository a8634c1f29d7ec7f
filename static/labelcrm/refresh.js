// Parts of a page that ask the server how they are: often while something is waited for, seldom otherwise.
(() => {
  "use strict";
  if (window.labelcrmRefreshes) return; // a page and the notices above it may both ask for this script
  window.labelcrmRefreshes = true;
  const WAITING = 2500;
  const WORKING = 4000;
  const timers = new Map(); // of the parts that wait for their next turn

  async function refresh(part) {
    timers.delete(part);
    if (!document.hidden) {
      try {
        const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } });
        if (answer.redirected || answer.status === 403) return;
        const html = answer.ok ? await answer.text() : "";
        if (html) show(part, html);
      } catch { /* the server is away: asked again below */ }
    }
    if (part.querySelector("[data-waiting]")?.dataset.waiting !== "over") wait(part, pause(part));
  }

  function wait(part, milliseconds) {
    timers.set(part, setTimeout(refresh, milliseconds, part));
  }

  function pause(part) {
    return part.querySelector("[data-waiting]")?.dataset.waiting === "1" ? WAITING : WORKING;
  }

  function show(part, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    // A reader's place in the list stays where it is, and so does the focus.
    const place = part.querySelector(".lc-scroll")?.scrollTop || 0;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const old = [...part.children];
    [...template.content.children].forEach((fresh, index) => {
      if (old[index]) update(old[index], fresh);
      else part.append(fresh);
    });
    const list = part.querySelector(".lc-scroll");
    if (list) list.scrollTop = place;
    if (focused && !focused.isConnected) focusAgain(part, focused);
    say(part);
  }

  function focusAgain(part, former) {
    const name = (one) => one.getAttribute("href") || one.form?.getAttribute("action") || one.textContent.trim();
    [...part.querySelectorAll(former.localName)].find((one) => name(one) === name(former))?.focus({ preventScroll: true });
  }

  // Only what differs is replaced: a bar that grows leaves the button beside it under the pointer.
  function update(old, fresh) {
    if (withoutToken(old) === withoutToken(fresh)) return;
    const inside = [...fresh.children];
    if (frame(old) === frame(fresh) && inside.length && inside.length === old.children.length) {
      [...old.children].forEach((child, index) => update(child, inside[index]));
    } else old.replaceWith(fresh);
  }

  // An element without the elements in it: its tag, its attributes, and the text between them.
  function frame(element) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    return element.cloneNode(false).outerHTML + texts.map((node) => node.data.trim()).join("|");
  }

  // Who hears the page is told the sentence of the part, when it is another one, and nothing else.
  const told = new WeakMap();
  function say(part) {
    const sentence = part.querySelector("[data-said]")?.dataset.said;
    if (told.has(part) && sentence && told.get(part) !== sentence) {
      document.getElementById(part.dataset.speaker).textContent = sentence;
    }
    told.set(part, sentence);
  }

  function withoutToken(element) {
    return element.outerHTML.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
  }

  for (const part of document.querySelectorAll("[data-refresh]")) {
    say(part);
    wait(part, WAITING);
  }

  // Who comes back from the gateway's own page sees what came meanwhile, and not after the next turn.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const [part, timer] of [...timers]) {
      clearTimeout(timer);
      refresh(part);
    }
  });
})();
