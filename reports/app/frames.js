// One picture with its caption: a figure copied from the page's template and filled.
"use strict";
window.clipstoreFrames = (() => {
  const P = window.clipstorePictures;

  const copy = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

  const setImage = (holder, picture, onLost) => {
    let img = holder.querySelector("img");
    if (!img) {
      img = document.createElement("img");
      img.alt = "";
      img.loading = "lazy";
      img.decoding = "async";
      holder.append(img);
    }
    img.width = picture.width;
    img.height = picture.height;
    img.onerror = () => onLost();
    if (img.getAttribute("src") !== picture.src) img.src = picture.src;
  };

  /** `what`: frame, title, change (number or null), label (for the button), open (callback). */
  const fill = (figure, what) => {
    const picture = P.picture(what.frame[2]);
    const button = figure.querySelector(".frame-open");
    const empty = figure.querySelector(".no-shot");
    const lose = (why, path) => {
      button.hidden = true;
      empty.hidden = false;
      empty.querySelector("span").textContent = why;
      empty.querySelector("bdi").textContent = path;
    };
    if (picture.src === null) {
      lose(picture.why, picture.path);
    } else {
      button.hidden = false;
      empty.hidden = true;
      button.setAttribute("aria-label", what.label);
      button.onclick = what.open;
      setImage(button, picture, () => lose("the file beside the page is not there", ""));
    }
    figure.querySelector(".frame-title").textContent = what.title;
    figure.querySelector(".frame-cosine").textContent = P.cosine(what.frame[1]);
    figure.querySelector(".frame-change").textContent = what.change === null ? "" : P.signed(what.change);
    return figure;
  };

  return { copy, fill, make: (what) => fill(copy("frame-template"), what) };
})();
