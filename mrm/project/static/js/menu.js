// The folding top menu, and the menus under a button (details.drop): one open at a time, Escape closes.
const closeAll = (except) => {
  for (const drop of document.querySelectorAll("details.drop[open]")) if (drop !== except) drop.open = false;
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggle][aria-controls]");
  if (button) {
    const open = document.getElementById(button.getAttribute("aria-controls")).classList.toggle("show");
    button.setAttribute("aria-expanded", String(open));
  }
  closeAll(event.target.closest("details.drop"));
});

document.addEventListener("keydown", (event) => {
  const drop = event.key === "Escape" && document.querySelector("details.drop[open]");
  if (!drop) return;
  drop.open = false;
  drop.querySelector("summary").focus();
});
