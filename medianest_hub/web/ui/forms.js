// Real forms, sent by script: busy while under way, problems beside their fields, the rest in the form's note.

import { Problem, seconds } from "./api.js";
import { say } from "./dom.js";

// `send(values)` does the work; what it throws is shown. The form has a submit button, a `.note`, and for a field `x` an
// element `[data-problem="x"]`.
export function onSubmit(form, send) {
  for (const field of form.querySelectorAll(".reveal")) reveal(field);
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("[type=submit]");
    if (button.getAttribute("aria-busy") === "true") return;
    clear(form);
    if (!complete(form)) return;
    button.setAttribute("aria-busy", "true");
    try {
      await send(Object.fromEntries(new FormData(form)));
    } catch (error) {
      show(form, error);
      if (error.retryAfter) await hold(form, button, error.retryAfter);
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
}

export const noteOf = (form) => form.querySelector(".note");

export function clear(form) {
  say(noteOf(form), "");
  for (const place of form.querySelectorAll("[data-problem]")) place.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

// What the browser's own checks find, in our place and look rather than in its bubble.
function complete(form) {
  const wrong = [...form.elements].filter((field) => field.willValidate && !field.checkValidity());
  for (const field of wrong) {
    const words = field.validity.valueMissing ? (field.dataset.missing ?? "This is needed.") : field.validationMessage;
    mark(form, field.name, words);
  }
  wrong[0]?.focus();
  return wrong.length === 0;
}

function mark(form, name, words) {
  const place = form.querySelector(`[data-problem="${CSS.escape(name)}"]`);
  const field = form.elements.namedItem(name);
  if (!place || !field) return false;
  place.textContent = words;
  field.setAttribute("aria-invalid", "true");
  return true;
}

export function show(form, error) {
  if (!(error instanceof Problem)) console.error(error);
  const placed = (error.fields ?? []).filter(({ field, message }) =>
    mark(form, String(field).replace(/^body\./, ""), message),
  );
  if (placed.length) form.querySelector("[aria-invalid]").focus();
  else say(noteOf(form), error instanceof Problem ? error.message : "Something went wrong on this page. Reload it.", "problem");
}

// Counts down where the hub asks us to wait, and says when it is over.
async function hold(form, button, wait) {
  const words = noteOf(form);
  button.disabled = true;
  const until = Date.now() + wait * 1000;
  for (let left = wait; left > 0; left = Math.ceil((until - Date.now()) / 1000)) {
    // Not for screen readers each second: they heard it once.
    words.setAttribute("aria-live", "off");
    words.textContent = `Too many tries. Wait ${seconds(left)}, then try again.`;
    await new Promise((go) => setTimeout(go, 1000));
  }
  words.setAttribute("aria-live", "polite");
  say(words, "You can try again now.");
  button.disabled = false;
}

// The button inside a password's field that shows what was typed.
function reveal(place) {
  const field = place.querySelector("input");
  const button = place.querySelector("button");
  button.addEventListener("click", () => {
    const hidden = field.type === "password";
    field.type = hidden ? "text" : "password";
    button.firstElementChild.textContent = hidden ? "Hide" : "Show";
  });
  // Before it is sent, so that password managers know it for one.
  field.form.addEventListener("submit", () => {
    if (field.type === "text") button.click();
  }, { capture: true });
}
