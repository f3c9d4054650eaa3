// What stands in the fields of a form, as text that can be put there again. Passwords, codes, hidden fields and files
// are never read; a chooser is read as its key with the words that show it.
const SECRET = "[type=password], [autocomplete=one-time-code], [autocomplete$=-password]";
const SKIPPED = "[type=hidden], [type=file], [type=submit], [type=button], [type=reset], [type=image]";

const checked = (field) => field.matches("[type=checkbox], [type=radio]");
const chooserOf = (field) => (field.matches("[role=combobox]") ? field.closest("[data-chooser]") : null);
const keyOf = (chooser) => chooser.querySelector("input[type=hidden]");
const wordsOf = (chooser) => chooser.querySelector("[role=status]");
const nameOf = (field) => (chooserOf(field) ? keyOf(chooserOf(field)).name : field.name);

const isRead = (field) =>
  field.matches("input, select, textarea") && !field.matches(SECRET) && !field.matches(SKIPPED) && nameOf(field) !== "";

// Fields of a form by what tells them apart: the name, what a box stands for, and which of several alike it is.
export const fieldsOf = (form) => {
  const alike = new Map();
  return [...form.elements].filter(isRead).map((field) => {
    const key = JSON.stringify([nameOf(field), checked(field) ? field.value : null]);
    alike.set(key, (alike.get(key) ?? 0) + 1);
    return [`${key} ${alike.get(key)}`, field];
  });
};

export const stateOf = (field) => {
  const chooser = chooserOf(field);
  if (chooser) return [keyOf(chooser).value, field.value, wordsOf(chooser).textContent];
  if (checked(field)) return field.checked;
  if (field.matches("select")) return [...field.selectedOptions].map((option) => option.value);
  return field.value;
};

const put = (field, state) => {
  const chooser = chooserOf(field);
  if (chooser) {
    [keyOf(chooser).value, field.value, wordsOf(chooser).textContent] = state;
    field.setCustomValidity(state[1].trim() && !state[0] ? chooser.dataset.choose : "");
  } else if (checked(field)) field.checked = state;
  else if (field.matches("select")) for (const option of field.options) option.selected = state.includes(option.value);
  else field.value = state;
};

const tell = (field) => {
  const chooser = chooserOf(field);
  if (!chooser) field.dispatchEvent(new Event("input", { bubbles: true }));
  (chooser ? keyOf(chooser) : field).dispatchEvent(new Event("change", { bubbles: true }));
};

// Puts a state into its field, and says whether it changed; what is gone from a list is not put.
export const putBack = (field, state) => {
  if (field.disabled || JSON.stringify(stateOf(field)) === JSON.stringify(state)) return false;
  const offered = field.matches("select") && [...field.options].map((option) => option.value);
  if (offered && !state.every((value) => offered.includes(value))) return false;
  put(field, state);
  tell(field);
  return true;
};

export const filesOf = (form) =>
  [...form.elements].filter((field) => field.matches("[type=file]")).flatMap((field) => [...field.files].map((file) => file.name));
