// Rows with a form each: one is saved where it stands, says what that did, and the next one is under the fingers.
(() => {
  "use strict";

  const FIRST = "select[name=means], button, summary";

  async function send(form, button) {
    const body = new FormData(form);
    if (button?.name) body.append(button.name, button.value);
    const headers = { "X-Requested-With": "fetch", Accept: "text/html" };
    const answer = await fetch(form.action, { method: "POST", body, headers });
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    return answer.text();
  }

  async function save(form, button) {
    const row = form.closest("li");
    row.setAttribute("aria-busy", "true");
    form.dataset.sent = "1";
    try {
      show(row, await send(form, button));
    } catch {
      delete form.dataset.row; // the plain way says what is wrong
      form.requestSubmit(button);
    }
  }

  function show(row, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const said = template.content.querySelector("[data-said]");
    const fresh = [...template.content.children].filter((each) => !each.hidden);
    const again = said?.dataset.again === "1" || fresh.length > 1;
    const next = again ? fresh.at(-1) : nextOf(row);
    const open = row.querySelector(":scope > input[type=checkbox]")?.checked;
    row.replaceWith(...fresh);
    const toggle = again && next.querySelector(":scope > input[type=checkbox]");
    if (toggle) toggle.checked = open;
    const left = document.getElementById("rows-left");
    if (left && said?.dataset.left) left.textContent = said.dataset.left;
    else if (said) document.dispatchEvent(new Event("rows-changed"));
    document.getElementById("rows-said").textContent = said?.dataset.said || "";
    const into = next || fresh.at(-1);
    (into?.querySelector("[data-next]") || into?.querySelector(FIRST))?.focus();
  }

  function nextOf(row) {
    let next = row.nextElementSibling;
    while (next && !next.querySelector(FIRST)) next = next.nextElementSibling;
    return next;
  }

  document.querySelector("[data-rows]").addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-row]");
    if (!form) return;
    event.preventDefault();
    if (!form.dataset.sent) save(form, event.submitter);
  });
})();
