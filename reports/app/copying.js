// Buttons that copy: the SQL of a table, the page's address.
"use strict";
(() => {
  const say = (button, text) => {
    const before = button.dataset.label ?? button.textContent;
    button.dataset.label = before;
    button.textContent = text;
    setTimeout(() => { button.textContent = before; }, 1600);
  };

  const copy = async (button, text, selected) => {
    try {
      await navigator.clipboard.writeText(text);
      say(button, "Copied");
    } catch {
      // Some browsers refuse pages opened from disk; then it is at least selected.
      if (selected) getSelection().selectAllChildren(selected);
      say(button, selected ? "Selected: press Ctrl+C" : "Not allowed here");
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.copy");
    if (!button) return;
    const code = button.parentElement.querySelector("code");
    copy(button, code.textContent, code);
  });
  const link = document.getElementById("link-button");
  link.addEventListener("click", () => copy(link, location.href, null));
})();
