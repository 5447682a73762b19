// Filter chips, search and sorting of the verdict tables. Chip and order stand in the address, the
// search does not: it is text.
"use strict";
(() => {
  for (const table of document.querySelectorAll("table.verdicts")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const filters = document.querySelector(`.filters[data-table="${table.id}"]`);
    const chips = filters ? [...filters.querySelectorAll(".chip")] : [];
    const search = filters?.querySelector("input");
    const found = filters?.querySelector(".found");
    const select = filters?.querySelector(".order");
    const heads = [...table.querySelectorAll("th[data-sort]")];
    let slug = "";

    const filter = () => {
      const wanted = search ? search.value.trim().toLowerCase() : "";
      let shown = 0;
      for (const row of rows) {
        row.hidden = !((!slug || row.dataset.slug === slug) && row.dataset.run.includes(wanted));
        if (!row.hidden) shown += 1;
      }
      if (found) found.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} runs`;
    };

    const compare = (key, sign) => (a, b) => {
      if (key === "run") return sign * a.dataset.run.localeCompare(b.dataset.run, "en", { numeric: true });
      const [x, y] = [a.dataset[key], b.dataset[key]];
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * (Number(x) - Number(y));
    };

    const sort = (order) => {
      const key = order?.replace(/^-/, "");
      const head = heads.find((each) => each.dataset.sort === key);
      for (const each of heads) {
        if (each === head) each.setAttribute("aria-sort", order.startsWith("-") ? "descending" : "ascending");
        else each.removeAttribute("aria-sort");
      }
      if (select) select.value = head && [...select.options].some((each) => each.value === order) ? order : "";
      body.append(...(head ? [...rows].sort(compare(key, order.startsWith("-") ? -1 : 1)) : rows));
    };

    for (const chip of chips) chip.addEventListener("click", () => clipstoreHash.set({ verdict: chip.dataset.slug || null }));
    search?.addEventListener("input", filter);
    select?.addEventListener("change", () => clipstoreHash.set({ sort: select.value || null }, { replace: true }));
    for (const head of heads) {
      const key = head.dataset.sort;
      // Largest first for numbers, then smallest first, then what to act on first again.
      const round = key === "run" ? [key, `-${key}`, null] : [`-${key}`, key, null];
      head.querySelector("button").addEventListener("click", () => {
        const now = round.indexOf(clipstoreHash.read().sort ?? null);
        clipstoreHash.set({ sort: round[(now + 1) % 3] }, { replace: true });
      });
    }
    clipstoreHash.listen((state, previous) => {
      slug = chips.some((chip) => chip.dataset.slug === state.verdict) ? state.verdict : "";
      for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.slug === slug));
      filter();
      if (state.sort !== previous.sort) sort(state.sort);
    });
  }
})();
