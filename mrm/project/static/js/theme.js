// Light or dark: the page changes at once, the cookie tells the server, so that the next page does not flash.
const root = document.documentElement;

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  root.dataset.bsTheme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  const secure = location.protocol === "https:" ? ";Secure" : "";
  document.cookie = `theme=${root.dataset.bsTheme};path=/;max-age=31536000;SameSite=Lax${secure}`;
});
