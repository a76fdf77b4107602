// The bar over every room: where to go, and signing out. Hidden parts show by role.

import { byId, el } from "./dom.js";
import { toast } from "./dialogs.js";
import * as session from "./session.js";

// Waits until it is known who is signed in, and gives them; strangers are led to the sign-in page.
export async function enter() {
  const leave = byId("sign-out");
  leave.addEventListener("click", async () => {
    leave.setAttribute("aria-busy", "true");
    await session.signOut().catch((problem) => toast(problem.message));
    leave.removeAttribute("aria-busy");
  });
  const user = await session.required();
  byId("people-link").hidden = user.role !== "admin";
  return user;
}

// Somebody's picture in its round place; their initials until it is there, and for good where there is none.
export function showFace(place, person) {
  place.textContent = initials(person.display_name || person.username);
  // An earlier one may still be on its way, and be somebody else's by now.
  place.dataset.picture = person.avatar ?? "";
  if (!person.avatar) return place;
  const shown = () => place.dataset.picture === person.avatar && place.replaceChildren(picture);
  const picture = el("img", { src: person.avatar, alt: "", onload: shown });
  return place;
}

// One or two letters.
function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}
