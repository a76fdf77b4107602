// Where somebody is signed in, and ending any of it.

import { showNotices } from "./account-notices.js";
import { ask, busy, toast } from "./dialogs.js";
import { byId, el, when } from "./dom.js";
import * as session from "./session.js";

const list = byId("sessions");

export async function showSessions() {
  const [{ items }] = await Promise.all([session.call("GET", "auth/sessions"), showNotices()]);
  list.replaceChildren(...items.map(row));
  list.classList.remove("coming");
  list.removeAttribute("aria-busy");
}

function row(one) {
  return el("li", {},
    el("div", { class: "about" },
      el("p", { class: "name" }, one.device.charAt(0).toUpperCase() + one.device.slice(1), one.current ? el("span", { class: "tag good" }, "this one") : null),
      el("p", { class: "soft small" }, one.address ?? "address unknown", " · ", one.current ? "in use now" : ["last used ", when(one.last_used_at)]),
    ),
    one.current ? null : el("div", { class: "actions" },
      el("button", { type: "button", "aria-label": `Sign out ${one.device}`, onclick: (event) => end(one, event.currentTarget) }, "Sign out"),
    ),
  );
}

async function end(one, button) {
  const done = await busy(button, () => session.call("DELETE", `auth/sessions/${one.id}`));
  if (!done) return;
  const next = button.closest("li").nextElementSibling?.querySelector("button") ?? byId("sessions-title");
  button.closest("li").remove();
  focus(next);
  toast(`${one.device} is signed out.`);
}

// Whoever works by keyboard goes on where they were, not at the top of the page.
function focus(place) {
  if (!place.matches("button")) place.tabIndex = -1;
  place.focus();
}

byId("sign-out-everywhere").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  if (await ask("Sign out everywhere?", "Every device is signed out, this one too. API keys go on working.", "Sign out everywhere", { danger: true })) {
    await busy(button, () => session.signOut(true));
  }
});
