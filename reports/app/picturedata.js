// The cards of every model and the pictures by number, as the pictures' scripts ask for them; parsed
// when first asked for. Text from outside is only ever set as text; nothing here builds markup.
"use strict";
window.clipstorePictures = (() => {
  const URL_HEAD = "data:image/webp;base64,";
  const models = window.clipstoreCardData;
  let parsed = null;
  let shownWithoutScripts = null;

  /** What is known of a picture; nothing but why it is not there for those that the page lacks. */
  const entryOf = (number) => {
    parsed ??= JSON.parse(document.getElementById("pictures-data").textContent);
    return parsed.of[number] ?? { why: parsed.else };
  };

  const embedded = (number, entry) => {
    if (!entry.w) return null;
    if (entry.u !== undefined) return URL_HEAD + entry.u;
    shownWithoutScripts ??= new Map(
      [...document.querySelectorAll("img[data-picture]")].map((img) => [Number(img.dataset.picture), img.src]),
    );
    return shownWithoutScripts.get(number) ?? null;
  };

  /** Where the picture is to be had, or why it is not. `small` is in the page, `whole` beside it. */
  const picture = (number) => {
    const entry = entryOf(number);
    const small = embedded(number, entry);
    return {
      small,
      whole: entry.panel ?? null,
      file: entry.file ?? null,
      src: small ?? entry.panel ?? null,
      width: small ? entry.w : entry.W,
      height: small ? entry.h : entry.H,
      wholeWidth: entry.W,
      wholeHeight: entry.H,
      why: entry.why ?? "",
      path: entry.path ?? "",
    };
  };

  const isThere = (frame) => {
    const entry = entryOf(frame[2]);
    return Boolean(entry.w || entry.panel);
  };

  /** Of ascending steps; null without any. */
  const nearestStep = (steps, step) =>
    steps.reduce((best, each) => (best === null || Math.abs(each - step) < Math.abs(best - step) ? each : best), null);

  /** The frame with a picture that lies nearest to the step, the earlier of two; null for the last
   * one. Without any picture, the nearest frame all the same. */
  const nearest = (frames, step) => {
    const there = frames.filter(isThere);
    const usable = there.length ? there : frames;
    if (step === null) return usable.at(-1) ?? null;
    const at = nearestStep(usable.map((frame) => frame[0]), step);
    return usable.find((frame) => frame[0] === at) ?? null;
  };

  /** The cosine that the change under a frame is taken against. */
  const zeroOf = (card) => (card.b ?? card.f[0])?.[1] ?? null;

  const runsWith = (model, prompt) =>
    model.runs.flatMap((run) => {
      const card = run.cards.find((each) => each.p === prompt);
      return card ? [{ run, card }] : [];
    });

  const number = (value) => value.toFixed(3).replace("-", "\u2212");

  return {
    models,
    picture,
    isThere,
    nearest,
    nearestStep,
    zeroOf,
    runsWith,
    cosine: number,
    signed: (value) => (Math.abs(value) < 5e-4 ? "0.000" : `${value > 0 ? "+" : ""}${number(value)}`),
    count: (value) => value.toLocaleString("en-US"),
    shorten: (text, n) => (text.length > n ? `${text.slice(0, n - 1)}\u2026` : text),
  };
})();
