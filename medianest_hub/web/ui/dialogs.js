// Questions before what cannot be undone, things shown once, and short words of what was done.

import { Problem } from "./api.js";
import { byId, el } from "./dom.js";
import { onSubmit } from "./forms.js";

let fading = 0;

export function toast(text) {
  const place = byId("toast");
  // Over a dialog nothing of the page beneath is seen or heard.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(place);
  place.textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => (place.textContent = ""), Math.max(6000, text.length * 90));
}

// Runs `work` with the button busy; problems become a toast. Gives whether it worked.
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return false;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
    return true;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    toast(problem.message);
    return false;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function opened(...children) {
  const before = document.activeElement;
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, ...children);
  dialog.addEventListener("close", () => {
    if (dialog.contains(byId("toast"))) document.body.append(byId("toast"));
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// Whether they said yes.
export function ask(title, text, yes, { danger = false } = {}) {
  return new Promise((answer) => {
    const dialog = opened(
      el("form", { class: "stack", method: "dialog" },
        el("h2", { id: "dialog-title" }, title),
        el("p", {}, text),
        el("div", { class: "actions end" },
          el("button", { class: "plain", value: "no", autofocus: true }, "Cancel"),
          el("button", { class: danger ? "danger" : "main", value: "yes" }, yes),
        ),
      ),
    );
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"));
  });
}

// A form with one field; `send(value)` does the work, and the dialog closes once it is done. Gives whether it was.
export function askFor(title, text, field, yes, send) {
  return new Promise((answer) => {
    const input = el("input", { id: "dialog-field", name: "value", required: true, "aria-describedby": "dialog-problem", ...field.attributes });
    const form = el("form", { class: "stack", method: "post" },
      el("h2", { id: "dialog-title" }, title),
      el("p", { class: "soft" }, text),
      el("div", { class: "field" },
        el("label", { for: "dialog-field" }, field.label),
        input,
        el("p", { class: "field-problem", id: "dialog-problem", "data-problem": "value" }),
      ),
      el("p", { class: "note", role: "alert" }),
      el("div", { class: "actions end" },
        el("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel"),
        el("button", { type: "submit", class: "main" }, yes),
      ),
    );
    const dialog = opened(form);
    onSubmit(form, async ({ value }) => {
      await send(value);
      dialog.close("done");
    });
    dialog.addEventListener("close", () => answer(dialog.returnValue === "done"));
    input.focus();
  });
}

// Something shown this once, with a button that copies it.
export function showOnce(title, text, value) {
  return new Promise((closed) => {
    const field = el("input", { id: "dialog-value", readonly: true, value, "aria-label": title, autocomplete: "off", spellcheck: "false" });
    const copy = el("button", { type: "button", class: "main" }, "Copy");
    copy.addEventListener("click", async () => {
      const copied = await toClipboard(field);
      copy.textContent = copied ? "Copied" : "Press Ctrl+C";
    });
    const dialog = opened(
      el("div", { class: "stack" },
        el("h2", { id: "dialog-title" }, title),
        el("p", {}, text),
        el("div", { class: "copy" }, field, copy),
        el("div", { class: "actions end" }, el("button", { type: "button", onclick: () => dialog.close() }, "Done")),
      ),
    );
    // Gone from the page with the dialog, which "Escape" must not close by accident.
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", closed);
    field.select();
  });
}

// Over plain http there is no clipboard for scripts, but there is the old way.
async function toClipboard(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}
