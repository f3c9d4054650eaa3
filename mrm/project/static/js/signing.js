// The sign dialog shows what belongs to the chosen way, counts down, and closes when the statement is too old.
const choose = (form) => {
  const chosen = form.querySelector("[name=method]:checked")?.value;
  if (!form.querySelector("[data-method]")) return;
  for (const part of form.querySelectorAll("[data-method]")) part.hidden = part.dataset.method !== chosen;
};

const tell = (timer, left) => {
  timer.querySelector("b").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
};

const close = (form, timer) => {
  timer.textContent = timer.dataset.over;
  timer.classList.add("st-bad");
  for (const button of form.querySelectorAll("[type=submit]")) button.disabled = true;
};

const count = (form, timer) => {
  const end = Date.now() + Number(timer.dataset.countdown) * 1000;
  const beat = setInterval(() => {
    if (!timer.isConnected) return clearInterval(beat);
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) return tell(timer, left);
    clearInterval(beat);
    return close(form, timer);
  }, 1000);
  tell(timer, Number(timer.dataset.countdown));
};

const begin = () => {
  for (const form of document.querySelectorAll("form[data-signing]:not([data-begun])")) {
    form.dataset.begun = "";
    choose(form);
    form.addEventListener("change", (event) => {
      if (event.target.name !== "method") return;
      choose(form);
      form.querySelector(`[data-method="${event.target.value}"] input`)?.focus();
    });
    const timer = form.querySelector("[data-countdown]");
    if (timer) count(form, timer);
  }
};
begin();
document.addEventListener("htmx:afterSettle", begin);
