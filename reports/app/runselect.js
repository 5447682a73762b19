// The choosers of a run beside the charts, and the picked run they show: the address's first, else
// the table's first.
"use strict";
window.clipstoreRunSelect = (section, runs, show) => {
  const select = section.querySelector(".run-select");
  runs.forEach((run, i) => select.append(new Option(run.name, String(i))));
  const place = (state) => {
    const id = state.run?.split(",")[0];
    return Math.max(0, runs.findIndex((run) => run.id === id));
  };
  select.addEventListener("change", () => clipstoreHash.set({ run: runs[Number(select.value)].id }));
  let shown = -1;
  clipstoreHash.listen((state) => {
    const at = place(state);
    if (at === shown) return;
    shown = at;
    select.value = String(at);
    show();
  });
  return () => Number(select.value || 0);
};

/** Fills a table anew: cells as text, the first of each row its header. */
window.clipstoreFillTable = (table, heads, rows) => {
  const head = document.createElement("thead");
  const titles = head.insertRow();
  for (const text of heads) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    titles.append(cell);
  }
  const body = document.createElement("tbody");
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((text, i) => {
      const cell = document.createElement(i === 0 ? "th" : "td");
      if (i === 0) cell.scope = "row";
      cell.textContent = text;
      line.append(cell);
    });
  }
  table.querySelector("thead")?.remove();
  table.querySelector("tbody")?.remove();
  table.append(head, body);
};

/** Numbers as the page prints them: a minus sign, a dash for what is not known. */
window.clipstoreNumber = (value, digits, isSigned = false) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const isZero = Math.abs(value) < 0.5 * 10 ** -digits;
  const text = Math.abs(value).toFixed(digits);
  if (isZero) return text;
  return value < 0 ? `−${text}` : isSigned ? `+${text}` : text;
};
