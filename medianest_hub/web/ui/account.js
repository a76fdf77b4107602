// Everybody's own account: who they are, where they are signed in, their password, ways in and API keys.

import { showKeys } from "./account-keys.js";
import { showSessions } from "./account-sessions.js";
import { showWays } from "./account-ways.js";
import { enter, initials } from "./bar.js";
import { byId, say } from "./dom.js";
import { noteOf, onSubmit } from "./forms.js";
import * as session from "./session.js";

const ROLES = { admin: "Runs this hub", member: "Member", guest: "Guest" };
const form = byId("password-form");

function showUser(user) {
  const name = user.display_name || user.username;
  byId("face").textContent = initials(name);
  byId("who").textContent = name;
  byId("what").textContent = [ROLES[user.role], name === user.username ? null : user.username].filter(Boolean).join(" · ");
  byId("known-as").value = user.username;
}

onSubmit(form, async ({ current, new: fresh }) => {
  await session.call("POST", "auth/password", { current, new: fresh });
  form.reset();
  byId("known-as").value = session.user().username;
  say(noteOf(form), "Your password is changed. You are signed out everywhere but here.", "good");
  await showSessions();
});

async function start() {
  try {
    showUser(await enter());
    await Promise.all([showSessions(), showWays(), showKeys()]);
  } catch (problem) {
    say(byId("state"), problem.message, "problem");
  }
}

start();
