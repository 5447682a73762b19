// One picture at one image pixel for one CSS pixel, in a dialog over whatever is open.
"use strict";
window.clipstoreLightbox = (() => {
  const P = window.clipstorePictures;
  const dialog = document.getElementById("lightbox");
  const stage = dialog.querySelector(".lightbox-stage");
  const img = document.createElement("img");
  img.alt = "";
  stage.append(img);

  /** The file in which a picture is shown at its best, and what to say of its size. */
  const best = (picture) => {
    const size = `${P.count(picture.wholeWidth)} \u00d7 ${P.count(picture.wholeHeight)}`;
    if (picture.whole) return { src: picture.whole, note: `Shown whole, ${size} pixels, from the file beside this page.` };
    const isWhole = picture.width >= picture.wholeWidth;
    const shown = `${P.count(picture.width)} \u00d7 ${P.count(picture.height)}`;
    return {
      src: picture.small,
      note: isWhole
        ? `Shown whole, ${size} pixels.`
        : `Shown at ${shown} pixels; the scored panel has ${size} and is not embedded in this page.`,
    };
  };

  const open = (number, title) => {
    const picture = P.picture(number);
    const shown = best(picture);
    if (shown.src === null) return;
    dialog.querySelector("h2").textContent = title;
    const note = dialog.querySelector(".lightbox-note");
    note.textContent = shown.note;
    img.alt = title;
    img.onerror = () => {
      if (!picture.small || img.getAttribute("src") === picture.small) return;
      img.src = picture.small;
      note.textContent = "The file beside the page is not there; this is the embedded small picture.";
    };
    img.src = shown.src;
    dialog.showModal();
    stage.focus();
  };

  dialog.querySelector(".dialog-close").addEventListener("click", () => dialog.close());

  return { open, best };
})();
