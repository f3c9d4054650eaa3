// What a person writes in a textarea with data-draft="key" is kept in this browser until it was accepted.
import { outcome } from "./outcome.js";

const prefix = "draft:";
const failed = outcome === "error" || outcome === "unknown";
const read = (key) => JSON.parse(localStorage.getItem(key) ?? "null");
const clock = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

// A draft that was sent is dropped on the next page, unless that page reports an error or nobody is signed in there.
for (const key of Object.keys(localStorage).filter((name) => name.startsWith(prefix))) {
  const draft = read(key);
  if (!draft?.sent) continue;
  if (failed) localStorage.setItem(key, JSON.stringify({ ...draft, sent: false }));
  else localStorage.removeItem(key);
}

const tell = (area, at) => {
  const line = document.querySelector(`[data-draft-line="${CSS.escape(area.dataset.draft)}"]`);
  if (line) line.textContent = line.dataset.words.replace("%s", at);
};

const restore = () => {
  for (const area of document.querySelectorAll("textarea[data-draft]")) {
    const draft = read(prefix + area.dataset.draft);
    if (!draft || area.value) continue;
    area.value = draft.text;
    tell(area, draft.at);
  }
};

document.addEventListener("input", (event) => {
  const area = event.target.closest("textarea[data-draft]");
  if (!area) return;
  const at = clock();
  localStorage.setItem(prefix + area.dataset.draft, JSON.stringify({ text: area.value, at, sent: false }));
  tell(area, at);
});

document.addEventListener("submit", (event) => {
  for (const area of event.target.querySelectorAll("textarea[data-draft]")) {
    const key = prefix + area.dataset.draft;
    const draft = read(key);
    if (draft) localStorage.setItem(key, JSON.stringify({ ...draft, sent: true }));
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  for (const area of event.detail.elt.querySelectorAll?.("textarea[data-draft]") ?? []) {
    localStorage.removeItem(prefix + area.dataset.draft);
  }
});

restore();
