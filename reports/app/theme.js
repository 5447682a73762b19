// Light, dark or the system's. A theme in the address wins over the remembered one.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.remove("no-js");

  // Storage is refused to pages opened from disk in some browsers; the choice then lasts a visit.
  const remembered = {
    get: () => {
      try { return localStorage.getItem("clipstore-theme"); } catch { return null; }
    },
    set: (theme) => {
      try { localStorage.setItem("clipstore-theme", theme); } catch { /* not remembered */ }
    },
  };
  const THEMES = ["system", "light", "dark"];
  const button = document.getElementById("theme-button");
  let theme = THEMES.includes(remembered.get()) ? remembered.get() : "system";

  const apply = () => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    document.dispatchEvent(new Event("clipstore-theme"));
  };

  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remembered.set(theme);
    clipstoreHash.set({ theme: theme === "system" ? null : theme }, { replace: true });
    apply();
  });
  clipstoreHash.listen((state, previous) => {
    if (state.theme === previous.theme) return;
    if (state.theme) theme = state.theme;
    apply();
  });
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("clipstore-theme")),
  );

  // Paper is white.
  window.addEventListener("beforeprint", () => {
    root.dataset.theme = "light";
    document.dispatchEvent(new Event("clipstore-theme"));
  });
  window.addEventListener("afterprint", apply);
})();
