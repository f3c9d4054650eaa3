// The section list marks the section in view; where parts are shown one at a time, the part that is shown.
const links = new Map([...document.querySelectorAll(".toc a[href^='#']")].map((a) => [a.hash.slice(1), a]));

function mark(current) {
  for (const [id, link] of links) {
    if (id === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

const inView = new IntersectionObserver((entries) => {
  const seen = entries.find((entry) => entry.isIntersecting);
  if (seen) mark(seen.target.id);
}, { rootMargin: "-15% 0px -75% 0px" });

for (const id of links.keys()) {
  const section = document.getElementById(id);
  if (section) inView.observe(section);
}

function markPart() {
  const part = document.querySelector(".part:target, .part:has(:target)");
  if (part && links.has(part.id)) mark(part.id);
}

addEventListener("hashchange", markPart);
markPart();
