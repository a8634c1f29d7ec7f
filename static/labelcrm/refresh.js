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
        const html = answer.ok ? await answer.text() : "";
        if (html && !part.contains(document.activeElement)) show(part, html);
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
    // A reader's place in the list stays where it is.
    const place = part.querySelector(".lc-scroll")?.scrollTop || 0;
    const old = [...part.children];
    [...template.content.children].forEach((fresh, index) => {
      if (old[index]) update(old[index], fresh);
      else part.append(fresh);
    });
    const list = part.querySelector(".lc-scroll");
    if (list) list.scrollTop = place;
    say(part);
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
    setTimeout(refresh, WAITING, part);
  }
})();
