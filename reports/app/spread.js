// The quantile fan of the picked run, and its table.
"use strict";
(() => {
  const number = clipstoreNumber;
  for (const section of document.querySelectorAll("section[id^='spread-']")) {
    const k = section.dataset.model;
    const data = clipstoreCharts.block(`model-data-${k}`);
    const curves = clipstoreCharts.block(`chart-data-${k}`);
    const plot = section.querySelector(".plot");
    const details = section.querySelector(".lazy-table");
    const table = details.querySelector("table");
    const Q = Object.fromEntries(data.quantiles.map((name, i) => [name, i]));
    let picked = () => 0;

    /** The same points with a gap where the run's prompts became others. */
    const withBreaks = (run, values) => {
      const out = [];
      values.forEach((value, i) => {
        if (i > 0 && run.breaks.includes(run.steps[i])) out.push(null);
        out.push(value);
      });
      return out;
    };

    const draw = () => {
      const run = data.runs[picked()];
      if (!run) return;
      const x = withBreaks(run, run.steps);
      const at = (name) => withBreaks(run, run.spread.map((row) => row[Q[name]]));
      const line = (name, style, more = {}) => ({
        type: "scatter", mode: "lines", x, y: at(name), name, line: { color: "#3a92c9", ...style },
        hovertemplate: `step %{x:,}<br>${name}: <b>%{y:.4f}</b><extra></extra>`, connectgaps: false, ...more,
      });
      // A fill follows one line only, so each unbroken part is a polygon of its own.
      const area = (low, high, opacity) => {
        const parts = [[]];
        run.steps.forEach((step, i) => {
          if (i > 0 && run.breaks.includes(step)) parts.push([]);
          parts.at(-1).push(i);
        });
        return parts.map((part) => ({
          type: "scatter", mode: "lines", line: { width: 0 }, fill: "toself", hoverinfo: "skip",
          fillcolor: `rgba(58,146,201,${opacity})`,
          x: [...part, ...[...part].reverse()].map((i) => run.steps[i]),
          y: [...part.map((i) => run.spread[i][Q[high]]), ...[...part].reverse().map((i) => run.spread[i][Q[low]])],
        }));
      };
      const traces = [
        ...area("p10", "p90", 0.16),
        ...area("p25", "p75", 0.28),
        line("min", { width: 1.2, dash: "1px,3px" }),
        line("max", { width: 1.2, dash: "1px,3px" }),
        line("p10", { width: 0.8 }),
        line("p90", { width: 0.8 }),
        line("p25", { width: 1 }),
        line("p75", { width: 1 }),
        line("p50", { width: 2.4 }, { mode: run.steps.length > 1 ? "lines" : "markers" }),
      ];
      const { shapes, annotations } = curves.layout;
      const ends = run.spread.flatMap((row) => [row[Q.min], row[Q.max]]);
      const layout = clipstoreCharts.layout({
        xaxis: { ...curves.layout.xaxis },
        yaxis: { ...curves.layout.yaxis, title: { text: "cosine of a prompt", font: { size: 13 } }, range: undefined, autorange: ends.length > 0 },
        shapes, annotations, hovermode: "closest", dragmode: "zoom",
      });
      clipstoreCharts.plot(plot, traces, layout, data.config);
    };

    const fill = () => {
      const run = data.runs[picked()];
      if (!run || !details.open) return;
      clipstoreFillTable(
        table,
        ["Step", "Prompts", ...data.quantiles, "Poor", "In band"],
        run.steps.map((step, i) => [
          step.toLocaleString("en-US"),
          run.n[i].toLocaleString("en-US"),
          ...run.spread[i].map((value) => number(value, 4)),
          run.poor[i] === null ? "–" : `${number(100 * run.poor[i], 0)} %`,
          run.band[i] === null ? "–" : `${number(100 * run.band[i], 0)} %`,
        ]),
      );
    };

    clipstoreCharts.register(plot, draw);
    details.addEventListener("toggle", fill);
    picked = clipstoreRunSelect(section, data.runs, () => {
      if (clipstoreCharts.isDrawn(plot)) draw();
      fill();
    });
  }
})();
