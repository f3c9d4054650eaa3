// A combobox that finds on the server: the text is for people, the hidden field beside it holds the key.
const WAIT = 150;
const parts = (input) => {
  const box = input.closest("[data-chooser]");
  return { box, key: box.querySelector("input[type=hidden]"), list: box.querySelector("ul"), said: box.querySelector("[role=status]") };
};
const options = (list) => [...list.querySelectorAll("[role=option]")];
const waiting = new WeakMap();

const activate = (input, option) => {
  const { list } = parts(input);
  for (const each of options(list)) each.setAttribute("aria-selected", String(each === option));
  if (!option) return input.removeAttribute("aria-activedescendant");
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};

const open = (input, shown) => {
  parts(input).list.hidden = !shown;
  input.setAttribute("aria-expanded", String(shown));
  if (!shown) activate(input, null);
};

const take = (input, option) => {
  const { key, said } = parts(input);
  key.value = option.dataset.value;
  input.value = option.dataset.first;
  input.setCustomValidity("");
  said.textContent = option.dataset.second;
  open(input, false);
  key.dispatchEvent(new Event("change", { bubbles: true }));
};

const find = async (input, signal) => {
  const { box, list, said } = parts(input);
  try {
    const answer = await fetch(`${box.dataset.chooser}?q=${encodeURIComponent(input.value.trim())}`, { signal, headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    const found = document.createElement("template");
    found.innerHTML = await answer.text();
    list.replaceChildren(...options(found.content));
    options(list).forEach((option, at) => { option.id = `${list.id}_${at}`; });
    said.textContent = found.content.querySelector("[data-said]").textContent;
    open(input, list.childElementCount > 0 && document.activeElement === input);
  } catch (error) {
    if (error.name === "AbortError") return;
    open(input, false);
    said.textContent = box.dataset.offline;
  }
};

const cancel = (input) => {
  clearTimeout(waiting.get(input)?.timer);
  waiting.get(input)?.stop.abort();
};

const later = (input) => {
  const stop = new AbortController();
  waiting.set(input, { stop, timer: setTimeout(() => find(input, stop.signal), WAIT) });
};

document.addEventListener("input", (event) => {
  const input = event.target.closest("[data-chooser] [role=combobox]");
  if (!input) return;
  const { box, key, said } = parts(input);
  key.value = "";
  said.textContent = "";
  input.setCustomValidity(input.value.trim() ? box.dataset.choose : "");
  open(input, false);
  cancel(input);
  if (input.value.trim().length >= Number(box.dataset.fewest)) later(input);
});

document.addEventListener("keydown", (event) => {
  const input = event.target.closest("[data-chooser] [role=combobox]");
  if (!input) return;
  const { list } = parts(input);
  const all = options(list);
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && all.length) {
    event.preventDefault();
    open(input, true);
    activate(input, all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length]);
  } else if (event.key === "Enter" && !list.hidden && at >= 0) {
    event.preventDefault();
    take(input, all[at]);
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    event.stopPropagation();
    open(input, false);
  }
});

document.addEventListener("mousedown", (event) => {
  if (event.target.closest("[data-chooser] ul")) event.preventDefault(); // the field keeps the focus
});

document.addEventListener("click", (event) => {
  const option = event.target.closest("[data-chooser] [role=option]");
  if (option) take(option.closest("[data-chooser]").querySelector("[role=combobox]"), option);
});

document.addEventListener("focusout", (event) => {
  const input = event.target.closest("[data-chooser] [role=combobox]");
  if (input) open(input, false);
});
