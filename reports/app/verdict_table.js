// Filter chips and search of the verdict tables.
"use strict";
(() => {
  for (const filters of document.querySelectorAll(".filters")) {
    const rows = [...document.querySelectorAll(`#${filters.dataset.table} tbody tr`)];
    const chips = [...filters.querySelectorAll(".chip")];
    const search = filters.querySelector("input");
    const found = filters.querySelector(".found");
    const apply = () => {
      const slug = chips.find((chip) => chip.getAttribute("aria-pressed") === "true").dataset.slug;
      const wanted = search.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !((!slug || row.dataset.slug === slug) && row.dataset.run.includes(wanted));
        if (!row.hidden) shown += 1;
      }
      found.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} runs`;
    };
    for (const chip of chips) {
      chip.addEventListener("click", () => {
        chips.forEach((other) => other.setAttribute("aria-pressed", String(other === chip)));
        apply();
      });
    }
    search.addEventListener("input", apply);
  }
})();
