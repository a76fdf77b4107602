"""A running hub that listens to a Plex server: what an open page is told, and what the server's webhook brings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio

from .stage import until

PLUGIN = "/api/v1/plugins/plex"
PRIVATE = ("account", "player", "product", "address", "is_local")


class OpenPage:
    """A page of somebody who is signed in; `told` is what it was sent as `plex:playing`, with the time it came."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.ready = asyncio.Event()
        self.told: list[tuple[float, dict[str, Any]]] = []
        self.client.on("realtime:ready", lambda *_: self.ready.set())
        self.client.on("plex:playing", lambda data: self.told.append((time.monotonic(), data)))

    async def open(self, url: str, token: str) -> None:
        await self.client.connect(url, auth={"token": token}, transports=["websocket"])
        async with asyncio.timeout(10):
            await self.ready.wait()

    def titles(self, *, complete: bool) -> list[str] | None:
        """What it shows after the last event of that kind."""
        events = [data for _, data in self.told if data["complete"] is complete]
        return [one["title"] for one in events[-1]["items"]] if events and events[-1]["items"] is not None else None


@pytest.fixture
async def listening(hub, plex) -> AsyncIterator[Any]:
    """The hub, switched on with the owner's token, and its stream connected."""
    values = {"url": plex.server_url, "plex_tv_url": plex.plex_tv_url, "app_url": plex.app_url}
    token = plex.world.token(plex.world.owner)
    kept = await hub.admin.put(f"{PLUGIN}/settings", json={"values": {**values, "token": token}})
    assert kept.status == 200, kept.body
    await hub.admin.post(f"{PLUGIN}/enable")  # other tests of this hub may have left it off
    await plex.reached(lambda: plex.listeners == 1, 60)
    yield hub
    await hub.admin.post(f"{PLUGIN}/disable")


async def test_a_play_is_on_open_pages_within_a_second_and_each_sees_what_they_may(listening, plex):
    hub, mia = listening, await listening.person("mia")
    film = plex.add_movie("Metropolis", plex.add_section("Movies"))
    admins, members = OpenPage(), OpenPage()
    await admins.open(hub.url, hub.admin.token)
    await members.open(hub.url, mia.token)

    began = time.monotonic()
    one = plex.play(plex.world.find("friend"), film, transcode=True)
    await until(lambda: admins.titles(complete=True) == ["Metropolis"])
    at = next(at for at, data in admins.told if data["complete"] and data["items"])
    assert at - began < 1
    (whole,) = next(data for _, data in admins.told if data["complete"] and data["items"])["items"]
    assert (whole["account"], whole["player"], whole["decision"]) == ("friend", "Chrome", "transcode")

    await until(lambda: members.told)
    assert {data["complete"] for _, data in members.told} == {False}
    assert not any(word in str(members.told) for word in ("friend", "Chrome", "192.0.2.11"))

    ended = time.monotonic()
    plex.end(one)
    await until(lambda: admins.titles(complete=True) == [])
    assert time.monotonic() - ended < 1
    await asyncio.gather(admins.client.disconnect(), members.client.disconnect())

    # The webhook beside it: a wrong secret is nobody's, the right one has the hub look, and twice is once.
    film = plex.add_movie("Alien")
    other = plex.play(plex.world.find("friend"), film)
    made = await hub.admin.post(f"{PLUGIN}/webhooks/media/secret")
    path = f"{hub.url}/api/v1/hooks/plex/media/{made.json()['authorization'].split()[-1]}"
    assert await plex.webhook(f"{hub.url}/api/v1/hooks/plex/media/{'x' * 40}", "media.play", other) == 404
    for _ in range(2):
        assert await plex.webhook(path, "media.play", other, thumb=True) == 200
    assert await plex.webhook(path, "media.stop", other) == 200
    assert await plex.webhook(path, "device.new") == 200
    assert await plex.webhook(path, "library.new", film, thumb=True) == 200
    checks = (await hub.admin.get("/api/health")).json()
    assert "library" in str(checks)
