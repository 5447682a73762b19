// The prompt cards of each model: which run, which choice of prompts, and the pictures at the step
// that the slider asks for. In the address: cards=RUN.TAB, and prompt=ID for one prompt that a
// chart or a link asks for.
"use strict";
window.clipstoreCards = (() => {
  const P = window.clipstorePictures;
  const F = window.clipstoreFrames;
  const S = window.clipstoreSteps;
  const PICKED = { kind: "picked", name: "Picked", how: "The prompt that was picked." };

  const drawLine = (svg, card, band) => {
    svg.querySelector("polyline").setAttribute("points", card.line);
    if (band) {
      svg.querySelector("rect").setAttribute("y", band[0]);
      svg.querySelector("rect").setAttribute("height", band[1]);
    }
    const at = (i) => `${P.cosine(card.cosines.at(i))} at step ${P.count(card.steps.at(i))}`;
    svg.setAttribute("aria-label", `score from ${at(0)} to ${at(-1)}`);
  };

  const moveDot = (svg, card, step) => {
    const place = card.steps.indexOf(P.nearestStep(card.steps, step));
    const [x, y] = card.line.split(" ")[place].split(",");
    const dot = svg.querySelector("circle");
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
  };

  /** Cuts the text as long as it is too long for its lines, and offers the whole. */
  const fillPrompt = (article, prompt) => {
    const paragraph = article.querySelector(".prompt");
    const cut = prompt.n > prompt.text.length;
    paragraph.querySelector("bdi").textContent = cut
      ? `${prompt.text}\u2026 (${P.count(prompt.text.length)} of ${P.count(prompt.n)} characters)`
      : prompt.text;
    const more = article.querySelector(".prompt-more");
    if (!more) return;
    more.hidden = prompt.text.length <= 150;
    more.querySelector("button").addEventListener("click", (event) => {
      const opened = !paragraph.classList.toggle("clamp");
      event.target.setAttribute("aria-expanded", String(opened));
      event.target.textContent = opened ? "Less" : "Whole prompt";
    });
  };

  /** A card's element and `move`, which shows another step. */
  const make = (place, run, card) => {
    const model = P.models()[place];
    const article = F.copy("card-template");
    const find = (selector) => article.querySelector(selector);
    const prompt = model.prompts[card.p];
    fillPrompt(article, prompt);
    find(".card-tags bdi").textContent = card.id;
    find(".tag-cut").hidden = !prompt.cut;
    find(".tag-words").hidden = !prompt.asks;
    find(".card-cosine").textContent = P.cosine(card.cosines.at(-1));
    find(".card-change").textContent =
      card.base === null ? "" : `${P.signed(card.cosines.at(-1) - card.base)} against base`;
    find(".card-mean").textContent = card.n > 1 ? `mean of ${card.n} pictures, first shown` : "";
    const svg = find("svg");
    drawLine(svg, card, model.band);

    const zero = P.zeroOf(card);
    const compare = (frame) => () =>
      window.clipstoreViewer.open({ model: place, prompt: card.p, run, frame });
    const shown = (frame, title) => ({
      frame,
      title,
      change: frame === (card.b ?? card.f[0]) ? null : frame[1] - zero,
      label: `${title}, score ${P.cosine(frame[1])}: compare it`,
      open: compare(frame),
    });
    const strip = find(".strip");
    if (card.b) strip.append(F.make(shown(card.b, "Base model")));
    const cells = card.f.map((frame) => {
      const figure = F.make(shown(frame, `Step ${P.count(frame[0])}`));
      strip.append(figure);
      return figure;
    });
    if (!card.f.length && !card.b) strip.textContent = "No picture of this prompt is known.";
    const current = find(".current");
    if (card.f.length) current.append(...F.copy("frame-template").childNodes);
    else current.hidden = true;
    find(".card-compare").hidden = !card.f.length;
    find(".card-compare").addEventListener("click", () => compare(P.nearest(card.f, S.wanted()))());
    find(".card-across").hidden = P.runsWith(model, card.p).length < 2;
    find(".card-across").addEventListener("click", () => window.clipstoreAcross.open(place, card.p));

    const move = () => {
      const frame = P.nearest(card.f, S.wanted());
      if (frame === null) return;
      F.fill(current, shown(frame, S.title(frame[0], card.steps.at(-1))));
      cells.forEach((cell, i) => cell.classList.toggle("is-current", card.f[i] === frame));
      moveDot(svg, card, frame[0]);
    };
    move();
    return { article, move };
  };

  const apps = [];

  const start = (app) => {
    const place = Number(app.dataset.model);
    const model = P.models()[place];
    const select = app.querySelector(".cards-run");
    const list = app.querySelector(".cards-tabs");
    const how = app.querySelector(".cards-how");
    const panel = app.querySelector(".cards");
    const redrawSlider = S.bind(app.querySelector(".step-bar"), () => place);
    let moves = [];
    let shown = "";

    model.runs.forEach((run) => {
      const option = document.createElement("option");
      option.value = run.id;
      option.textContent = `${run.name} (${run.word.toLowerCase()})`;
      select.append(option);
    });
    select.closest("label").hidden = model.runs.length < 2;

    /** The run, its tabs and the open one for a state of the address. */
    const view = (state) => {
      const [runId, kind] = (state.cards ?? ".").split(".");
      const byId = (id) => model.runs.find((each) => each.id === id);
      const pointed = state.prompt && !state.view ? byId(state.run?.split(",")[0]) : undefined;
      let run = pointed ?? byId(runId) ?? model.runs[0];
      const prompt = state.view ? -1 : model.prompts.findIndex((each) => each.id === state.prompt);
      const has = (each) => each.cards.findIndex((card) => card.p === prompt);
      if (prompt >= 0 && has(run) < 0) run = model.runs.find((each) => has(each) >= 0) ?? run;
      const tabs = [...run.tabs];
      if (model.differing) tabs.push({ kind: "differing", ...model.differing });
      let open = tabs.find((tab) => tab.kind === kind) ?? tabs[0];
      if (prompt >= 0 && has(run) >= 0) {
        const inTab = tabs.find((tab) => tab.cards?.includes(has(run)));
        if (!open.cards?.includes(has(run))) open = inTab ?? null;
        if (!open) tabs.unshift((open = { ...PICKED, cards: [has(run)] }));
      }
      return { run, tabs, open, prompt, isMissing: Boolean(state.prompt) && !state.view && prompt < 0 };
    };

    const drawTabs = (run, tabs, open) => {
      const buttons = tabs.map((tab) => {
        const button = document.createElement("button");
        button.type = "button";
        button.setAttribute("role", "tab");
        button.id = `cards-tab-${place + 1}-${tab.kind}`;
        button.setAttribute("aria-controls", panel.id);
        button.setAttribute("aria-selected", String(tab === open));
        button.tabIndex = tab === open ? 0 : -1;
        button.textContent = tab.name;
        button.addEventListener("click", () => clipstoreHash.set({ cards: `${run.id}.${tab.kind}`, prompt: null }));
        return button;
      });
      list.replaceChildren(...buttons);
      panel.setAttribute("aria-labelledby", `cards-tab-${place + 1}-${open.kind}`);
    };

    const draw = (state) => {
      const { run, tabs, open, prompt, isMissing } = view(state);
      const key = `${run.id} ${open.kind} ${open.kind === "picked" ? prompt : ""} ${isMissing}`;
      if (key === shown) return prompt;
      const hadFocus = list.contains(document.activeElement);
      shown = key;
      select.value = run.id;
      drawTabs(run, tabs, open);
      if (hadFocus) list.querySelector("[aria-selected=true]").focus();
      how.querySelector("bdi").textContent = open.kind === "differing" ? "" : run.name;
      how.querySelector("span").textContent = isMissing
        ? `The prompt that was picked has no pictures on this page. ${open.how}`
        : open.how;
      if (open.kind === "differing") {
        const made = open.prompts.map((p) => window.clipstoreAcross.make(place, p));
        panel.replaceChildren(...made.map((each) => each.element));
        moves = made.map((each) => each.move);
      } else {
        const made = open.cards.map((i) => ({ ...make(place, run, run.cards[i]), p: run.cards[i].p }));
        made.forEach((each) => { each.article.dataset.prompt = model.prompts[each.p].id; });
        panel.replaceChildren(...made.map((each) => each.article));
        moves = made.map((each) => each.move);
      }
      return prompt;
    };

    const follow = (state, previous) => {
      const prompt = draw(state);
      if (state.view || prompt < 0 || state.prompt === previous.prompt) return;
      const card = panel.querySelector(`[data-prompt="${model.prompts[prompt].id}"]`);
      if (!card) return;
      card.tabIndex = -1;
      card.scrollIntoView({ block: "center" });
      card.focus({ preventScroll: true });
    };

    select.addEventListener("change", () => {
      const kind = view(clipstoreHash.read()).open.kind;
      clipstoreHash.set({ cards: `${select.value}.${kind === "picked" ? "worst" : kind}`, prompt: null });
    });
    list.addEventListener("keydown", (event) => {
      const tabs = [...list.children];
      const at = tabs.indexOf(document.activeElement);
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined || at < 0) return;
      event.preventDefault();
      tabs[(to + tabs.length) % tabs.length].focus();
      document.activeElement.click();
    });
    S.listen(() => moves.forEach((move) => move()));
    redrawSlider();
    clipstoreHash.listen(follow);

    return {
      place,
      /** The prompts of the open tab, for going through them in the viewer. */
      prompts: () => {
        const { run, open } = view(clipstoreHash.read());
        return open.prompts ?? open.cards.map((i) => run.cards[i].p);
      },
    };
  };

  const elements = [...document.querySelectorAll(".cards-app")];
  const startOnce = (element) => {
    if (element.dataset.started) return;
    element.dataset.started = "yes";
    apps.push(start(element));
  };
  const startAll = () => elements.forEach(startOnce);

  // Nothing is parsed or drawn before it is wanted: the table above comes first.
  clipstoreHash.listen((state) => {
    if (state.cards || state.prompt || state.view) queueMicrotask(startAll);
  });
  if ("IntersectionObserver" in window) {
    const seen = new IntersectionObserver(
      (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => startOnce(entry.target)),
      { rootMargin: "600px" },
    );
    elements.forEach((element) => seen.observe(element));
  } else {
    startAll();
  }
  window.addEventListener("beforeprint", startAll);

  return {
    fillPrompt,
    prompts: (place) => apps.find((app) => app.place === place)?.prompts() ?? [],
  };
})();
