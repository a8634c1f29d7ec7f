// The funnel follows what is chosen, without a click. Without this there is a button "Count again".
(() => {
  "use strict";
  const form = document.getElementById("export-form");
  const funnel = document.getElementById("funnel");
  if (!form || !funnel) return;
  let latest = 0;

  form.addEventListener("change", async () => {
    const mine = ++latest;
    const chosen = new URLSearchParams(new FormData(form));
    chosen.delete("csrfmiddlewaretoken");
    const address = `${location.pathname}?${chosen}`;
    funnel.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { headers: { "X-Requested-With": "fetch" } });
      if (mine !== latest || !answer.ok || answer.redirected) return;
      funnel.innerHTML = await answer.text();
      // The numbers lead to people of this choice, and back again.
      history.replaceState(null, "", address);
    } catch {
      // The server is away: the numbers stay as they were counted.
    } finally {
      if (mine === latest) funnel.removeAttribute("aria-busy");
    }
  });
})();
