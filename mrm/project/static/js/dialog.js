// Native dialogs: data-dialog opens, data-close closes, data-open is open from the start. Focus returns by itself.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog).showModal();
  if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
});

const openWaiting = (scope) => {
  for (const dialog of scope.querySelectorAll("dialog[data-open]:not([open])")) dialog.showModal();
};
openWaiting(document);
document.addEventListener("htmx:afterSettle", () => openWaiting(document));
