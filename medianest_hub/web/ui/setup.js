// The page behind the set-up link: sends the link's token with a name and a password, and leads on to the account.

import { pageUrl, request } from "./api.js";
import { byId, say } from "./dom.js";
import { onSubmit } from "./forms.js";
import * as session from "./session.js";
import { takeToken } from "./links.js";

const token = takeToken();
const form = byId("form");

onSubmit(form, async ({ username, password }) => {
  session.begin(await request("POST", "setup", { body: { token, username, password } }));
  location.replace(pageUrl("account"));
});

async function start() {
  try {
    const { needed } = await request("GET", "setup");
    if (!needed) {
      byId("intro").hidden = true;
      say(byId("state"), "This hub has been set up already.", "good");
      byId("signin").hidden = false;
    } else if (!token) {
      byId("intro").hidden = true;
      say(byId("state"), "This link is not complete. Use the whole link the hub printed when it started.", "problem");
    } else {
      say(byId("state"), "");
      form.hidden = false;
      form.username.focus();
    }
  } catch (problem) {
    say(byId("state"), problem.message, "problem");
  }
}

start();
