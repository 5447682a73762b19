// The page's state in the address, so that a view can be mailed and Back works. Known keys with
// values of known forms only: ids are short hashes, never names, and all else is ignored. A hash
// without "=" is an anchor of the page and changes no state.
"use strict";
window.clipstoreHash = (() => {
  const ID = "[0-9a-f]{10}";
  const FORMS = {
    run: new RegExp(`^${ID}(,${ID}){0,19}$`),
    prompt: new RegExp(`^${ID}$`),
    step: /^[0-9]{1,12}(-[0-9]{1,12})?$/,
    view: /^[a-z][a-z-]{0,19}$/,
    axis: /^(step|time)$/,
    verdict: /^(stop|band|go|wait)$/,
    sort: /^-?[a-z][a-z-]{0,19}$/,
    theme: /^(light|dark)$/,
    cards: new RegExp(`^${ID}\\.[a-z]{1,12}$`),
    at: /^[0-9]{1,12}$/,
    model: /^[0-9]{1,2}$/,
    pair: new RegExp(`^${ID}\\.(base|[0-9]{1,12})~${ID}\\.(base|[0-9]{1,12})$`),
    mode: /^(slider|blend|difference|beside)$/,
  };
  const listeners = [];

  const parse = (hash) => {
    const state = {};
    for (const part of hash.slice(1).split("&")) {
      const at = part.indexOf("=");
      if (at < 1) continue;
      const key = part.slice(0, at);
      const value = part.slice(at + 1);
      if (Object.hasOwn(FORMS, key) && FORMS[key].test(value)) state[key] = value;
    }
    return state;
  };

  const write = (state) =>
    Object.keys(FORMS)
      .filter((key) => Object.hasOwn(state, key))
      .map((key) => `${key}=${state[key]}`)
      .join("&");

  let current = parse(location.hash);

  const tell = (next) => {
    if (write(next) === write(current)) return;
    const previous = current;
    current = next;
    for (const listener of listeners) listener({ ...current }, { ...previous });
  };

  const fromAddress = () => {
    const isAnchor = location.hash.length > 1 && !location.hash.includes("=");
    if (!isAnchor) tell(parse(location.hash));
  };
  window.addEventListener("popstate", fromAddress);
  window.addEventListener("hashchange", fromAddress);

  return {
    /** The known keys and their values, as strings. */
    read: () => ({ ...current }),

    /** Changes the keys named, null removes one; a value of the wrong form is left out. With
     * `replace`, Back does not stop here. */
    set: (changes, { replace = false } = {}) => {
      const next = { ...current };
      for (const [key, value] of Object.entries(changes)) {
        if (value === null) delete next[key];
        else if (Object.hasOwn(FORMS, key) && FORMS[key].test(value)) next[key] = String(value);
      }
      if (write(next) === write(current)) return;
      const address = `${location.href.split("#")[0]}#${write(next)}`;
      if (replace) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
      tell(next);
    },

    /** `callback(state, previous)` now (previous is empty) and after every change. */
    listen: (callback) => {
      listeners.push(callback);
      callback({ ...current }, {});
    },
  };
})();
