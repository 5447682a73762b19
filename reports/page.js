// Charts, filters and the theme. The page is complete without this but for the large chart.
// Text from outside is only ever compared or handed to plotly as it stands in the JSON block,
// where it is inert already; nothing here builds markup.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.remove("no-js");

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

  // Storage is refused to pages opened from disk in some browsers; the choice then lasts a visit.
  const remembered = {
    get: () => {
      try { return localStorage.getItem("clipstore-theme"); } catch { return null; }
    },
    set: (theme) => {
      try { localStorage.setItem("clipstore-theme", theme); } catch { /* not remembered */ }
    },
  };
  const themes = ["system", "light", "dark"];
  const themeButton = document.getElementById("theme-button");
  const setTheme = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    themeButton.textContent = `Theme: ${theme}`;
    recolour();
  };
  let theme = themes.includes(remembered.get()) ? remembered.get() : "system";
  setTheme(theme);
  themeButton.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    remembered.set(theme);
    setTheme(theme);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

  // The plot area of an A4 sheet at 96 pixels an inch; US Letter is wider.
  const PRINT_WIDTH_PX = 690;
  let closed = [];
  document.getElementById("print-button").addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open]):not(.data-table)")];
    closed.forEach((details) => { details.open = true; });
    root.dataset.theme = "light";
    plots.forEach(draw);
    recolour();
    plots.forEach((plot) => Plotly.relayout(plot, { autosize: false, width: PRINT_WIDTH_PX }));
  });
  window.addEventListener("afterprint", () => {
    closed.forEach((details) => { details.open = false; });
    plots.forEach((plot) => Plotly.relayout(plot, { autosize: true, width: null }));
    setTheme(theme);
  });
})();
