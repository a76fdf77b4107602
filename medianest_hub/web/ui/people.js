// For admins: everybody who is known, newcomers waiting to be let in, and invitations.

import { enter, showFace } from "./bar.js";
import { busy, toast } from "./dialogs.js";
import { byId, el, say, when } from "./dom.js";
import { showInvites } from "./people-invites.js";
import { learnWays, openPerson } from "./people-one.js";
import * as session from "./session.js";

const ROLES = { admin: "Admin", member: "Member", guest: "Guest" };
let next = null;
let asked = 0;

const nameOf = (person) => person.display_name || person.username;

function about(person, ...tags) {
  const handle = nameOf(person) === person.username ? null : person.username;
  return el("div", { class: "about faced" },
    showFace(el("div", { class: "face small", "aria-hidden": "true" }), person),
    el("div", { class: "stack tight" },
      el("p", { class: "name" }, nameOf(person), ...tags),
      el("p", { class: "soft small" },
        [handle, person.email, ROLES[person.role]].filter(Boolean).join(" · "), " · ",
        ...(person.last_seen_at ? ["seen ", when(person.last_seen_at)] : ["never here"]),
      ),
    ),
  );
}

function tagFor({ status, awaiting_approval: waits }) {
  if (status === "disabled") return el("span", { class: "tag problem" }, "disabled");
  if (waits) return el("span", { class: "tag warn" }, "waiting");
  if (status === "invited") return el("span", { class: "tag warn" }, "has no password yet");
  return null;
}

function row(person) {
  return el("li", {},
    about(person, person.id === session.user().id ? el("span", { class: "tag" }, "you") : null, tagFor(person)),
    el("div", { class: "actions" },
      el("button", { type: "button", "aria-label": `Manage ${nameOf(person)}`, "data-person": person.id, onclick: () => openPerson(person, changed) }, "Manage"),
    ),
  );
}

// Whatever was done: everything anew, and on with the keyboard where they were.
async function changed(person) {
  await showAll();
  (document.querySelector(`[data-person="${CSS.escape(person.id)}"]`) ?? byId("people-title")).focus();
}

async function showPeople(cursor = null) {
  const mine = (asked += 1);
  const query = new URLSearchParams();
  const words = byId("search").value.trim();
  if (words) query.set("q", words);
  if (cursor) query.set("cursor", cursor);
  const { items, next_cursor } = await session.call("GET", `users?${query}`);
  if (mine !== asked) return; // they have typed on since
  const list = byId("people");
  list.classList.remove("coming");
  list.removeAttribute("aria-busy");
  const rows = items.map(row);
  if (cursor) list.append(...rows);
  else list.replaceChildren(...(rows.length ? rows : [el("li", { class: "empty" }, "Nobody of that name.")]));
  next = next_cursor;
  byId("more").hidden = next === null;
  if (words) byId("found").textContent = `${items.length}${next ? " or more" : ""} found`;
}

async function showWaiting() {
  const { items } = await session.call("GET", "users?status=invited&limit=200");
  const waiting = items.filter((person) => person.awaiting_approval);
  byId("waiting-section").hidden = waiting.length === 0;
  byId("waiting").replaceChildren(...waiting.map(newcomer));
}

function newcomer(person) {
  const decide = (status, words) => async (event) => {
    const done = await busy(event.currentTarget, () => session.call("PATCH", `users/${person.id}`, { status }));
    if (!done) return;
    toast(`${nameOf(person)} ${words}.`);
    await showAll();
    (byId("waiting-section").hidden ? byId("people-title") : byId("waiting-title")).focus();
  };
  return el("li", {},
    about(person),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "danger", "aria-label": `Refuse ${nameOf(person)}`, onclick: decide("disabled", "is refused") }, "Refuse"),
      el("button", { type: "button", class: "main", "aria-label": `Let ${nameOf(person)} in`, onclick: decide("active", "is let in") }, "Let in"),
    ),
  );
}

const showAll = () => Promise.all([showWaiting(), showPeople(), showInvites()]);

function searching() {
  let timer = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => showPeople().catch((problem) => toast(problem.message)), 200);
  });
  byId("more").addEventListener("click", (event) => busy(event.currentTarget, () => showPeople(next)));
}

async function start() {
  try {
    const user = await enter();
    if (user.role !== "admin") {
      for (const section of document.querySelectorAll("section, #invite")) section.hidden = true;
      return say(byId("state"), "This page is for those who run the hub.", "problem");
    }
    searching();
    await Promise.all([learnWays(), showAll()]);
  } catch (problem) {
    say(byId("state"), problem.message, "problem");
  }
}

start();
