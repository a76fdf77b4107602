// The page behind an invitation: join with a password of the hub's own, or by an outside provider.

import { request } from "./api.js";
import { byId, say } from "./dom.js";
import { onSubmit } from "./forms.js";
import { takeToken } from "./links.js";
import { AWAITING, offerProviders, onward, waysIn } from "./providers.js";
import * as session from "./session.js";

const token = takeToken();
const form = byId("form");

function joined(found) {
  if (found.state === "awaiting_approval") return say(byId("state"), AWAITING);
  session.begin(found);
  onward();
}

onSubmit(form, async ({ username, password }) => {
  joined(await request("POST", "invites/accept", { body: { token, username, password } }));
});

async function start() {
  const state = byId("state");
  if (!token) return say(state, "This link is not complete. Use the whole link you were given, or ask for a new one.", "problem");
  try {
    const [invite, ways] = await Promise.all([request("POST", "invites/look", { body: { token } }), waysIn()]);
    say(state, "");
    offerProviders(ways.providers, { wishes: () => ({ invite: token, remember: true, return_to: "/account" }), begun: joined });
    const local = invite.with_password;
    form.hidden = !local;
    byId("or").hidden = !(local && ways.providers.length);
    byId("intro").hidden = false;
    byId("intro").textContent = ways.providers.length && local
      ? "Join with an account you have, or choose a name and a password for this hub alone."
      : local ? "Choose a name and a password for this hub." : "Join with an account you have.";
    byId("ways").hidden = false;
    if (local && matchMedia("(pointer: fine)").matches) form.username.focus();
  } catch (problem) {
    if (problem.status === 403) byId("title").textContent = "This invitation is over";
    say(state, problem.message, "problem");
  }
}

start();
