// The sign-in page: with a password, or by an outside provider. Leads on to the account.

import { request } from "./api.js";
import { byId, say } from "./dom.js";
import { onSubmit } from "./forms.js";
import { AWAITING, offerProviders, onward, waysIn } from "./providers.js";
import * as session from "./session.js";

const ARRIVED = {
  "#signed-out": ["You are signed out.", "good"],
  "#ended": ["Your session here has ended. Sign in again to go on.", ""],
  "#password-set": ["Your new password is set. Sign in with it.", "good"],
};
const form = byId("form");
const state = byId("state");
const remember = () => byId("remember").checked;

onSubmit(form, async ({ username, password }) => {
  say(state, "");
  session.begin(await request("POST", "auth/login", { body: { username, password, remember: remember() } }));
  onward();
});
form.addEventListener("submit", () => say(state, ""));
session.on("begun", () => onward());

async function start() {
  const arrived = ARRIVED[location.hash];
  if (arrived) {
    history.replaceState(null, "", location.pathname);
    say(state, ...arrived);
  } else if (session.maybeSignedIn()) {
    const user = await session.restore().catch(() => null);
    if (user) return onward();
  }
  const ways = await waysIn();
  offerProviders(ways.providers, {
    wishes: () => ({ remember: remember(), return_to: "/account" }),
    begun: (found) => {
      if (found.state === "awaiting_approval") return say(state, AWAITING);
      session.begin(found);
      onward();
    },
  });
  form.hidden = !ways.local;
  byId("or").hidden = !(ways.local && ways.providers.length);
  byId("ways").hidden = false;
  if (!ways.local && !ways.providers.length) {
    byId("ways").hidden = true;
    say(state, "No way to sign in is set up. Ask whoever runs this hub.", "problem");
  }
  // Not where it would bring up a phone's keyboard over the other ways.
  if (ways.local && matchMedia("(pointer: fine)").matches) form.username.focus();
}

start();
