// One sentence for screen readers, in the status line that every page has.
export const say = (sentence) => {
  document.getElementById("say").textContent = sentence;
};
