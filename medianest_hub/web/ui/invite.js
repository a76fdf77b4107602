// The page behind an invitation: join with a password of the hub's own, or by an outside provider.

import { pageUrl, request } from "./api.js";
import { byId, say } from "./dom.js";
import { onSubmit } from "./forms.js";
import { takeToken } from "./links.js";
import { offerProviders, waysIn } from "./providers.js";
import * as session from "./session.js";

const token = takeToken();
const form = byId("form");

function joined(answer) {
  session.begin(answer);
  location.replace(pageUrl("account"));
}

onSubmit(form, async ({ username, password }) => {
  joined(await request("POST", "invites/accept", { body: { token, username, password } }));
});

async function start() {
  const state = byId("state");
  if (!token) return say(state, "This link is not complete. Use the whole link you were given, or ask for a new one.", "problem");
  try {
    const [, ways] = await Promise.all([request("POST", "invites/look", { body: { token } }), waysIn()]);
    say(state, "");
    offerProviders(ways.providers, { wishes: () => ({ invite: token, remember: true }), begun: joined });
    form.hidden = !ways.local;
    byId("or").hidden = !(ways.local && ways.providers.length);
    byId("intro").hidden = !(ways.local && ways.providers.length);
    byId("ways").hidden = false;
    if (ways.local && matchMedia("(pointer: fine)").matches) form.username.focus();
  } catch (problem) {
    say(state, problem.message, "problem");
  }
}

start();
