// One-key shortcuts can be switched off in the list of keys, and never act while a person types.
const off = () => localStorage.getItem("keys") === "off";

export const free = (event) =>
  !off() && !event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]") &&
  !event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");

for (const box of document.querySelectorAll("[data-keys-switch]")) {
  box.checked = !off();
  box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));
}
