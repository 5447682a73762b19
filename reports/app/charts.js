// What all charts share: drawn when they come into view, all of them before printing, in the colours
// of the theme. Text from outside reaches plotly only as inert labels out of the JSON blocks, never
// in a hover template; nothing here builds markup.
"use strict";
window.clipstoreCharts = (() => {
  const cssColour = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  };

  const chartColours = () => {
    const ink = cssColour("--ink");
    const line = cssColour("--line");
    return {
      "font.color": ink,
      "xaxis.linecolor": line,
      "xaxis.tickcolor": line,
      "xaxis.gridcolor": line,
      "xaxis.zerolinecolor": ink,
      "yaxis.gridcolor": line,
      "hoverlabel.bgcolor": cssColour("--surface"),
      "hoverlabel.bordercolor": cssColour("--line-strong"),
      "hoverlabel.font.color": ink,
      "modebar.bgcolor": "transparent",
      "modebar.color": cssColour("--muted"),
      "modebar.activecolor": ink,
    };
  };

  const waiting = new Map();
  const drawn = new Set();

  const ensure = (plot) => {
    const draw = waiting.get(plot);
    if (!draw) return;
    waiting.delete(plot);
    drawn.add(plot);
    draw(plot);
  };

  const seen =
    "IntersectionObserver" in window
      ? new IntersectionObserver(
          (entries) => {
            for (const entry of entries) {
              if (!entry.isIntersecting) continue;
              seen.unobserve(entry.target);
              ensure(entry.target);
            }
          },
          { rootMargin: "400px" },
        )
      : null;

  const recolour = () => {
    for (const plot of drawn) Plotly.relayout(plot, chartColours());
  };
  document.addEventListener("clipstore-theme", recolour);

  // The plot area of an A4 sheet at 96 pixels an inch; US Letter is wider.
  const PRINT_WIDTH_PX = 690;
  window.addEventListener("beforeprint", () => {
    for (const plot of [...waiting.keys()]) ensure(plot);
    recolour();
    for (const plot of drawn) Plotly.relayout(plot, { autosize: false, width: PRINT_WIDTH_PX });
  });
  window.addEventListener("afterprint", () => {
    for (const plot of drawn) Plotly.relayout(plot, { autosize: true, width: null });
  });

  const blocks = new Map();

  return {
    /** The value of a JSON block, parsed once. */
    block: (id) => {
      if (!blocks.has(id)) blocks.set(id, JSON.parse(document.getElementById(id).textContent));
      return blocks.get(id);
    },

    /** `draw(plot)` runs once, when the element comes near the view. */
    register: (plot, draw) => {
      waiting.set(plot, draw);
      if (seen) seen.observe(plot);
      else ensure(plot);
    },

    /** Draws it now if it waits. */
    ensure,

    isDrawn: (plot) => drawn.has(plot),

    /** Draws or redraws a chart in the theme's colours. */
    plot: (plot, data, layout, config) => {
      const family = getComputedStyle(document.body).fontFamily;
      const whole = { ...layout, font: { family, size: 13 } };
      // A chart that says how high it is keeps that height when the page or the paper changes width.
      plot.style.height = layout.height ? `${layout.height}px` : "";
      if (plot.data) Plotly.react(plot, data, whole, config);
      else Plotly.newPlot(plot, data, whole, config);
      Plotly.relayout(plot, chartColours());
    },

    /** A layout that is see-through, for charts whose marks the scripts choose. */
    layout: (more) => ({
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 56, r: 14, t: 12, b: 48 },
      hoverlabel: { align: "left", namelength: 0 },
      showlegend: false,
      ...more,
    }),
  };
})();
