// A request that failed and brought no page part: say so in the line that every page keeps for it.
const show = (words) => {
  const line = document.getElementById("trouble");
  line.querySelector("span").textContent = line.dataset[words];
  line.hidden = false;
};

document.addEventListener("htmx:sendError", () => show("offline"));
document.addEventListener("htmx:timeout", () => show("offline"));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  show({ 401: "signin", 403: "refused", 404: "gone", 429: "wait" }[status] ?? "failed");
});
document.addEventListener("htmx:beforeRequest", () => {
  document.getElementById("trouble").hidden = true;
});
