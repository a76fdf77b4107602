"""What the demo prints: addresses, passwords, and lines that can be pasted. Does nothing itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.demo.household import Person
from tests.demo.service import Service

LAST = "Ctrl-C stops everything."

SNIPPET = """\
{python} - <<'END'
import asyncio, aiohttp, socketio
async def watch(hub, **who):
    async with aiohttp.ClientSession() as session, session.post(f"{{hub}}/api/v1/auth/login", json=who) as answer:
        token = (await answer.json())["access_token"]
    client = socketio.AsyncClient()
    client.on("*", lambda event, data=None: print(event, data, flush=True))
    await client.connect(hub, auth={{"token": token}}, transports=["websocket"])
    await client.wait()
asyncio.run(watch("{url}", username="{username}", password="{password}", client="native"))
END"""


def welcome(
    url: str, log: Path, kept: bool, people: Sequence[Person], services: Sequence[Service], control: str
) -> str:
    """All of it. `kept`: the data stays when the demo ends."""
    member = people[-1]
    lines = [
        f"The hub is at {url}; every route is shown at {url}/api/docs.",
        f"Its data {'is kept' if kept else 'goes when this ends'}. Its log: {log}",
        "",
        "These may sign in:",
        *(f"  {one.username:<6} {one.role:<7} password {one.password}" for one in people),
    ]
    for service in services:
        lines += ["", *service.words(control)]
    snippet = SNIPPET.format(python=sys.executable, url=url, username=member.username, password=member.password)
    lines += ["", "Watch the events in another terminal:", "", snippet, "", LAST]
    return "\n".join(lines)
