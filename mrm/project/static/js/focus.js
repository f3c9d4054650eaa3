// After a part of the page was replaced on request, focus goes to its error summary, else to its heading.
// A poll, a lazy load or typing in a filter never moves focus.
const quiet = /\b(every|load|revealed|intersect|input|keyup|change)\b/;

const focusOn = (element) => {
  if (!element) return;
  if (!element.hasAttribute("tabindex")) element.tabIndex = -1;
  element.focus();
};

document.addEventListener("htmx:afterSettle", (event) => {
  const part = event.detail.elt;
  const errors = part.querySelector(".errors");
  const trigger = event.detail.requestConfig?.elt?.getAttribute("hx-trigger") ?? "";
  if (errors) focusOn(errors);
  else if (!quiet.test(trigger)) focusOn(part.querySelector("h1, h2, h3"));
});

focusOn(document.querySelector("main .errors, #messages .note-bad"));
