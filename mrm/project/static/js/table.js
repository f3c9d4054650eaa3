// On narrow screens a stackable table is laid out as blocks, which hides its meaning from assistive technology:
// give every part its role back, and each cell the name of its column.
const roles = { THEAD: "rowgroup", TBODY: "rowgroup", TFOOT: "rowgroup", TR: "row", TD: "cell" };

const describe = (table) => {
  table.setAttribute("role", "table");
  const heads = [...table.querySelectorAll("thead tr:last-child > *")];
  for (const part of table.querySelectorAll("thead, tbody, tfoot, tr, td, th")) {
    const head = part.closest("thead") ? "columnheader" : "rowheader";
    part.setAttribute("role", part.tagName === "TH" ? head : roles[part.tagName]);
  }
  for (const cell of table.querySelectorAll("tbody td:not([data-l]):not(.pick)")) {
    const name = heads[cell.cellIndex]?.textContent.trim();
    if (name) cell.dataset.l = name;
  }
};

const describeAll = () => {
  for (const table of document.querySelectorAll("table.stackable")) describe(table);
};
describeAll();
document.addEventListener("htmx:afterSettle", describeAll);
