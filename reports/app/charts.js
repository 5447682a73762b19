// Draws the plotly charts when they come into view, all of them before printing. Text from outside
// is handed to plotly as it stands in the JSON block, where it is inert already; nothing here
// builds markup.
"use strict";
(() => {
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
      "yaxis.gridcolor": line,
      "hoverlabel.bgcolor": cssColour("--surface"),
      "hoverlabel.bordercolor": cssColour("--line-strong"),
      "hoverlabel.font.color": ink,
      "modebar.color": cssColour("--muted"),
      "modebar.activecolor": ink,
    };
  };

  const plots = [...document.querySelectorAll(".plot")];

  const draw = (plot) => {
    if (plot.dataset.drawn) return;
    plot.dataset.drawn = "yes";
    const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    figure.layout.font = { family: getComputedStyle(document.body).fontFamily, size: 13 };
    Plotly.newPlot(plot, figure.data, figure.layout, figure.config);
    Plotly.relayout(plot, chartColours());
  };

  const recolour = () => {
    for (const plot of plots) if (plot.dataset.drawn) Plotly.relayout(plot, chartColours());
  };

  document.addEventListener("clipstore-theme", recolour);

  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          seen.unobserve(entry.target);
          draw(entry.target);
        }
      },
      { rootMargin: "400px" },
    );
    plots.forEach((plot) => seen.observe(plot));
  } else {
    plots.forEach(draw);
  }

  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const plot = button.closest(".chart").querySelector(".plot");
      draw(plot);
      const isShown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(isShown));
      const traces = plot.data.flatMap((trace, i) => (trace.legendgroup === button.dataset.group ? [i] : []));
      Plotly.restyle(plot, { visible: isShown }, traces);
    });
  }

  // The plot area of an A4 sheet at 96 pixels an inch; US Letter is wider.
  const PRINT_WIDTH_PX = 690;
  window.addEventListener("beforeprint", () => {
    plots.forEach(draw);
    recolour();
    plots.forEach((plot) => Plotly.relayout(plot, { autosize: false, width: PRINT_WIDTH_PX }));
  });
  window.addEventListener("afterprint", () => {
    plots.forEach((plot) => Plotly.relayout(plot, { autosize: true, width: null }));
  });
})();
