// Ways to sign in: the password and linked outside accounts.

import { ask, askFor, busy, toast } from "./dialogs.js";
import { byId, el, when } from "./dom.js";
import { offerProviders, waysIn } from "./providers.js";
import * as session from "./session.js";

const list = byId("identities");

export async function showWays() {
  const [{ items }, ways] = await Promise.all([session.call("GET", "auth/identities"), waysIn()]);
  const linked = new Set(items.map(({ provider }) => provider));
  byId("password-section").hidden = !ways.local;
  list.hidden = items.length === 0;
  list.classList.remove("coming");
  list.removeAttribute("aria-busy");
  list.replaceChildren(...items.map(row));
  offerProviders(ways.providers.filter(({ id }) => !linked.has(id)), {
    words: "Link",
    wishes: () => ({ link: true, return_to: "/account" }),
    call: session.call,
    confirm: stillYou,
    tell: toast,
    begun: async () => {
      await showWays();
      toast("Linked. You can sign in with it from now on.");
    },
  });
  byId("ways-section").hidden = items.length === 0 && byId("providers").hidden;
}

function row(one) {
  const { title } = one;
  return el("li", {},
    el("div", { class: "about" },
      el("p", { class: "name" }, title, one.withdrawn ? el("span", { class: "tag warn" }, "no longer accepted") : null),
      el("p", { class: "soft small" }, one.username || one.email || "linked", " · last used ", when(one.last_used_at)),
    ),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "danger", "aria-label": `Unlink ${title}`, onclick: (event) => unlink(one, title, event.currentTarget) }, "Unlink"),
    ),
  );
}

async function unlink(one, title, button) {
  if (!(await ask(`Unlink ${title}?`, `You can no longer sign in with ${title} then.`, "Unlink", { danger: true }))) return;
  if (await busy(button, () => session.call("DELETE", `auth/identities/${one.id}`))) {
    await showWays();
    toast(`${title} is unlinked.`);
  }
}

// What adds a way in wants to know that it is still you. Without a password, sign out and in again by another way.
export function stillYou() {
  return askFor(
    "Is it still you?",
    "It is a while since you signed in. Type your password to go on; if you have none, sign out and in again first.",
    { label: "Password", attributes: { type: "password", autocomplete: "current-password", maxlength: 1024 } },
    "Go on",
    (value) => session.call("POST", "auth/confirm", { password: value }),
  );
}
