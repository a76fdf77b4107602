// Everybody's own account: who they are, where they are signed in, their password, ways in and API keys.

import { showKeys } from "./account-keys.js";
import { showSessions } from "./account-sessions.js";
import { showWays } from "./account-ways.js";
import { enter, showFace } from "./bar.js";
import { byId, say } from "./dom.js";
import { noteOf, onSubmit } from "./forms.js";
import * as session from "./session.js";

const ROLES = { admin: "Runs this hub", member: "Member", guest: "Guest" };
const form = byId("password-form");
let needsCurrent = true;

async function showUser() {
  const user = await session.call("GET", "users/me");
  const name = user.display_name || user.username;
  showFace(byId("face"), user);
  byId("who").textContent = name;
  byId("what").textContent = [ROLES[user.role], name === user.username ? null : user.username].filter(Boolean).join(" · ");
  byId("known-as").value = user.username;
  // Whoever came by an outside account may have no password yet.
  needsCurrent = user.has_password;
  byId("current-field").hidden = !needsCurrent;
  byId("current").required = needsCurrent;
  byId("password-button").textContent = needsCurrent ? "Change password" : "Set a password";
}

onSubmit(form, async ({ current_password, new_password, end_keys }) => {
  await session.call("POST", "auth/password", { ...(needsCurrent && { current_password }), new_password, end_keys: end_keys === "on" });
  form.reset();
  await showUser();
  say(noteOf(form), "Your password is changed. You are signed out everywhere but here.", "good");
  await Promise.all([showSessions(), showKeys()]);
});

async function start() {
  try {
    await enter();
    await Promise.all([showUser(), showSessions(), showWays(), showKeys()]);
  } catch (problem) {
    say(byId("state"), problem.message, "problem");
  }
}

start();
