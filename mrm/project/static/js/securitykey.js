// A form with data-key-options has a security key answer before it is sent; the answer goes along in a hidden field.
const ANSWERS = "[name=answer], [name=credential]";

const optionsOf = (form) => JSON.parse(form.dataset.keyOptions || "null");
const wanted = (form) => {
  const chosen = form.querySelector("[name=method]:checked");
  return chosen ? chosen.value === "webauthn" : !form.querySelector("[name=code]")?.value;
};

const isEmpty = (field) => !field.value || field.value === "null";

const say = (form, words) => {
  const line = form.querySelector("[data-key-trouble]");
  line.textContent = words;
  line.hidden = !words;
};

// a key knows one address; at another it would only say that something failed
const elsewhere = (form, line) =>
  location.hostname === form.dataset.party ? "" : `${line.dataset.elsewhere} ${location.protocol}//${form.dataset.party}${location.port ? `:${location.port}` : ""}`;

const answer = async (form) => {
  const { publicKey } = optionsOf(form);
  if (form.dataset.key === "create") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
};

const ask = async (form, submitter) => {
  const line = form.querySelector("[data-key-trouble]");
  const other = elsewhere(form, line);
  if (other) return say(form, other);
  try {
    const given = await answer(form);
    form.querySelector(ANSWERS).value = JSON.stringify(given.toJSON());
  } catch {
    return say(form, line.dataset.silent);
  }
  say(form, "");
  form.requestSubmit(submitter);
};

// before htmx sees the form
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!("keyOptions" in form.dataset) || !optionsOf(form) || !wanted(form) || !isEmpty(form.querySelector(ANSWERS))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(form, event.submitter);
}, true);

// an answer serves once
document.addEventListener("htmx:afterRequest", (event) => {
  if ("keyOptions" in event.target.dataset) event.target.querySelector(ANSWERS).value = "";
});
