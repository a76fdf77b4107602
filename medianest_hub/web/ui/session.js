// The session of this browser, shared by all its tabs. The access token is in memory alone; the refresh token is a cookie
// that no script can read. Nothing here is ever written to an address or to storage, but the bare fact that there is a
// session, so that a stranger's page need not ask.

import { Problem, pageUrl, request } from "./api.js";
import { inTurn } from "./turns.js";

const channel = "BroadcastChannel" in window ? new BroadcastChannel("medianest-session") : null;
const listeners = { ended: [], begun: [] };
const EARLY = 5_000; // renewed a little before its end: networks take their time

let held = null; // { token, until, user }
let renewing = null;

// Whether this browser had a session when it was last here. A guess: only the cookie decides.
export function maybeSignedIn() {
  try {
    return localStorage.getItem("medianest.session") === "yes";
  } catch {
    return true;
  }
}

function note(there) {
  try {
    if (there) localStorage.setItem("medianest.session", "yes");
    else localStorage.removeItem("medianest.session");
  } catch {
    // Storage is off: pages then ask the hub.
  }
}

export const user = () => held?.user ?? null;

// `ended`: there is no session any more. `begun`: another tab signed in, as `user`.
export function on(event, listener) {
  listeners[event].push(listener);
}

// Takes the answer of whatever signed somebody in.
export function begin(answer) {
  keep(answer);
  tell("begun");
}

function keep({ access_token: token, expires_in: lasts, user: who }) {
  held = { token, until: Date.now() + lasts * 1000, user: who };
  note(true);
}

function tell(kind) {
  channel?.postMessage({ kind, held });
}

const isFresh = () => held !== null && held.until - Date.now() > EARLY;

// Makes sure of a token newer than `stale`. Throws `Problem` (401: there is no session).
async function renew(stale = null) {
  renewing ??= inTurn("refresh", async () => {
    await new Promise((go) => setTimeout(go)); // let in what another tab told while this one waited
    if (isFresh() && held.token !== stale) return;
    keep(await refreshed());
    tell("renewed");
  }).finally(() => (renewing = null));
  return renewing;
}

async function refreshed() {
  for (let tries = 0; ; tries += 1) {
    try {
      // keepalive: the new cookie must arrive even if the reader is off to another page meanwhile.
      return await request("POST", "auth/refresh", { body: {}, keepalive: true });
    } catch (problem) {
      if (problem.code !== "refresh_raced" || tries === 5) throw problem;
      await new Promise((go) => setTimeout(go, 80 * 2 ** tries * (0.5 + Math.random())));
    }
  }
}

// Who is signed in, or null. Throws `Problem` where that cannot be known now.
export async function restore() {
  try {
    if (!isFresh()) await renew();
    return held.user;
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    note(false);
    return null;
  }
}

// As `request`, signed in. A session that has ended is told to listeners before the problem is thrown.
export async function call(method, path, body) {
  try {
    if (!isFresh()) await renew();
    const token = held.token;
    try {
      return await request(method, path, { body, token });
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      await renew(token);
      return await request(method, path, { body, token: held.token });
    }
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) end(problem.code);
    throw problem;
  }
}

// Signs out here or, with `everywhere`, on every device; all tabs hear of it.
export async function signOut(everywhere = false) {
  try {
    await call("POST", everywhere ? "auth/logout-all" : "auth/logout");
  } catch (problem) {
    if (problem.status !== 401) throw problem; // it had ended already
  }
  end("signed_out");
}

function end(why) {
  if (held === null && !maybeSignedIn()) return;
  held = null;
  note(false);
  channel?.postMessage({ kind: "ended", why });
  ended(why);
}

function ended(why) {
  for (const listener of listeners.ended) listener(why);
}

channel?.addEventListener("message", ({ data }) => {
  if (data.kind === "ended") {
    held = null;
    ended(data.why);
  } else {
    const before = held?.user?.id;
    held = data.held;
    // Somebody else's page must not go on showing what was another's.
    if (before !== undefined && before !== held.user.id) location.reload();
    else if (data.kind === "begun") for (const listener of listeners.begun) listener(held.user);
  }
});

// A page kept by the browser for "back" may be of a session that has ended since.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// Pages for signed-in people only call this first. Gives the user, or leaves for the sign-in page and never returns.
export async function required() {
  const away = (how) => {
    location.replace(pageUrl(`sign-in${how}`));
    return new Promise(() => {});
  };
  on("ended", (why) => away(why === "signed_out" ? "#signed-out" : "#ended"));
  const before = maybeSignedIn();
  return (await restore()) ?? away(before ? "#ended" : "");
}
