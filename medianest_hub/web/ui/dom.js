// Making and finding elements. Text is always set as text; there is no way in here to set markup.

export const byId = (id) => document.getElementById(id);

// `el("p", { class: "soft", onclick }, "words", otherElement)`; null children and attributes are left out.
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// A line for what came of it. `kind`: "", "problem", "good" or "waiting".
export function say(place, text, kind = "") {
  place.className = `note ${kind}`.trim();
  place.textContent = text;
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS = [
  [60, "minute"],
  [3600, "hour"],
  [86_400, "day"],
  [604_800, "week"],
];

// "3 hours ago", with the exact time for those who point at it.
export function when(time) {
  const seconds = (Date.parse(time) - Date.now()) / 1000;
  const size = Math.abs(seconds);
  let text = "just now";
  if (size >= 60 * 86_400) text = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(new Date(time));
  else if (size >= 60) {
    const [length, unit] = STEPS.findLast(([step]) => size >= step);
    text = relative.format(Math.round(seconds / length), unit);
  }
  return el("time", { datetime: time, title: moment.format(new Date(time)) }, text);
}
