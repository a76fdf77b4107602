"use strict";

// The page behind the set-up link: sends the token of its address with a name and a password, and says what came of it.

const api = new URL("api/v1/setup", document.baseURI);
const form = document.getElementById("form");
const message = document.getElementById("message");
const send = document.getElementById("send");
const password = document.getElementById("password");

const token =
  new URLSearchParams(location.hash.slice(1)).get("token") || new URLSearchParams(location.search).get("token") || "";
// Out of the address bar, and so out of the history and of screenshots.
history.replaceState(null, "", location.pathname);

function say(text, kind) {
  message.textContent = text;
  message.className = kind;
}

function clear() {
  say("", "");
  for (const field of ["username", "password"]) {
    document.getElementById(`${field}-problem`).textContent = "";
    document.getElementById(field).removeAttribute("aria-invalid");
  }
}

function showProblem(problem) {
  let placed = false;
  for (const { field, message: text } of problem.errors || []) {
    const name = String(field).replace(/^body\./, "");
    const place = document.getElementById(`${name}-problem`);
    if (place) {
      place.textContent = text;
      const input = document.getElementById(name);
      input.setAttribute("aria-invalid", "true");
      if (!placed) input.focus();
      placed = true;
    }
  }
  if (!placed) say(problem.detail || problem.title || "That did not work.", "problem");
}

async function submit(event) {
  event.preventDefault();
  clear();
  send.disabled = true;
  try {
    const answer = await fetch(api, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, username: form.username.value, password: password.value }),
    });
    if (answer.ok) {
      const { user } = await answer.json();
      form.remove();
      say(`Done. ${user.username} runs this hub now and can sign in.`, "good");
    } else {
      showProblem(await answer.json());
    }
  } catch {
    say("The hub did not answer. Is it still running?", "problem");
  } finally {
    send.disabled = false;
  }
}

async function begin() {
  form.addEventListener("submit", submit);
  document.getElementById("show").addEventListener("change", (event) => {
    password.type = event.target.checked ? "text" : "password";
  });
  try {
    const { needed } = await (await fetch(api)).json();
    if (!needed) say("This hub has been set up already.", "good");
    else if (!token) say("This link is not complete. Use the whole link the hub printed when it started.", "problem");
    else {
      form.hidden = false;
      form.username.focus();
    }
  } catch {
    say("The hub did not answer. Is it still running?", "problem");
  }
}

begin();
