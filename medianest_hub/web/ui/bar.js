// The bar over every room: where to go, and signing out. Hidden parts show by role.

import { byId } from "./dom.js";
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

// One or two letters for somebody without a picture.
export function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}
