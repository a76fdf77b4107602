"""app.plex.tv's sign-in page: a person picks who they are, says yes, and is sent back. Checks no passwords."""

from __future__ import annotations

from aiohttp import web

from .world import World

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Plex (simulated)</title></head>
<body>
<h1>Sign in to <span id="product">…</span></h1>
<p id="words">Who are you?</p>
<ul id="people"></ul>
<script>
const asked = new URLSearchParams(location.hash.replace(/^#!?\\??/, ""));
const code = asked.get("code"), client = asked.get("clientID");
document.getElementById("product").textContent = asked.get("context[device][product]") || "an application";
const words = document.getElementById("words");
async function yes(id) {
  const answer = await fetch("/_approve", {method: "POST", headers: {"Content-Type": "application/json"},
    body: JSON.stringify({code, client, account: id})});
  if (!answer.ok) { words.textContent = "This sign-in has expired."; return; }
  words.textContent = "You are signed in. You may close this page.";
  const back = asked.get("forwardUrl");
  if (back) location.replace(back);
}
fetch("/_people").then(answer => answer.json()).then(people => {
  for (const person of people) {
    const button = document.createElement("button");
    button.textContent = person.name;
    button.dataset.account = person.name;
    button.onclick = () => yes(person.id);
    const item = document.createElement("li");
    item.append(button);
    document.getElementById("people").append(item);
  }
});
</script></body></html>
"""


def routes(world: World) -> list[web.RouteDef]:
    """`GET /auth`, and what its page calls."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def people(_: web.Request) -> web.Response:
        return web.json_response([{"id": one.id, "name": one.username or one.title} for one in world.accounts.values()])

    async def approve(request: web.Request) -> web.Response:
        given = await request.json()
        pin = world.pin_of_code(str(given["code"]))
        account = world.accounts.get(int(given["account"]))
        if pin is None or account is None or pin.client_identifier != given["client"]:
            return web.json_response({"error": "not found"}, status=404)
        world.approve(pin, account)
        return web.json_response({"status": "ok"})

    return [
        web.get("/auth", page, name="sign_in_page"),
        web.get("/auth/", page),
        web.get("/_people", people),
        web.post("/_approve", approve),
    ]
