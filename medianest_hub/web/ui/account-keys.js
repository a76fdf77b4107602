// API keys: made with a name, an end and permissions; shown once; revoked.

import { stillYou } from "./account-ways.js";
import { ask, busy, showOnce, toast } from "./dialogs.js";
import { byId, el, when } from "./dom.js";
import { clear, onSubmit } from "./forms.js";
import * as session from "./session.js";

const list = byId("keys");
const dialog = byId("key-dialog");
const form = byId("key-form");

export async function showKeys() {
  const { items } = await session.call("GET", "api-keys");
  list.classList.remove("coming");
  list.removeAttribute("aria-busy");
  list.replaceChildren(...(items.length ? items.map(row) : [el("li", { class: "empty" }, "No keys.")]));
}

function row(key) {
  const ended = key.expires_at && Date.parse(key.expires_at) < Date.now();
  return el("li", {},
    el("div", { class: "about" },
      el("p", { class: "name" }, key.name, ended ? el("span", { class: "tag warn" }, "expired") : null),
      el("p", { class: "soft small" },
        el("code", {}, `${key.hint}…`), " · ",
        key.last_used_at ? ["last used ", when(key.last_used_at)] : "never used", " · ",
        key.expires_at ? [ended ? "ended " : "ends ", when(key.expires_at)] : "no end",
      ),
      el("p", { class: "soft small" }, key.permissions.map((name) => WORDS[name] ?? name).join(" · ")),
    ),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "danger", "aria-label": `Revoke ${key.name}`, onclick: (event) => revoke(key, event.currentTarget) }, "Revoke"),
    ),
  );
}

async function revoke(key, button) {
  if (!(await ask(`Revoke “${key.name}”?`, "Whatever uses it stops working at once.", "Revoke", { danger: true }))) return;
  if (!(await busy(button, () => session.call("DELETE", `api-keys/${key.id}`)))) return;
  await showKeys();
  byId("make-key").focus();
  toast(`“${key.name}” is revoked.`);
}

byId("make-key").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  await busy(button, async () => {
    // A key can never manage the account itself.
    const { permissions } = await session.call("GET", "auth/session");
    byId("key-permissions").replaceChildren(...permissions.filter((name) => !NOT_FOR_KEYS.has(name)).map(choice));
    form.reset();
    clear(form);
    dialog.showModal();
    form.elements.name.focus();
  });
});

const NOT_FOR_KEYS = new Set(["hub.account", "hub.people"]);
const WORDS = { "hub.signed_in": "Read what is yours: dashboard, jobs", "hub.admin": "Run the hub: everything an admin may" };

function choice(name) {
  const field = el("input", { type: "checkbox", name: "permissions", value: name, checked: name === "hub.signed_in" });
  return el("label", { class: "check" }, field, el("span", {}, WORDS[name] ?? el("code", {}, name)));
}

onSubmit(form, async ({ name, days }) => {
  const permissions = [...form.querySelectorAll("[name=permissions]:checked")].map(({ value }) => value);
  if (permissions.length === 0) {
    byId("key-permissions-problem").textContent = "Choose at least one.";
    return;
  }
  const expires_at = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
  const made = await makeKey({ name, permissions, expires_at });
  if (!made) return;
  dialog.close();
  await showOnce("Your new key", "Copy it now: it is shown this once, and nobody can look it up later.", made.key);
  await showKeys();
  byId("make-key").focus();
});

// A key is a way in for good, so the hub may want to know that it is still you. Null where that was left off.
async function makeKey(wanted) {
  try {
    return await session.call("POST", "api-keys", wanted);
  } catch (problem) {
    if (problem.code !== "confirm_first") throw problem;
    return (await stillYou()) ? session.call("POST", "api-keys", wanted) : null;
  }
}

form.querySelector("[data-close]").addEventListener("click", () => dialog.close());
