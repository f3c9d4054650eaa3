// What was typed into a form is kept in this tab from when it is sent until a page says that it was accepted; after a
// refusal, or after signing in again, it is back in the form.
import { fieldsOf, filesOf, putBack, stateOf } from "./fields.js";
import { outcome, reader } from "./outcome.js";

const KEY = "kept";
const MOST = 12;
const LONGEST = 8 * 60 * 60 * 1000; // as long as a session lasts
const words = document.getElementById("kept"); // on every page of the menu
const nothing = { last: null, forms: [] };

const read = () => {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? nothing;
  } catch {
    return nothing;
  }
};

// What is too long for the browser's store is not kept, and still sent.
const write = ({ last, forms }) => {
  for (const most of [MOST, 1, 0]) {
    try {
      return sessionStorage.setItem(KEY, JSON.stringify({ last, forms: most ? forms.slice(-most) : [] }));
    } catch {
      sessionStorage.removeItem(KEY);
    }
  }
};

const here = location.pathname + location.search;
const addressOf = (form, submitter) => {
  const { pathname, search } = new URL(submitter?.getAttribute("formaction") || form.getAttribute("action") || here, location);
  return pathname + search;
};
const sent = () => [...document.querySelectorAll("form[method=post]")];
const sentTo = (action) => sent().filter((form) => addressOf(form) === action);

// Rows of a table may send to one address: their hidden values and the names of their fields tell them apart.
const markOf = (form) => {
  const hidden = [...form.elements].filter((field) => field.type === "hidden" && field.name !== "csrfmiddlewaretoken" && !field.closest("[data-chooser]"));
  return JSON.stringify([form.getAttribute("id"), fieldsOf(form).map(([, field]) => field.id), hidden.map((field) => [field.name, field.value])]);
};
const placeOf = (form) => {
  const others = sentTo(addressOf(form));
  const same = others.filter((other) => markOf(other) === markOf(form));
  return { of: others.length, mark: markOf(form), same: same.length, nth: same.indexOf(form) };
};
const formOf = ({ action, place }) => {
  const found = sentTo(action);
  if (found.length === 1 && place.of === 1) return found[0];
  const same = found.filter((form) => markOf(form) === place.mark);
  return same.length === place.same ? same[place.nth] : undefined;
};

const before = read();
const { last } = before;
// an answer that stands at the address it was sent to has no page of its own to come back to
const page = last?.action === here ? last.page : here;

const ofForm = (form) => ({
  action: addressOf(form),
  place: placeOf(form),
  reader,
  at: Date.now(),
  next: [],
  values: Object.fromEntries(fieldsOf(form).map(([key, field]) => [key, stateOf(field)])),
  files: filesOf(form),
});

const isSame = (one, other) => one.action === other.action && one.place.mark === other.place.mark && one.place.nth === other.place.nth;

const keep = (form, submitter) => {
  const kept = read();
  const made = ofForm(form);
  const forms = kept.forms.filter((each) => !isSame(each, made));
  if (reader && (Object.keys(made.values).length || made.files.length)) forms.push(made);
  write({ last: { action: addressOf(form, submitter), page }, forms });
};

const leadsTo = (entry, action) => entry.action === action || entry.next.includes(action);
// what was composed waits for its signature
const signed = () => sent().filter((form) => "signing" in form.dataset).map((form) => addressOf(form));
const goesOn = (entry, action) =>
  leadsTo(entry, action) ? { ...entry, next: [...new Set([...entry.next, ...signed()])] } : entry;

// What this page says of what was sent decides what is still kept; nobody gets what another reader typed.
const judged = () => {
  const own = before.forms.filter((each) => Date.now() - each.at < LONGEST && (!reader || each.reader === reader));
  if (!last) return own;
  if (outcome === "accepted") return own.filter((each) => !leadsTo(each, last.action));
  return outcome === "step" ? own.map((each) => goesOn(each, last.action)) : own;
};

// the rows of a form may be others than those that were sent
const fits = (entry, form) => entry.files.length > 0 || fieldsOf(form).some(([key]) => key in entry.values);

const isRefused = (entry) => outcome === "error" && leadsTo(entry, last?.action);

const reveal = (element) => {
  for (let outer = element.closest("details"); outer; outer = outer.parentElement.closest("details")) outer.open = true;
  const dialog = element.closest("dialog:not([open])");
  if (dialog) dialog.showModal();
};

const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
const paragraph = (text) => Object.assign(line("p", text), { className: "mt-1 mb-0" });

// The sentences of the refusal move from the head of the page to the form that they speak of.
const summaryOf = (form, refused, bound) => {
  const made = words.content.firstElementChild.cloneNode(true);
  const notes = refused ? [...document.querySelectorAll("#messages .note-bad")] : [];
  made.querySelector("h2").textContent = refused ? words.dataset.refused : words.dataset.again;
  if (notes.length) made.querySelector("ul").append(...notes.map((note) => line("li", note.textContent.trim())));
  else made.querySelector("ul").remove();
  if (!bound) made.append(paragraph(refused ? words.dataset.again : words.dataset.unsure));
  for (const note of notes) note.remove();
  form.insertAdjacentElement("beforebegin", made);
  return made;
};

const giveBack = (entry, form) => {
  const refused = isRefused(entry);
  for (const [key, field] of fieldsOf(form)) {
    if (key in entry.values && putBack(field, entry.values[key])) reveal(field);
  }
  reveal(form);
  const bound = form.querySelector(".field-error:not([hidden])") !== null;
  const stands = form.querySelector(".errors") ?? (refused ? document.querySelector("main .errors:not(.again)") : null);
  if (!stands && bound && !entry.files.length) return form.querySelector("[aria-invalid=true]")?.focus();
  const told = stands ?? summaryOf(form, refused, bound);
  if (entry.files.length) told.append(paragraph(`${words.dataset.files} ${entry.files.join(", ")}`));
  told.focus();
};

let waiting = judged();
const restore = () => {
  if (!reader || outcome === "step") return;
  const found = waiting.map((entry) => [entry, formOf(entry)]).filter(([entry, form]) => form && fits(entry, form));
  found.sort(([one], [other]) => isRefused(one) - isRefused(other)); // what was refused now has the focus
  for (const [entry, form] of found) giveBack(entry, form);
  waiting = waiting.filter((entry) => !found.some(([each]) => each === entry));
  if (!found.length) return;
  const kept = read();
  write({ ...kept, forms: kept.forms.filter((entry) => !found.some(([each]) => isSame(each, entry))) });
};

// What is put in words, not chosen, a reader can take from here to where it belongs now.
const wordsOf = (entry) => Object.values(entry.values).filter((state) => typeof state === "string" && state.trim());
const typedIn = (entries) => {
  const typed = entries.flatMap(wordsOf);
  return typed.length ? [paragraph(words.dataset.typed), ...typed.map((text) => line("blockquote", text))] : [];
};

// An error page leads back to the form, and so does a refusal that is told elsewhere. Where the form's own page has it
// no longer, as when somebody else was first, what was typed is shown there once.
const leadBack = () => {
  const entries = waiting.filter((entry) => leadsTo(entry, last?.action));
  if (!entries.length) return;
  const note = document.querySelector("#messages .note-bad > div");
  const link = document.querySelector("a[data-form-page]");
  if (link && reader) link.parentElement.before(...typedIn(entries));
  if (!link && note && last.page === here) {
    note.append(...typedIn(entries));
    waiting = waiting.filter((entry) => !entries.includes(entry));
    return write({ last: null, forms: waiting });
  }
  const way = link ?? note?.appendChild(line("a", words.dataset.form));
  if (!way) return;
  way.href = last.page;
  way.hidden = false;
};

write({ last: null, forms: waiting });
restore();
leadBack();
document.addEventListener("htmx:afterSettle", restore);

// after htmx has taken what is its own; a form that it sends stays on the page, unless the answer leads away
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[method=post]")) return; // a field may be called method
  if ("forget" in form.dataset) sessionStorage.removeItem(KEY);
  else if (!event.defaultPrevented || form.hasAttribute("hx-post")) keep(form, event.submitter);
});

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, xhr } = event.detail;
  const kept = read();
  if (!elt.matches("form") || !kept.last || xhr?.getResponseHeader("HX-Redirect")) return;
  write({ last: null, forms: kept.forms.map((each) => goesOn(each, kept.last.action)) });
});
