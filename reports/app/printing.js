// Prints what is folded too, and folds it again.
"use strict";
(() => {
  let closed = [];
  document.getElementById("print-button").addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open]):not(.data-table)")];
    closed.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => {
    closed.forEach((details) => { details.open = false; });
  });
})();
