// The curves: legend, picked runs, x axis by step or by time.
"use strict";
(() => {
  const PICKED = ["#0072b2", "#d55e00", "#009e73", "#c06a9a", "#b87700", "#3a92c9", "#8a63d2", "#5f7a1f"];

  /** For each trace its x in hours, by the steps that it has in steps; null where it breaks. */
  const hoursOf = (figure, steps) =>
    figure.data.map((trace, t) => {
      const id = trace.uid.split("-")[0];
      const hours = new Map(figure.steps[id].map((step, i) => [step, figure.hours[id][i]]));
      return steps[t].map((step) => (step === null ? null : hours.get(step)));
    });

  for (const plot of document.querySelectorAll(".plot[data-figure]")) {
    const figure = clipstoreCharts.block(plot.dataset.figure);
    const section = plot.closest("section");
    const steps = figure.data.map((trace) => trace.x);
    // Plotly works on the traces it is given, so what they were is kept apart.
    const styles = figure.data.map((trace) => ({ line: { ...trace.line }, opacity: trace.opacity ?? 1 }));
    const hasTime = Object.keys(figure.hours).length > 0;
    let byTime = false;

    const showAxis = () => {
      const isTime = byTime && hasTime;
      Plotly.update(
        plot,
        { x: isTime ? hoursOf(figure, steps) : steps },
        {
          "xaxis.title.text": isTime ? "hours since the first validation" : "optimizer step",
          "xaxis.tickformat": isTime ? ".2~f" : ",",
          "xaxis.autorange": true,
        },
      );
    };

    const showPicks = (picked) => {
      const traces = figure.data.flatMap((trace, i) => (trace.meta === "run" ? [i] : []));
      const change = { "line.width": [], "line.color": [], opacity: [] };
      for (const i of traces) {
        const at = picked.indexOf(figure.data[i].uid);
        const own = styles[i];
        const isGrey = own.line.width === 1;
        change["line.width"].push(at >= 0 ? 3.6 : own.line.width);
        change["line.color"].push(at >= 0 && isGrey ? PICKED[at % PICKED.length] : own.line.color);
        change.opacity.push(picked.length && at < 0 ? Math.min(own.opacity, 0.3) : at >= 0 ? 1 : own.opacity);
      }
      if (traces.length) Plotly.restyle(plot, change, traces);
    };

    clipstoreCharts.register(plot, () => {
      clipstoreCharts.plot(plot, figure.data, figure.layout, figure.config);
      if (byTime) showAxis();
      const picked = clipstoreHash.read().run;
      if (picked) showPicks(picked.split(","));
    });

    for (const button of section.querySelectorAll(".legend button")) {
      button.addEventListener("click", () => {
        clipstoreCharts.ensure(plot);
        const isShown = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(isShown));
        const group = plot.data.flatMap((trace, i) => (trace.legendgroup === button.dataset.group ? [i] : []));
        Plotly.restyle(plot, { visible: isShown }, group);
      });
    }

    const axes = [...section.querySelectorAll(".switch input")];
    for (const input of axes) {
      input.addEventListener("change", () => clipstoreHash.set({ axis: input.value === "time" ? "time" : null }));
    }

    clipstoreHash.listen((state, previous) => {
      const picked = state.run ? state.run.split(",") : [];
      for (const item of section.querySelectorAll(".multiples li")) {
        item.classList.toggle("picked", picked.includes(item.dataset.id));
      }
      const wantsTime = state.axis === "time" && hasTime;
      for (const input of axes) input.checked = (input.value === "time") === wantsTime;
      const axisChanged = wantsTime !== byTime;
      byTime = wantsTime;
      if (!clipstoreCharts.isDrawn(plot)) return;
      if (axisChanged) showAxis();
      if (state.run !== previous.run) showPicks(picked);
    });
  }

  // A name under "every run alone" picks its run, or lets it go again, and leaves the rest of the
  // address as it is.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.pick");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const id = link.closest("[data-id]").dataset.id;
    clipstoreHash.set({ run: clipstoreHash.read().run === id ? null : id });
  });
})();
