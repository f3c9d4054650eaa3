// "/" goes to the find field.
import { free } from "./keys.js";

document.addEventListener("keydown", (event) => {
  const field = document.querySelector(".find input");
  if (event.key !== "/" || !free(event) || !field?.checkVisibility()) return;
  event.preventDefault();
  field.focus();
});
