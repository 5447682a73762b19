// One prompt in every run that has it, side by side, with the settings that differ in the heads.
// In the address: view=across&prompt=ID.
"use strict";
window.clipstoreAcross = (() => {
  const P = window.clipstorePictures;
  const F = window.clipstoreFrames;
  const S = window.clipstoreSteps;
  const MAX_SETTINGS = 5;

  const head = (run) => {
    const element = F.copy("across-head-template");
    element.querySelector("bdi").textContent = run.name;
    element.querySelector(".across-verdict").textContent = run.word.toLowerCase();
    const list = element.querySelector("dl");
    const settings = run.settings ?? [];
    for (const [name, value] of settings.slice(0, MAX_SETTINGS)) {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const said = document.createElement("dd");
      term.textContent = name;
      said.textContent = value ?? "not set";
      row.append(term, said);
      list.append(row);
    }
    if (!settings.length) list.remove();
    return element;
  };

  /** The element of one prompt and `move`, which shows another step. */
  const make = (place, prompt) => {
    const model = P.models()[place];
    const found = P.runsWith(model, prompt).filter(({ card }) => card.f.length);
    const element = F.copy("across-template");
    window.clipstoreCards.fillPrompt(element, model.prompts[prompt]);
    element.dataset.prompt = model.prompts[prompt].id;
    const runs = element.querySelector(".across-runs");
    const open = (run, frame) => () => window.clipstoreViewer.open({ model: place, prompt, run, frame });

    const base = found.find(({ card }) => card.b && P.isThere(card.b)) ?? found.find(({ card }) => card.b);
    if (base) {
      const column = document.createElement("div");
      column.className = "across-run";
      const title = document.createElement("p");
      title.className = "across-head";
      title.textContent = "Base model";
      column.append(
        title,
        F.make({
          frame: base.card.b,
          title: base.card.b[0] ? `Step ${P.count(base.card.b[0])}` : "Before training",
          change: null,
          label: `Base model, score ${P.cosine(base.card.b[1])}: compare it`,
          open: open(base.run, base.card.b),
        }),
      );
      runs.append(column);
    }
    const columns = found.map(({ run, card }) => {
      const column = head(run);
      const figure = F.copy("frame-template");
      column.append(figure);
      runs.append(column);
      return () => {
        const frame = P.nearest(card.f, S.wanted());
        const title = S.title(frame[0], card.steps.at(-1));
        const zero = P.zeroOf(card);
        F.fill(figure, {
          frame,
          title,
          change: frame === (card.b ?? card.f[0]) ? null : frame[1] - zero,
          label: `${run.name}, ${title}, score ${P.cosine(frame[1])}: compare it`,
          open: open(run, frame),
        });
      };
    });
    const nOthers = model.runs.length - found.length;
    element.querySelector(".across-note").textContent = nOthers
      ? `${P.count(nOthers)} of ${P.count(model.runs.length)} runs have no picture of this prompt on this page.`
      : "";
    const move = () => columns.forEach((each) => each());
    move();
    return { element, move };
  };

  const dialog = document.getElementById("across");
  const body = dialog.querySelector(".across-body");
  let shown = null;
  const redrawSlider = document.querySelector(".cards-app")
    ? S.bind(dialog.querySelector(".step-bar"), () => shown?.place ?? 0)
    : () => {};

  clipstoreHash.listen((state) => {
    const isWanted = state.view === "across";
    if (!isWanted) {
      if (dialog.open) dialog.close();
      shown = null;
      return;
    }
    const place = Number(state.model ?? 1) - 1;
    const prompt = P.models()[place]?.prompts.findIndex((each) => each.id === state.prompt) ?? -1;
    if (prompt < 0 || !P.runsWith(P.models()[place], prompt).length) return;
    if (shown?.place !== place || shown?.prompt !== prompt) {
      shown = { place, prompt, made: make(place, prompt) };
      body.replaceChildren(shown.made.element);
      redrawSlider();
    }
    if (!dialog.open) dialog.showModal();
  });
  S.listen(() => shown?.made.move());
  dialog.addEventListener("close", () => {
    if (clipstoreHash.read().view === "across") clipstoreHash.set({ view: null, prompt: null, model: null }, { replace: true });
  });
  dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());

  return {
    make,
    open: (place, prompt) =>
      clipstoreHash.set({ view: "across", prompt: P.models()[place].prompts[prompt].id, model: String(place + 1) }),
  };
})();
