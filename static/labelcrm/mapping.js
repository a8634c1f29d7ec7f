// The mapping page: a row is saved where it stands, says what that did, and the next one is under the fingers.
(() => {
  "use strict";

  const page = document.getElementById("mapping");
  const FIRST = "select[name=means], button";

  async function send(form) {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Requested-With": "fetch", Accept: "text/html" },
    });
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    return answer.text();
  }

  async function save(form) {
    const row = form.closest("li");
    const button = form.querySelector("button");
    button.disabled = true;
    row.setAttribute("aria-busy", "true");
    try {
      show(row, await send(form));
    } catch {
      form.submit(); // the plain way says what is wrong
    }
  }

  function show(row, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const said = template.content.querySelector("[data-said]");
    const fresh = [...template.content.children].filter((each) => !each.hidden);
    const again = said?.dataset.again === "1";
    const next = again || fresh.length > 1 ? fresh.at(-1) : nextOf(row);
    row.replaceWith(...fresh);
    const left = document.getElementById("mapping-left");
    if (left && said) {
      left.textContent = said.dataset.left;
      left.classList.toggle("lc-flag--warn", said.dataset.left !== "0");
    }
    document.getElementById("mapping-said").textContent = said?.dataset.said || "";
    (next || fresh.at(-1))?.querySelector(FIRST)?.focus({ preventScroll: false });
  }

  function nextOf(row) {
    let next = row.nextElementSibling;
    while (next && !next.querySelector("select[name=means]")) next = next.nextElementSibling;
    return next;
  }

  page.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-row]");
    if (!form) return;
    event.preventDefault();
    save(form);
  });
})();
