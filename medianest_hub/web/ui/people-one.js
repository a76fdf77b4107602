// One person, for admins: role, letting in and out, a password link, signing out, what happened lately, deletion.

import { showFace } from "./bar.js";
import { ask, busy, showOnce, toast } from "./dialogs.js";
import { byId, el, when } from "./dom.js";
import { clear, onSubmit } from "./forms.js";
import { waysIn } from "./providers.js";
import * as session from "./session.js";

const dialog = byId("person-dialog");
const form = byId("person-form");
let person = null;
let changed = null;
let byPassword = true;

const nameOf = () => person.display_name || person.username;
const path = (rest = "") => `users/${person.id}${rest}`;

// Whether people may sign in with a password of the hub's own; else there are no links to set one by.
export async function learnWays() {
  byPassword = (await waysIn()).local;
}

// Opens it; `afterwards(person)` is called once anything was changed.
export function openPerson(one, afterwards) {
  person = one;
  changed = afterwards;
  showFace(byId("person-face"), person);
  byId("person-name").textContent = nameOf();
  byId("person-about").replaceChildren(
    [person.username, person.email, person.has_password ? "password" : null, ...person.providers].filter(Boolean).join(" · "),
    " · here since ", when(person.created_at),
  );
  clear(form);
  form.elements.role.value = person.role;
  byId("person-actions").replaceChildren(...actions());
  byId("person-history").open = false;
  byId("person-entries").replaceChildren();
  dialog.showModal();
  byId("person-name").focus();
}

function actions() {
  const action = (words, work, kind = "") => el("button", { type: "button", class: kind, onclick: (event) => busy(event.currentTarget, work) }, words);
  const off = person.status === "disabled";
  return [
    off || person.awaiting_approval ? action("Let in", () => set("active", "is let in")) : null,
    off || !byPassword ? null : action("Password link", passwordLink),
    off ? null : action("Sign out everywhere", signOut),
    off ? null : action("Disable", disable, "danger"),
    action("Delete", remove, "danger"),
  ].filter(Boolean);
}

async function done(words) {
  dialog.close();
  toast(`${nameOf()} ${words}.`);
  await changed(person);
}

async function set(status, words) {
  await session.call("PATCH", path(), { status });
  await done(words);
}

async function disable() {
  if (await ask(`Disable ${nameOf()}?`, "They are signed out everywhere at once and cannot come in until you let them in again. What is theirs stays.", "Disable", { danger: true })) {
    await set("disabled", "is disabled");
  }
}

async function remove() {
  if (await ask(`Delete ${nameOf()}?`, "Their account and what is kept of it go for good.", "Delete", { danger: true })) {
    await session.call("DELETE", path());
    await done("is deleted");
  }
}

async function signOut() {
  const { ended } = await session.call("DELETE", path("/sessions"));
  toast(ended === 0 ? `${nameOf()} was signed in nowhere.` : `${nameOf()} is signed out everywhere.`);
}

async function passwordLink() {
  const { url } = await session.call("POST", path("/password-link"), {});
  await showOnce(
    `Password link for ${nameOf()}`,
    "Give it to them alone: whoever opens it chooses their password. It is good once, for 24 hours.",
    url,
  );
}

onSubmit(form, async ({ role }) => {
  if (role !== person.role) await session.call("PATCH", path(), { role });
  await done(`is ${role === "admin" ? "an admin" : `a ${role}`} now`);
});

byId("person-history").addEventListener("toggle", async ({ target }) => {
  if (!target.open) return;
  const list = byId("person-entries");
  const whose = person;
  list.replaceChildren(el("li", { class: "waiting" }, "One moment…"));
  try {
    const [did, met] = await Promise.all([
      session.call("GET", `audit?actor=${whose.id}&limit=20`),
      session.call("GET", `audit?target=${whose.id}&limit=20`),
    ]);
    if (whose !== person) return;
    const all = new Map([...did.items, ...met.items].map((entry) => [entry.id, entry]));
    const rows = [...all.values()].sort((a, b) => (a.at < b.at ? 1 : -1)).map(entryRow);
    list.replaceChildren(...(rows.length ? rows : [el("li", { class: "empty" }, "Nothing.")]));
  } catch (problem) {
    list.replaceChildren(el("li", { class: "empty" }, problem.message));
  }
});

function entryRow(entry) {
  const failed = entry.result !== "ok" && entry.result !== "done";
  return el("li", {},
    el("div", { class: "about" },
      el("p", { class: "name" }, entry.action, failed ? el("span", { class: "tag problem" }, entry.code || entry.result) : null),
      el("p", { class: "soft small" }, [entry.actor_name, entry.address].filter(Boolean).join(" · "), " · ", when(entry.at)),
    ),
  );
}

for (const button of dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => dialog.close());
