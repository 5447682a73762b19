// One prompt in every run that has it, side by side, with the settings that differ in the heads.
// In the address: view=across&prompt=ID.
"use strict";
window.clipstoreAcross = (() => {
  const P = window.clipstorePictures;
  const F = window.clipstoreFrames;
  const S = window.clipstoreSteps;
  const MAX_BASES = 4;

  const head = (run) => {
    const element = F.copy("across-head-template");
    element.querySelector("bdi").textContent = run.name;
    element.querySelector(".across-verdict").textContent = run.word.toLowerCase();
    const list = element.querySelector("dl");
    for (const [name, value] of run.settings) {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const said = document.createElement("dd");
      term.textContent = name;
      said.textContent = value ?? "not set";
      row.append(term, said);
      list.append(row);
    }
    list.hidden = run.settings.length === 0;
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

    // Runs of one base model share its picture; a run that continues from another one does not.
    const bases = new Map();
    for (const { run, card } of found) {
      if (!card.b) continue;
      const known = bases.get(card.b[2]);
      if (known) known.runs.push(run);
      else bases.set(card.b[2], { card, runs: [run] });
    }
    const shownBases = bases.size > MAX_BASES ? [] : [...bases.values()];
    for (const { card, runs: of } of shownBases) {
      const column = document.createElement("div");
      column.className = "across-run";
      const title = document.createElement("p");
      title.className = "across-head";
      const name = document.createElement("b");
      name.textContent = "Base model";
      title.append(name);
      if (shownBases.length > 1) {
        const whose = document.createElement("span");
        whose.className = "muted";
        whose.textContent = of.length > 1 ? ` of ${P.count(of.length)} runs, ${of[0].name} first` : ` of ${of[0].name}`;
        title.append(whose);
      }
      column.append(
        title,
        F.make({
          frame: card.b,
          title: "Before training",
          change: null,
          label: `Base model, score ${P.cosine(card.b[1])}: compare it`,
          open: open(of[0], card.b),
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
    const notes = [];
    if (nOthers) {
      notes.push(`${P.count(nOthers)} of ${P.count(model.runs.length)} runs have no picture of this prompt on this page.`);
    }
    if (bases.size > MAX_BASES) {
      notes.push(`The runs have ${P.count(bases.size)} different pictures of their base models; the cards show them.`);
    }
    element.querySelector(".across-note").textContent = notes.join(" ");
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
