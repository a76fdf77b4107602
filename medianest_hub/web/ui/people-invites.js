// Invitations, for admins: made as a link that is shown once, listed while they are good, revoked.

import { ask, busy, showOnce, toast } from "./dialogs.js";
import { byId, el, when } from "./dom.js";
import { clear, onSubmit } from "./forms.js";
import * as session from "./session.js";

const ROLES = { admin: "an admin", member: "a member", guest: "a guest" };
const list = byId("invites");
const dialog = byId("invite-dialog");
const form = byId("invite-form");

const isOpen = (one) => !one.revoked_at && one.uses < one.max_uses && Date.parse(one.expires_at) > Date.now();

export async function showInvites() {
  const { items } = await session.call("GET", "invites?limit=200");
  const open = items.filter(isOpen);
  list.classList.remove("coming");
  list.removeAttribute("aria-busy");
  list.replaceChildren(...(open.length ? open.map(row) : [el("li", { class: "empty" }, "None.")]));
}

function row(one) {
  const title = one.note || `To join as ${ROLES[one.role]}`;
  return el("li", {},
    el("div", { class: "about" },
      el("p", { class: "name" }, title),
      el("p", { class: "soft small" },
        [one.note ? `as ${ROLES[one.role]}` : null, `${one.uses} of ${one.max_uses} used`].filter(Boolean).join(" · "),
        " · ends ", when(one.expires_at),
      ),
    ),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "danger", "aria-label": `Revoke ${title}`, onclick: (event) => revoke(one, title, event.currentTarget) }, "Revoke"),
    ),
  );
}

async function revoke(one, title, button) {
  if (!(await ask("Revoke this invitation?", `“${title}”: nobody can join by its link any more.`, "Revoke", { danger: true }))) return;
  if (!(await busy(button, () => session.call("DELETE", `invites/${one.id}`)))) return;
  await showInvites();
  byId("invites-title").focus();
  toast("The invitation is revoked.");
}

byId("invite").addEventListener("click", () => {
  form.reset();
  clear(form);
  dialog.showModal();
});

onSubmit(form, async ({ role, days, uses, note }) => {
  const made = await session.call("POST", "invites", { role, days: Number(days), uses: Number(uses), note });
  dialog.close();
  await showOnce("Your invitation", "Send this link to whoever you invite. It is shown this once.", made.url);
  await showInvites();
  byId("invite").focus();
});

for (const button of dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => dialog.close());
