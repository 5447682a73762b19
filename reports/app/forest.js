// The forest plot: every run against a chosen reference; the table below it follows.
"use strict";
(() => {
  const number = clipstoreNumber;
  const WORDS = {
    higher: "higher", lower: "lower", open: "cannot tell", eye: "in band: judge by eye", none: "not comparable",
  };
  const COLOURS = { higher: "#0072b2", lower: "#d55e00", open: "#7c8794", eye: "#9aa0ab", none: "#9aa0ab" };
  const TURNED = { higher: "lower", lower: "higher" };
  const BASE = -1;

  /** [a, b, difference, low, high, slug, prompts] of each pair; null where it is not comparable. */
  const pairsOf = (packed) => {
    const cosine = (units) => (units === null ? null : units / packed.units);
    return packed.a.map((a, i) => [
      a, packed.b[i], cosine(packed.difference[i]), cosine(packed.low[i]), cosine(packed.high[i]),
      packed.slugs[packed.slug[i]], packed.prompts[i],
    ]);
  };

  for (const section of document.querySelectorAll("section[id^='differences-']")) {
    const select = section.querySelector(".forest-reference");
    if (!select) continue;
    const data = clipstoreCharts.block(`model-data-${section.dataset.model}`);
    const { wanted, in_band: inBand } = data.forest;
    const pairs = pairsOf(data.forest);
    const plot = section.querySelector(".plot");
    const table = section.querySelector("table.forest");
    const name = section.querySelector(".forest-name");
    const nameOf = (place) => (place === BASE ? "base model" : data.runs[place].name);
    const references = [...new Set(pairs.flatMap(([a, b]) => [a, b]))]
      .filter((place) => place === BASE || pairs.some(([a, b]) => b !== BASE && (a === place || b === place)))
      .sort((a, b) => a - b);
    for (const place of references) select.append(new Option(nameOf(place), String(place)));
    const byDefault = references.find((place) => nameOf(place) === select.dataset.default) ?? references[0];
    select.value = String(byDefault);
    section.querySelector(".static-first").open = false;

    const rowsAgainst = (reference) => {
      const rows = [];
      for (const [a, b, difference, low, high, slug, prompts] of pairs) {
        if (b === reference && (b !== BASE || a !== BASE)) {
          rows.push({ place: a, difference, low, high, slug, prompts });
        } else if (a === reference && b !== BASE) {
          const turn = (value) => (value === null ? null : -value);
          rows.push({
            place: b, difference: turn(difference), low: turn(high), high: turn(low),
            slug: TURNED[slug] ?? slug, prompts,
          });
        }
      }
      // Runs in the band have no order: by place in the table, which is by name there.
      const ranks = { eye: 2, none: 3 };
      const group = (row) => ranks[row.slug] ?? (inBand.includes(row.place) ? 0 : 1);
      return rows.sort(
        (a, b) => group(a) - group(b) || (group(a) === 1 ? b.difference - a.difference : a.place - b.place),
      );
    };

    const draw = () => {
      const rows = rowsAgainst(Number(select.value)).filter((row) => row.difference !== null);
      const traces = [{
        type: "scatter",
        mode: "markers",
        x: rows.map((row) => row.difference),
        y: rows.map((_, i) => i),
        customdata: rows.map((row) => [
          data.runs[row.place].label, `${number(row.low, 4, true)} to ${number(row.high, 4, true)}`, WORDS[row.slug],
        ]),
        error_x: {
          type: "data", symmetric: false, thickness: 1.8, width: 0, color: "#7c8794",
          array: rows.map((row) => row.high - row.difference),
          arrayminus: rows.map((row) => row.difference - row.low),
        },
        marker: {
          size: 9,
          color: rows.map((row) => COLOURS[row.slug]),
          symbol: rows.map((row) => (row.slug === "higher" || row.slug === "lower" ? "circle" : "circle-open")),
          line: { width: 2 },
        },
        hovertemplate:
          "%{customdata[0]}<br><b>%{x:+.4f}</b>, 95 % interval %{customdata[1]}<br>%{customdata[2]}<extra></extra>",
      }];
      const isNarrow = plot.clientWidth < 560;
      const layout = clipstoreCharts.layout({
        height: Math.max(160, 70 + 24 * rows.length),
        margin: { l: 12, r: 20, t: 10, b: 48 },
        hovermode: "closest",
        xaxis: { title: { text: "difference (cosine)", font: { size: 13 } }, zeroline: true, zerolinewidth: 1.5, tickformat: "+.3~f", ticks: "outside", ticklen: 4 },
        yaxis: {
          tickmode: "array", tickvals: rows.map((_, i) => i), automargin: true, showgrid: false, zeroline: false,
          ticktext: rows.map((row) => data.runs[row.place][isNarrow ? "short" : "label"]), range: [rows.length - 0.5, -0.5],
        },
        shapes: [{
          type: "rect", layer: "below", yref: "paper", y0: 0, y1: 1, x0: -wanted, x1: wanted,
          fillcolor: "rgba(127,127,140,0.15)", line: { width: 0 },
        }],
      });
      clipstoreCharts.plot(plot, traces, layout, data.config);
    };

    const svg = (tag, attributes) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      return element;
    };

    const interval = (row, low, high) => {
      const WIDTH = 260, HEIGHT = 22, PAD = 8;
      const x = (value) => PAD + ((value - low) / (high - low)) * (WIDTH - 2 * PAD);
      const drawing = svg("svg", { class: `forest-row forest-${row.slug}`, width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
      drawing.append(
        svg("rect", { class: "forest-zone", x: x(-wanted), y: 0, width: x(wanted) - x(-wanted), height: HEIGHT }),
        svg("path", { class: "forest-zero", d: `M${x(0)} 0V${HEIGHT}` }),
        svg("path", { class: "forest-line", d: `M${x(row.low)} 11H${x(row.high)}` }),
        svg("circle", { class: "forest-dot", cx: x(row.difference), cy: 11, r: 4 }),
      );
      return drawing;
    };

    const fill = () => {
      const rows = rowsAgainst(Number(select.value));
      const ends = rows.flatMap((row) => (row.low === null ? [] : [row.low, row.high]));
      const low = Math.min(-wanted, ...ends), high = Math.max(wanted, ...ends);
      const margin = 0.04 * (high - low);
      clipstoreFillTable(
        table,
        ["Run", "Interval", "Difference", "95 % low", "95 % high", "With all pairs allowed for", "Prompts"],
        rows.map((row) => [
          nameOf(row.place), "", number(row.difference, 4, true), number(row.low, 4, true),
          number(row.high, 4, true), WORDS[row.slug], row.prompts.toLocaleString("en-US"),
        ]),
      );
      [...table.tBodies[0].rows].forEach((line, i) => {
        line.cells[1].className = line.cells[5].className = "left";
        if (rows[i].low !== null) line.cells[1].append(interval(rows[i], low - margin, high + margin));
      });
      name.textContent = nameOf(Number(select.value));
      const caption = table.caption;
      caption.lastChild.textContent = `, as cosine; ${number(low - margin, 3, true)} to ${number(high + margin, 3, true)}, the grey zone is ± ${wanted.toFixed(3)}`;
    };

    clipstoreCharts.register(plot, draw);
    select.addEventListener("change", () => {
      clipstoreCharts.ensure(plot);
      draw();
      fill();
    });
  }
})();
