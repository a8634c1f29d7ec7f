// What a list tells after its page has come: how many rows there are, and in the panel of filters how many there would be.
(() => {
  "use strict";

  const ask = async (url) => {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };

  // A count that cannot be had is left out: the list itself, or the words that stand there, are right without it.
  const countList = async () => {
    const place = document.getElementById("list-count");
    if (!place?.dataset.url) return;
    try {
      place.textContent = (await ask(place.dataset.url)).text;
    } catch {
      place.textContent ||= "–";
    }
  };

  // What a work list says of itself: how much waits, and in the filters above it how much each choice has.
  const countWork = async () => {
    const place = document.querySelector("output[data-count-url]");
    if (!place) return;
    try {
      const { text, choices, links } = await ask(place.dataset.countUrl);
      place.textContent = text;
      for (const [name, named] of Object.entries(choices || {})) offer(name, named);
      for (const [id, words] of Object.entries(links || {})) say(document.getElementById(id), words);
    } catch {
      place.textContent ||= "–";
    }
  };

  const say = (link, words) => {
    if (!link) return;
    link.textContent = words;
    link.hidden = !words;
  };

  // The choices of a filter anew, behind its first one; what is chosen stays.
  const offer = (name, named) => {
    const select = document.querySelector(`#quick-filters select[name="${name}"]`);
    if (!select || select === document.activeElement) return;
    const [first, ...known] = select.options;
    const kept = known.filter((option) => option.selected && !named.some(([value]) => value === option.value));
    const fresh = named.map(([value, text]) => new Option(text, value, false, value === select.value));
    select.replaceChildren(first, ...kept, ...fresh);
  };

  const countFilters = (form, button) => {
    const before = button.textContent;
    let latest = 0;
    return async () => {
      const mine = ++latest;
      const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
      try {
        const { show } = await ask(`count/?${query}`);
        if (mine === latest) button.textContent = show;
      } catch {
        if (mine === latest) button.textContent = before;
      }
    };
  };

  const watchFilters = () => {
    const form = document.getElementById("filter-form");
    const button = form?.querySelector("button[data-count]");
    if (!button) return;
    const count = countFilters(form, button);
    let waiting;
    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(count, 250);
    };
    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    // select2 tells of a choice through jQuery only.
    window.django?.jQuery?.(form).on("select2:select select2:unselect", soon);
  };

  const closeColumns = (event) => {
    const open = document.querySelector(".lc-chooser[open]");
    if (open && (event.key === "Escape" || (event.type === "click" && !open.contains(event.target)))) {
      open.open = false;
      if (event.key) open.querySelector("summary").focus();
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    countList();
    if (!document.querySelector("output[data-count-url]")?.textContent) countWork();
    document.addEventListener("rows-changed", countWork);
    watchFilters();
    document.getElementById("quick-filters")?.addEventListener("change", (event) => event.currentTarget.requestSubmit());
    document.addEventListener("click", closeColumns);
    document.addEventListener("keydown", closeColumns);
  });
})();
