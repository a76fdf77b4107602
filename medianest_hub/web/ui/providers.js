// Signing in by outside providers: their buttons, and an attempt under way from its start to its end.

import { Problem, pageUrl, request } from "./api.js";
import { byId, el, say } from "./dom.js";
import * as session from "./session.js";

const channel = "BroadcastChannel" in window ? new BroadcastChannel("medianest-attempt") : null;

// `{ local, providers }`. Where the hub cannot say now, the password is offered.
export async function waysIn() {
  try {
    const { items } = await request("GET", "auth/providers");
    return {
      local: items.some(({ kind }) => kind === "password"),
      providers: items.filter(({ kind }) => kind !== "password"),
    };
  } catch {
    return { local: true, providers: [] };
  }
}

// A button for each in `#providers`. `wishes()` goes with the start; `begun(answer)` gets what came of it (`signed_in`,
// `linked` or `awaiting_approval`); `call` is how the hub is asked, signed in or not; `confirm()` asks whether it is still
// them, where the hub wants that; `tell(words)` says what went wrong.
export function offerProviders(providers, ways) {
  const { words = "Continue with" } = ways;
  const place = byId("providers");
  place.hidden = providers.length === 0;
  place.replaceChildren(
    ...providers.map((provider) =>
      el(
        "button",
        { type: "button", onclick: (event) => start(provider, event.currentTarget, { call: bare, tell: onState, ...ways }) },
        `${words} ${provider.title}`,
      ),
    ),
  );
}

const bare = (method, path, body) => request(method, path, { body });

const onState = (words) => say(byId("state"), words, "problem");

// Opened in the click itself, or the browser takes it for a pop-up nobody asked for. Phones stay in this tab: there the
// provider's own app may take over, and the way back is through this tab.
function openWindow(provider) {
  if (provider.kind !== "poll" || matchMedia("(pointer: coarse)").matches) return null;
  return window.open("about:blank", "_blank");
}

async function start(provider, button, ways) {
  if (button.getAttribute("aria-busy") === "true") return;
  const opened = openWindow(provider);
  button.setAttribute("aria-busy", "true");
  try {
    const begun = await ways.call("POST", `auth/${provider.id}/start`, ways.wishes());
    if (opened === null) return location.assign(begun.url);
    opened.location.replace(begun.url);
    await wait(provider, begun, ways);
  } catch (problem) {
    opened?.close();
    button.removeAttribute("aria-busy");
    if (problem.code === "confirm_first" && ways.confirm) {
      if (await ways.confirm()) await start(provider, button, { ...ways, confirm: null });
      return;
    }
    if (!(problem instanceof Problem)) console.error(problem);
    ways.tell(problem instanceof Problem ? problem.message : "Something went wrong on this page. Reload it.");
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// Shows that we wait for the other window, and asks until it is done, cancelled or refused.
async function wait(provider, begun, { begun: done, call }) {
  const cancelled = new AbortController();
  const place = byId("attempt");
  const cancel = () => cancelled.abort();
  place.replaceChildren(
    el("p", { class: "waiting", role: "status" }, `Waiting for you to finish at ${provider.title} in the other window.`),
    el("div", { class: "actions" },
      el("a", { class: "button", href: begun.url, target: "_blank", rel: "noopener noreferrer" }, `Open ${provider.title} again`),
      el("button", { type: "button", class: "plain", onclick: cancel }, "Cancel"),
    ),
  );
  show(true);
  place.querySelector("a").focus();
  session.on("begun", cancel);
  const answering = ({ data }) => data === "is-anybody-waiting" && channel.postMessage("waiting");
  channel?.addEventListener("message", answering);
  try {
    const answer = await polled(provider.id, begun.poll_seconds, cancelled.signal, call);
    if (answer) done(answer);
  } finally {
    channel?.removeEventListener("message", answering);
    place.replaceChildren();
    show(false);
  }
}

function show(waiting) {
  byId("attempt").hidden = !waiting;
  (byId("ways") ?? byId("providers")).hidden = waiting;
  say(byId("state"), "");
}

// The finished sign-in, or null when cancelled. A network that is away for a moment ends nothing.
export async function polled(id, every, signal, call = bare, answer = {}) {
  let failures = 0;
  for (;;) {
    if (signal?.aborted) return null;
    try {
      const found = await call("POST", `auth/${id}/complete`, { answer });
      // A sign-in that was finished while it was being cancelled is one all the same: the cookie is here.
      if (found.state !== "pending") return found;
      every = found.poll_seconds;
      failures = 0;
    } catch (problem) {
      failures += 1;
      if (!(problem instanceof Problem) || !passes(problem) || failures > 10) throw problem;
    }
    await pause(Math.max(1, every ?? 2) * 1000 * Math.min(failures + 1, 5), signal);
  }
}

const passes = ({ status, code }) => status === 0 || status === 429 || status >= 502 || code === "attempt_busy";

function pause(length, signal) {
  return new Promise((go) => {
    const timer = setTimeout(go, length);
    signal?.addEventListener("abort", () => (clearTimeout(timer), go()), { once: true });
  });
}

// Whether another tab of this browser shows that it waits for this attempt.
export function somebodyWaits() {
  return new Promise((answer) => {
    if (!channel) return answer(false);
    channel.addEventListener("message", ({ data }) => data === "waiting" && answer(true));
    channel.postMessage("is-anybody-waiting");
    setTimeout(answer, 250, false);
  });
}

export const AWAITING = "The hub knows you now. Whoever runs it has to let you in; then sign in here again.";

// Goes on where the sign-in was begun for. `return_to` is a path on this hub, whatever it looks like.
export const onward = ({ return_to: path } = {}) => location.replace(pageUrl(`.${path ?? "/account"}`));
