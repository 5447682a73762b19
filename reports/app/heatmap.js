// Every prompt at every validation of the picked run. Cells come out of the packed numbers; what has
// no score stays empty, so that the hatched ground shows. No text from outside goes to plotly: the
// line above the chart and the table tell, as plain text.
"use strict";
(() => {
  const number = clipstoreNumber;
  const MAX_ROWS_LISTED = 100;
  const CIVIDIS = "Cividis";
  const PUOR = [
    [0, "#7f3b08"], [0.125, "#b35806"], [0.25, "#e08214"], [0.375, "#fdb863"], [0.5, "#f7f7f7"],
    [0.625, "#b2abd2"], [0.75, "#8073ac"], [0.875, "#542788"], [1, "#2d004b"],
  ];

  for (const section of document.querySelectorAll("section[id^='heatmap-']")) {
    const k = section.dataset.model;
    const data = clipstoreCharts.block(`model-data-${k}`);
    const plot = section.querySelector(".plot");
    const told = section.querySelector(".heat-told");
    const details = section.querySelector(".lazy-table");
    const table = details.querySelector("table");
    const values = section.querySelector(".heat-values");
    const order = section.querySelector(".heat-order");
    const search = section.querySelector(".heat-search");
    let picked = () => 0;
    let cube = null;
    let shown = { prompts: [], z: [], raw: [], base: [], steps: [] };

    const unpack = () => {
      if (cube) return;
      const packed = clipstoreCharts.block(`cube-${k}`);
      const bytes = Uint8Array.from(atob(packed.cells), (character) => character.charCodeAt(0));
      const starts = [];
      let start = 0;
      for (const steps of packed.steps) {
        starts.push(start);
        start += (1 + steps.length) * packed.prompts.length;
      }
      cube = { ...packed, cells: new DataView(bytes.buffer), starts };
    };

    const cell = (run, row, prompt) => {
      const stored = cube.cells.getUint16(2 * (cube.starts[run] + row * cube.prompts.length + prompt), true);
      return stored === cube.missing ? null : (stored - cube.zero) / cube.units;
    };

    const lastOf = (row) => row.findLast((value) => value !== null) ?? null;
    const firstOf = (row) => row.find((value) => value !== null) ?? null;
    const rise = (row) => {
      const from = firstOf(row), to = lastOf(row);
      return from === null ? null : to - from;
    };
    const travel = (row) => {
      const there = row.filter((value) => value !== null);
      return there.length < 2 ? null : there.slice(1).reduce((sum, value, i) => sum + Math.abs(value - there[i]), 0);
    };
    const KEYS = { trend: rise, risen: (row) => { const r = rise(row); return r === null ? null : -r; }, moved: (row) => { const t = travel(row); return t === null ? null : -t; }, low: lastOf };

    const choose = () => {
      unpack();
      const run = picked();
      const steps = cube.steps[run];
      if (!steps) return { isLeftOut: true, prompts: [], raw: [], base: [], z: [], steps: [] };
      const wanted = search.value.trim().toLowerCase();
      const rows = [];
      cube.prompts.forEach(([id, promptId, text], p) => {
        if (wanted && !text.toLowerCase().includes(wanted) && !promptId.toLowerCase().includes(wanted)) return;
        const raw = steps.map((_, s) => cell(run, s + 1, p));
        if (raw.every((value) => value === null)) return;
        rows.push({ id, promptId, text, raw, base: cell(run, 0, p) });
      });
      const key = KEYS[order.value];
      if (key) {
        for (const row of rows) row.key = key(row.raw);
        rows.sort((a, b) => (a.key === null) - (b.key === null) || a.key - b.key);
      }
      const against = { first: (row) => firstOf(row.raw), base: (row) => row.base, raw: () => 0 }[values.value];
      const z = rows.map((row) => {
        const from = against(row);
        return row.raw.map((value) => (value === null || from === null ? null : value - from));
      });
      return { prompts: rows, z, steps };
    };

    const draw = () => {
      shown = choose();
      if (shown.isLeftOut) {
        told.textContent = "This run’s prompts are not on the page; the sentence above says why, the SQL below gives them.";
        clipstoreCharts.plot(plot, [], clipstoreCharts.layout({ height: 180 }), data.config);
        return;
      }
      const isRaw = values.value === "raw";
      let far = 0.01;
      for (const row of shown.z) for (const value of row) if (value !== null) far = Math.max(far, Math.abs(value));
      const n = shown.prompts.length;
      const height = Math.max(180, Math.min(6000, 70 + n * (n > 400 ? 1 : n > 60 ? 6 : 16)));
      const columns = shown.steps.length;
      const isNarrow = plot.clientWidth < 560;
      const every = Math.ceil(columns / (isNarrow ? 3 : 12));
      const ticks = shown.steps.map((_, i) => i).filter((i) => i === columns - 1 || (i % every === 0 && columns - 1 - i >= every / 2));
      const trace = {
        type: "heatmap", z: shown.z, hoverinfo: "none", hoverongaps: false,
        colorscale: isRaw ? CIVIDIS : PUOR,
        zmin: isRaw ? 0.1 : -far, zmax: isRaw ? 0.45 : far,
        xgap: columns <= 60 && n <= 400 ? 1 : 0, ygap: n <= 60 ? 1 : 0,
        colorbar: { title: { text: isRaw ? "cosine" : "change", font: { size: 13 } }, thickness: isNarrow ? 8 : 12, len: Math.min(1, 240 / height), y: 1, yanchor: "top", tickformat: isRaw ? ".2f" : "+.2f" },
      };
      const layout = clipstoreCharts.layout({
        height, margin: { l: 16, r: 10, t: 30, b: 8 }, hovermode: "closest", dragmode: "zoom",
        xaxis: { side: "top", tickangle: 0, tickmode: "array", tickvals: ticks, ticktext: ticks.map((i) => shown.steps[i].toLocaleString("en-US")), showgrid: false, zeroline: false },
        yaxis: { autorange: "reversed", showgrid: false, zeroline: false, showticklabels: false, ticks: "" },
      });
      clipstoreCharts.plot(plot, [trace], layout, data.config);
      told.textContent = n === 0 ? "No prompt fits." : `${n.toLocaleString("en-US")} of ${cube.prompts.length.toLocaleString("en-US")} prompts. Point at a cell; a click opens the prompt.`;
      if (plot.dataset.listens) return;
      plot.dataset.listens = "yes";
      plot.on("plotly_hover", ({ points: [{ x, y }] }) => tell(x, y));
      plot.on("plotly_click", ({ points: [{ x, y }] }) => open(x, y));
    };

    const tell = (column, at) => {
      const row = shown.prompts[at];
      const value = row.raw[column];
      const from = firstOf(row.raw);
      told.textContent =
        `Step ${shown.steps[column].toLocaleString("en-US")}: ${number(value, 4)}` +
        ` (${number(value - from, 4, true)} since the first validation` +
        `${row.base === null ? "" : `, ${number(value - row.base, 4, true)} against base`}) · ${row.promptId} · ${row.text}`;
    };

    const open = (column, at) =>
      clipstoreHash.set({
        run: data.runs[picked()].id, prompt: shown.prompts[at].id, step: String(shown.steps[column]),
      });

    const fill = () => {
      if (!details.open) return;
      shown = choose();
      const listed = shown.prompts.slice(0, MAX_ROWS_LISTED);
      clipstoreFillTable(
        table,
        ["Prompt", "Text", "Base", ...shown.steps.map((step) => step.toLocaleString("en-US"))],
        listed.map((row) => [row.promptId, row.text, number(row.base, 4), ...row.raw.map((value) => number(value, 4))]),
      );
      listed.forEach((row, i) => {
        const line = table.tBodies[0].rows[i];
        line.cells[1].className = "left prompt-cell";
        const button = document.createElement("button");
        button.type = "button";
        button.className = "link";
        button.textContent = row.promptId;
        button.addEventListener("click", () => open(shown.steps.length - 1, i));
        line.cells[0].replaceChildren(button);
      });
      table.caption.textContent =
        shown.prompts.length > listed.length
          ? `The first ${listed.length} of ${shown.prompts.length.toLocaleString("en-US")} prompts in the order of the chart; the search finds the others`
          : "Prompts in the order of the chart";
    };

    const redraw = () => {
      if (clipstoreCharts.isDrawn(plot)) draw();
      fill();
    };
    clipstoreCharts.register(plot, draw);
    for (const input of [values, order]) input.addEventListener("change", redraw);
    search.addEventListener("input", redraw);
    details.addEventListener("toggle", fill);
    picked = clipstoreRunSelect(section, data.runs, redraw);
  }
})();
