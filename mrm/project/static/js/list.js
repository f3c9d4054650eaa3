// j and k move through a list, Enter follows the link in focus, x selects, ? shows the keys.
import { free } from "./keys.js";

const rowsOf = (list) => [...list.querySelectorAll("tbody tr:not(.group)")];

const moveTo = (rows, row) => {
  if (!row) return;
  for (const other of rows) other.classList.toggle("at", other === row);
  row.querySelector("a")?.focus();
  row.scrollIntoView({ block: "nearest" });
};

document.addEventListener("keydown", (event) => {
  if (!free(event)) return;
  if (event.key === "?") document.getElementById("keys")?.showModal();
  const list = document.querySelector("[data-list]");
  if (!list || !["j", "k", "x"].includes(event.key)) return;
  const rows = rowsOf(list);
  const at = rows.findIndex((row) => row.contains(document.activeElement) || row.classList.contains("at"));
  if (event.key === "x") rows[at]?.querySelector("input[type=checkbox]")?.click();
  else moveTo(rows, rows[Math.max(0, at + (event.key === "j" ? 1 : -1))]);
});

// The selection bar shows only with a selection, counts it, and clears it.
const count = () => {
  for (const bar of document.querySelectorAll("[data-bulk]")) {
    const picked = document.querySelectorAll("[data-list] .pick input:checked").length;
    bar.hidden = picked === 0;
    bar.querySelector("[data-bulk-count]").textContent = picked;
  }
};

document.addEventListener("change", (event) => event.target.closest(".pick") && count());
document.addEventListener("htmx:afterSettle", count);
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-bulk-clear]")) return;
  for (const box of document.querySelectorAll("[data-list] .pick input:checked")) box.checked = false;
  count();
});
count();
