// Where a provider sends the browser back to: hands on what it brought, and leads to the account. If another tab began
// this sign-in and waits for it, that tab goes on.

import { Problem, pageUrl } from "./api.js";
import { byId, el, say } from "./dom.js";
import { AWAITING, onward, polled, somebodyWaits } from "./providers.js";
import * as session from "./session.js";

const brought = Object.fromEntries(new URLSearchParams(location.search));
const { provider = "", ...answer } = brought;
// Codes of a provider do not belong in the history.
history.replaceState(null, "", location.pathname);

async function start() {
  if (!/^[a-z0-9-]+$/.test(provider)) return failed("This page is where a sign-in ends. Begin on the sign-in page.");
  if (await somebodyWaits()) return closable();
  session.on("begun", () => onward());
  try {
    // A phone may go to sleep while the provider's app is in front: the first answers can take a little.
    const found = await polled(provider, 2, undefined, await asker(), answer);
    if (found.state === "awaiting_approval") return finish("Nearly in", AWAITING);
    if (found.state === "signed_in") session.begin(found);
    onward(found);
  } catch (problem) {
    // The tab that began it may have finished it in the meantime.
    if (problem.code === "attempt_over" && (await session.restore().catch(() => null))) return onward();
    failed(problem instanceof Problem ? problem.message : "Something went wrong on this page.");
  }
}

// Another way in is linked to whoever is signed in: then the hub has to be told who that is.
async function asker() {
  const user = session.maybeSignedIn() ? await session.restore().catch(() => null) : null;
  return user ? session.call : undefined;
}

function closable() {
  window.close(); // browsers let us only where the other tab opened this one
  finish("Almost there", "You can close this window: the other one goes on by itself.", "good");
}

function failed(words) {
  finish("That did not work", words, "problem");
  byId("next").hidden = false;
  byId("next").replaceChildren(el("a", { class: "button main wide", href: pageUrl("sign-in") }, "Back to sign-in"));
}

function finish(title, words, kind = "") {
  byId("title").textContent = title;
  say(byId("state"), words, kind);
}

start();
