// The page behind a password link: sends the link's token with a new password.

import { pageUrl, request } from "./api.js";
import { byId, say } from "./dom.js";
import { onSubmit } from "./forms.js";
import { takeToken } from "./links.js";
import * as session from "./session.js";

const token = takeToken();
const form = byId("form");

onSubmit(form, async ({ password }) => {
  const answer = await request("POST", "auth/password/reset", { body: { token, password } });
  if (answer?.access_token) {
    session.begin(answer);
    location.replace(pageUrl("account"));
  } else {
    location.replace(pageUrl("sign-in#password-set"));
  }
});

if (token) {
  form.hidden = false;
  form.password.focus();
} else {
  byId("intro").hidden = true;
  say(byId("state"), "This link is not complete. Use the whole link you were given, or ask for a new one.", "problem");
}
