// What this page says of the form that was sent last. "error": it was refused. "unknown": nobody is signed in here, or
// this page is no answer to a form: the reader went back to it, or came from outside. "step": it goes on here.
// "accepted": all else.
const meta = (name) => document.querySelector(`meta[name=${name}]`)?.content ?? "";
const refusals = "#messages .note-bad, main .errors, main .field-error:not([hidden])";

export const reader = meta("reader");

const said = () => {
  if (meta("outcome") === "error" || document.querySelector(refusals)) return "error";
  if (!reader || !document.referrer || performance.getEntriesByType("navigation")[0]?.type === "back_forward") return "unknown";
  return meta("outcome") || "accepted";
};
export const outcome = said();
