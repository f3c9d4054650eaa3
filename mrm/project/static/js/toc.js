// The section list marks the section in view.
const links = new Map([...document.querySelectorAll(".toc a[href^='#']")].map((a) => [a.hash.slice(1), a]));

const inView = new IntersectionObserver((entries) => {
  const seen = entries.find((entry) => entry.isIntersecting);
  if (!seen) return;
  for (const [id, link] of links) {
    if (id === seen.target.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-15% 0px -75% 0px" });

for (const id of links.keys()) {
  const section = document.getElementById(id);
  if (section) inView.observe(section);
}
