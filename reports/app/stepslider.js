// The one step that all pictures show. Every slider of the page moves it; each run shows its stored
// step nearest to it. In the address as `at`; without it every run shows its last step.
"use strict";
window.clipstoreSteps = (() => {
  const P = window.clipstorePictures;
  const listeners = [];
  const sliders = [];
  const stepsOf = new Map();

  const steps = (model) => {
    if (!stepsOf.has(model)) {
      const found = new Set();
      for (const run of P.models()[model].runs) {
        for (const card of run.cards) {
          for (const frame of card.f) if (P.isThere(frame)) found.add(frame[0]);
        }
      }
      stepsOf.set(model, [...found].sort((a, b) => a - b));
    }
    return stepsOf.get(model);
  };

  let wanted = null;

  const show = ({ input, output, model }) => {
    const all = steps(model());
    input.max = String(Math.max(0, all.length - 1));
    input.disabled = all.length < 2;
    const place = wanted === null ? all.length - 1 : all.indexOf(P.nearestStep(all, wanted));
    input.value = String(Math.max(0, place));
    const text = wanted === null ? "last of each run" : P.count(wanted);
    output.textContent = text;
    input.setAttribute("aria-valuetext", wanted === null ? "the last step of each run" : `step ${text}`);
  };

  clipstoreHash.listen((state) => {
    // A chart that points at a prompt names the step, too.
    const pointed = state.prompt && /^[0-9]+$/.test(state.step ?? "") ? state.step : undefined;
    const at = state.at ?? pointed;
    const next = at === undefined ? null : Number(at);
    if (next === wanted) return;
    wanted = next;
    sliders.forEach(show);
    listeners.forEach((listener) => listener(wanted));
  });

  return {
    wanted: () => wanted,

    /** `model()` gives the model's place at the time. Gives the function that shows the slider: not
     * called here, because that reads all cards. */
    bind: (bar, model) => {
      const slider = { input: bar.querySelector("input"), output: bar.querySelector("output"), model };
      sliders.push(slider);
      slider.input.addEventListener("input", () => {
        const all = steps(model());
        const place = Number(slider.input.value);
        const at = place >= all.length - 1 ? null : String(all[place]);
        clipstoreHash.set({ at }, { replace: true });
      });
      return () => show(slider);
    },

    listen: (listener) => listeners.push(listener),

    /** What stands under a picture that shows `shown` for the wanted step. */
    title: (shown, last) => {
      const text = `Step ${P.count(shown)}`;
      if (wanted === null) return shown === last ? text : `${text}, nearest to the last, ${P.count(last)}`;
      return shown === wanted ? text : `${text}, nearest to ${P.count(wanted)}`;
    },
  };
})();
