// Two pictures of one prompt over each other: any two of the base model and a run's steps. In the
// address: view=compare, prompt, model, pair=RUN.STEP~RUN.STEP (STEP may be "base") and mode.
"use strict";
window.clipstoreViewer = (() => {
  const P = window.clipstorePictures;
  const MODES = ["slider", "blend", "difference", "beside"];
  const SHARES = {
    slider: () => "Divider: A left of it, B right",
    blend: () => "Share of B",
    difference: () => `Difference \u00d7${gain().toFixed(1)}`,
  };
  const MAX_ZOOM = 16;
  const dialog = document.getElementById("viewer");
  const stage = dialog.querySelector(".viewer-stage");
  const share = dialog.querySelector(".viewer-share");
  const range = share.querySelector("input");
  const side = (selector, name) => dialog.querySelector(`${selector}[data-side="${name}"]`);
  const images = {};
  for (const name of ["a", "b"]) {
    images[name] = document.createElement("img");
    images[name].draggable = false;
    dialog.querySelector(`.layer-${name}`).append(images[name]);
  }

  let shown = null; // { place, prompt, a: {run, card, frame}, b: …, mode }
  let before = null; // the prompt that the address named before the viewer opened
  let zoom = { by: 1, x: 0, y: 0 };

  const keyOf = ({ run, card, frame }) => `${run.id}.${frame === card.b ? "base" : frame[0]}`;
  const framesOf = (card) => [...(card.b ? [card.b] : []), ...card.f];
  const nameOf = (card, frame) => (frame === card.b ? "Base model" : `Step ${P.count(frame[0])}`);

  /** A side as the address names it, for this prompt; null where there is nothing to show. */
  const sideFrom = (place, prompt, key) => {
    const [id, at] = key.split(".");
    const found = P.runsWith(P.models()[place], prompt).find(({ run }) => run.id === id);
    if (!found) return null;
    const { run, card } = found;
    const frame = at === "base" ? (card.b ?? card.f[0]) : P.nearest(card.f, Number(at));
    return frame ? { run, card, frame } : null;
  };

  const set = (changes, options) => {
    const next = { ...shown, ...changes };
    clipstoreHash.set(
      {
        view: "compare",
        prompt: P.models()[next.place].prompts[next.prompt].id,
        model: String(next.place + 1),
        pair: `${keyOf(next.a)}~${keyOf(next.b)}`,
        mode: next.mode,
      },
      options,
    );
  };

  const fillSelects = (name) => {
    const { run, card, frame } = shown[name];
    const runs = side(".viewer-run", name);
    runs.replaceChildren(
      ...P.runsWith(P.models()[shown.place], shown.prompt)
        .filter((each) => framesOf(each.card).length)
        .map((each) => new Option(each.run.name, each.run.id, false, each.run === run)),
    );
    const steps = side(".viewer-step", name);
    steps.replaceChildren(
      ...framesOf(card).map((each) => {
        const isThere = P.isThere(each);
        const key = each === card.b ? "base" : String(each[0]);
        const option = new Option(nameOf(card, each) + (isThere ? "" : " (not on the page)"), key, false, each === frame);
        option.disabled = !isThere && each !== frame;
        return option;
      }),
    );
  };

  const fillNote = (name) => {
    const { run, card, frame } = shown[name];
    const picture = P.picture(frame[2]);
    const note = side(".viewer-note", name);
    const zero = P.zeroOf(card);
    const change = frame === (card.b ?? card.f[0]) ? "" : ` (${P.signed(frame[1] - zero)} against ${card.b ? "base" : "the first"})`;
    const size = picture.src === null ? `Not on the page: ${picture.why}.` : window.clipstoreLightbox.best(picture).note;
    note.querySelector("span").textContent =
      `${run.name}, ${nameOf(card, frame).toLowerCase()}: ${P.cosine(frame[1])}${change}. ${size}`;
    note.querySelector(".viewer-whole").hidden = picture.src === null;
    note.querySelectorAll("a").forEach((link) => link.remove());
    if (picture.file) {
      const link = document.createElement("a");
      link.href = picture.file;
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = "The trainer\u2019s file with this picture, uncut";
      note.append(" ", link);
    }
  };

  const fillImage = (name) => {
    const { run, card, frame } = shown[name];
    const picture = P.picture(frame[2]);
    const img = images[name];
    img.hidden = picture.src === null;
    if (picture.src === null) return;
    const { src } = window.clipstoreLightbox.best(picture);
    img.alt = `${name.toUpperCase()}: ${run.name}, ${nameOf(card, frame).toLowerCase()}`;
    img.onerror = () => {
      if (picture.small && img.getAttribute("src") !== picture.small) img.src = picture.small;
    };
    if (img.getAttribute("src") !== src) img.src = src;
  };

  const applyZoom = () => {
    stage.style.setProperty("--zoom", zoom.by);
    stage.style.setProperty("--x", `${zoom.x}px`);
    stage.style.setProperty("--y", `${zoom.y}px`);
    stage.classList.toggle("is-magnified", zoom.by >= 3);
    dialog.querySelector(".viewer-zoom output").textContent =
      zoom.by === 1 ? "fit" : `\u00d7${zoom.by.toFixed(zoom.by < 10 ? 1 : 0)}`;
  };

  const zoomTo = (by) => {
    const next = Math.min(MAX_ZOOM, Math.max(1, by));
    zoom = next === 1 ? { by: 1, x: 0, y: 0 } : { by: next, x: (zoom.x * next) / zoom.by, y: (zoom.y * next) / zoom.by };
    applyZoom();
  };

  const gain = () => 1 + range.value / 12.5;

  const applyShare = () => {
    stage.style.setProperty("--share", range.value);
    stage.style.setProperty("--gain", gain());
    share.querySelector("span").textContent = SHARES[shown.mode]?.() ?? "";
  };

  const flick = (to) => {
    stage.dataset.flick = to;
    stage.classList.toggle("is-flicked", to !== "");
    const button = dialog.querySelector(".viewer-flick");
    button.setAttribute("aria-pressed", String(to !== ""));
    button.textContent = to === "a" ? "Flick to B" : "Flick to A";
  };

  const draw = () => {
    const prompt = P.models()[shown.place].prompts[shown.prompt];
    dialog.querySelector("#viewer-title bdi").textContent = P.shorten(prompt.text, 160);
    for (const name of ["a", "b"]) {
      fillSelects(name);
      fillNote(name);
      fillImage(name);
    }
    const missing = stage.querySelector(".viewer-missing");
    const lost = ["a", "b"].filter((name) => images[name].hidden).map((name) => name.toUpperCase());
    missing.hidden = lost.length === 0;
    missing.textContent = `${lost.join(" and ")}: no picture on this page`;
    stage.dataset.mode = shown.mode;
    for (const button of dialog.querySelectorAll("[data-mode]")) {
      if (button !== stage) button.setAttribute("aria-pressed", String(button.dataset.mode === shown.mode));
    }
    share.hidden = !(shown.mode in SHARES);
    const difference = shown.b.frame[1] - shown.a.frame[1];
    dialog.querySelector(".viewer-change").textContent =
      `B scores ${P.signed(difference)} against A. One prompt\u2019s difference says little.`;
    applyShare();
    applyZoom();
  };

  clipstoreHash.listen((state, previous) => {
    if (state.view !== "compare") {
      if (dialog.open) dialog.close();
      shown = null;
      return;
    }
    const place = Number(state.model ?? 1) - 1;
    const prompt = P.models()[place]?.prompts.findIndex((each) => each.id === state.prompt) ?? -1;
    const [a, b] = (state.pair ?? "~").split("~").map((key) => (prompt < 0 ? null : sideFrom(place, prompt, key)));
    if (!a || !b) return;
    const isNew = shown === null;
    shown = { place, prompt, a, b, mode: state.mode ?? "slider" };
    if (isNew) {
      before = previous.view ? null : (previous.prompt ?? null);
      zoom = { by: 1, x: 0, y: 0 };
      range.value = "50";
      flick("");
    }
    draw();
    if (!dialog.open) {
      dialog.showModal();
      stage.focus();
    }
  });

  dialog.addEventListener("close", () => {
    if (clipstoreHash.read().view !== "compare") return;
    clipstoreHash.set({ view: null, pair: null, mode: null, model: null, prompt: before }, { replace: true });
  });

  /** The side one frame on or back, among those with a picture. */
  const stepped = (name, by) => {
    const { run, card, frame } = shown[name];
    const frames = framesOf(card).filter((each) => P.isThere(each) || each === frame);
    const next = frames[frames.indexOf(frame) + by];
    return next ? { [name]: { run, card, frame: next } } : {};
  };

  /** The same steps of the prompt before or after in the open tab. */
  const otherPrompt = (by) => {
    const prompts = window.clipstoreCards.prompts(shown.place);
    const at = prompts.indexOf(shown.prompt);
    for (let i = at + by; at >= 0 && i >= 0 && i < prompts.length; i += by) {
      const a = sideFrom(shown.place, prompts[i], keyOf(shown.a));
      const b = sideFrom(shown.place, prompts[i], keyOf(shown.b));
      if (a && b) return { prompt: prompts[i], a, b };
    }
    return {};
  };

  const KEYS = {
    ArrowLeft: (shift) => set(stepped(shift ? "a" : "b", -1), { replace: true }),
    ArrowRight: (shift) => set(stepped(shift ? "a" : "b", 1), { replace: true }),
    ArrowUp: () => set(otherPrompt(-1), { replace: true }),
    ArrowDown: () => set(otherPrompt(1), { replace: true }),
    f: () => flick(stage.dataset.flick === "a" ? "b" : "a"),
    "+": () => zoomTo(zoom.by * 1.5),
    "=": () => zoomTo(zoom.by * 1.5),
    "-": () => zoomTo(zoom.by / 1.5),
    0: () => zoomTo(1),
  };
  MODES.forEach((mode, i) => {
    KEYS[i + 1] = () => { flick(""); set({ mode }, { replace: true }); };
  });

  dialog.addEventListener("keydown", (event) => {
    // A list or a slider that has the focus keeps its own keys.
    if (!shown || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("select, input")) return;
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act(event.shiftKey);
  });

  for (const name of ["a", "b"]) {
    side(".viewer-run", name).addEventListener("change", (event) => {
      const at = keyOf(shown[name]).split(".")[1];
      const next = sideFrom(shown.place, shown.prompt, `${event.target.value}.${at}`);
      if (next) set({ [name]: next }, { replace: true });
    });
    side(".viewer-step", name).addEventListener("change", (event) => {
      const next = sideFrom(shown.place, shown.prompt, `${shown[name].run.id}.${event.target.value}`);
      if (next) set({ [name]: next }, { replace: true });
    });
    side(".viewer-note", name).querySelector(".viewer-whole").addEventListener("click", () => {
      const { run, card, frame } = shown[name];
      window.clipstoreLightbox.open(frame[2], `${run.name}, ${nameOf(card, frame).toLowerCase()}`);
    });
  }
  for (const button of dialog.querySelectorAll("button[data-mode]")) {
    button.addEventListener("click", () => { flick(""); set({ mode: button.dataset.mode }, { replace: true }); });
  }
  dialog.querySelector(".viewer-flick").addEventListener("click", () => KEYS.f());
  for (const button of dialog.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoomTo({ in: zoom.by * 1.5, out: zoom.by / 1.5, fit: 1 }[button.dataset.zoom]));
  }
  range.addEventListener("input", applyShare);
  dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomTo(zoom.by * (event.deltaY < 0 ? 1.2 : 1 / 1.2));
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    const from = { x: event.clientX - zoom.x, y: event.clientY - zoom.y };
    const move = (moved) => {
      if (zoom.by > 1) {
        zoom = { ...zoom, x: moved.clientX - from.x, y: moved.clientY - from.y };
        applyZoom();
      } else if (shown?.mode === "slider") {
        const box = stage.getBoundingClientRect();
        range.value = String(Math.round((100 * (moved.clientX - box.left)) / box.width));
        applyShare();
      }
    };
    const stop = () => {
      stage.removeEventListener("pointermove", move);
      stage.removeEventListener("pointerup", stop);
      stage.removeEventListener("pointercancel", stop);
    };
    stage.addEventListener("pointermove", move);
    stage.addEventListener("pointerup", stop);
    stage.addEventListener("pointercancel", stop);
  });

  return {
    /** Opens on this frame as B, with the base model's picture or the run's first as A. */
    open: ({ model, prompt, run, frame }) => {
      const card = run.cards.find((each) => each.p === prompt);
      const zero = card.b ?? card.f[0];
      const b = frame === zero ? (P.nearest(card.f, window.clipstoreSteps.wanted()) ?? frame) : frame;
      set({ place: model, prompt, a: { run, card, frame: zero }, b: { run, card, frame: b }, mode: "slider" });
    },
  };
})();
