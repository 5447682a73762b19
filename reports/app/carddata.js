// The cards of every model, unpacked from the page's JSON when first asked for. There a number is a
// cosine times `units`, and what most cards share stands once.
//
// Packed card: p prompt, c units at the run's steps (or at its own, s), a the base model's units, i id
// where it is not the prompt's name, n pictures a step where there are several, b the base model's
// frame [step, picture, units], f the frames [place of the step, picture, units], without what follows
// from the card or is not there.
//
// Card: p, id, steps, cosines, line (points), base (cosine or null), n, b (frame or null), f (frames).
// Frame: [step, cosine, picture number].
"use strict";
window.clipstoreCardData = (() => {
  const NO_PICTURE = -1;

  /** As `minicurve.py` draws it. */
  const pointsOf = ([low, high, width, height, pad], steps, cosines) => {
    const first = steps[0], span = Math.max(1, steps.at(-1) - first);
    const x = (step) => pad + ((step - first) / span) * (width - 2 * pad);
    const share = (cosine) => Math.min(1, Math.max(0, (cosine - low) / Math.max(1e-6, high - low)));
    const y = (cosine) => pad + (1 - share(cosine)) * (height - 2 * pad);
    return steps.map((step, i) => `${x(step).toFixed(0)},${y(cosines[i]).toFixed(1)}`).join(" ");
  };

  const unpackCard = (packed, run, model) => {
    const cosine = (units) => units / model.units;
    const steps = packed.s ?? run.steps;
    const cosines = packed.c.map(cosine);
    const frame = (entry) => {
      const [place, picture, units] = typeof entry === "number" ? [entry, NO_PICTURE] : entry;
      return [steps[place], units === undefined ? cosines[place] : cosine(units), picture];
    };
    return {
      p: packed.p,
      id: packed.i ?? model.prompts[packed.p].name,
      steps,
      cosines,
      line: pointsOf(model.curve, steps, cosines),
      base: packed.a === undefined ? null : cosine(packed.a),
      n: packed.n ?? 1,
      b: packed.b === undefined ? null : [packed.b[0], cosine(packed.b[2]), packed.b[1]],
      f: packed.f.map(frame),
    };
  };

  const unpackModel = (model) => ({
    band: model.band,
    differing: model.differing,
    prompts: model.prompts.map((prompt) => ({ ...prompt, n: prompt.n ?? prompt.text.length })),
    runs: model.runs.map((run) => ({
      ...run,
      word: model.words[run.slug],
      settings: model.settings.map((name, i) => [name, run.settings[i] ?? null]).slice(0, run.settings.length),
      cards: run.cards.map((card) => unpackCard(card, run, model)),
      tabs: run.tabs.map((tab) => ({ ...tab, name: model.tabs[tab.kind], how: model.sentences[tab.how] })),
    })),
  });

  let models = null;
  return () => (models ??= JSON.parse(document.getElementById("cards-data").textContent).map(unpackModel));
})();
