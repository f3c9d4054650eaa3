// A password field says when Caps Lock is on.
document.addEventListener("keyup", (event) => {
  if (!event.target.matches?.("input[type=password]") || !event.getModifierState) return;
  const hint = event.target.form?.querySelector("[data-capslock]");
  if (hint) hint.hidden = !event.getModifierState("CapsLock");
});
