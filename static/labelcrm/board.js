// The slider of the board (templates/reports/movement/board.html): the day as of which it stands. Without it the page
// has links to other days.
(() => {
  "use strict";
  const DAY = 86400000;
  const language = document.documentElement.lang || "id";
  const words = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const iso = (day) => day.toISOString().slice(0, 10);

  // The day that a place of the slider means, a moment at midnight UTC, so that no time zone of a browser moves it.
  const dayAt = (box, slider) => new Date(Date.parse(box.dataset.last) - (slider.max - slider.value) * DAY);

  function open(box) {
    const label = box.querySelector(".lc-asof__slide");
    const slider = label.querySelector("input");
    const output = label.querySelector("output");
    label.hidden = false;
    slider.addEventListener("input", () => {
      output.textContent = words.format(dayAt(box, slider));
      slider.setAttribute("aria-valuetext", output.textContent);
    });
    slider.addEventListener("change", () => {
      const day = dayAt(box, slider);
      const address = new URL(window.location.href);
      for (const name of ["period", "to", "from"]) address.searchParams.delete(name);
      address.searchParams.set("from", box.dataset.from <= iso(day) ? box.dataset.from : iso(new Date(day - 29 * DAY)));
      address.searchParams.set("until", iso(day));
      window.location.assign(address);
    });
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".lc-asof").forEach(open));
})();
