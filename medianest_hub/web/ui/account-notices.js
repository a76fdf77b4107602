// What the hub did to somebody's sessions while they were not looking, until they have read it.

import { busy } from "./dialogs.js";
import { byId, el, when } from "./dom.js";
import * as session from "./session.js";

const place = byId("notices");

export async function showNotices() {
  const { items } = await session.call("GET", "auth/notices");
  place.hidden = items.length === 0;
  if (place.hidden) return;
  place.replaceChildren(
    ...items.map((one) => el("p", {}, ...words(one))),
    el("div", { class: "actions" },
      el("button", { type: "button", onclick: (event) => dismiss(items[0].at, event.currentTarget) }, "I have read this"),
    ),
  );
}

function words({ code, at, device, title }) {
  if (code === "identity_withdrawn") {
    return [`${title} no longer stood for you, so what was signed in that way was signed out `, when(at), "."];
  }
  return [
    `Your sign-in on ${device} was ended `,
    when(at),
    ": it was used from two places, as happens when somebody has copied it. Look through the list below, and change your password if you do not know why.",
  ];
}

async function dismiss(until, button) {
  const query = new URLSearchParams({ until });
  if (await busy(button, () => session.call("DELETE", `auth/notices?${query}`))) {
    await showNotices();
    byId("sessions-title").tabIndex = -1;
    byId("sessions-title").focus();
  }
}
