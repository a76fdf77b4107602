"""A running hub beside two Plex servers: set by its form, read, searched, with one of them going, and taken away again."""

from __future__ import annotations

from typing import Any

import pytest

from .pair import ATTIC

API, PLUGIN = "/api/v1/plex", "/api/v1/plugins/plex"


@pytest.fixture
def values(plex, attic) -> dict[str, Any]:
    """The settings of both; each server has a film of its own, and both have one."""
    plex.add_section("Films")
    attic.add_section("Old films", path="/old/films")
    for server, title in ((plex, "Alien"), (attic, "Alien"), (plex, "Brazil"), (attic, "Casablanca")):
        server.add_movie(title, year=1979, ids=(f"imdb://tt0000{len(title):03}",))
    owner = plex.world.token(plex.world.owner)
    return {
        "url": plex.server_url,
        "plex_tv_url": plex.plex_tv_url,
        "app_url": plex.app_url,
        "token": owner,
        "second_name": ATTIC,
        "second_url": attic.server_url,
        "second_token": owner,
    }


def libraries(reply: Any) -> list[tuple[str, str]]:
    return [(one["instance"], one["title"]) for one in reply.json()["items"]] if reply.status == 200 else []


async def test_two_servers_are_one_library_until_one_is_taken_away(hub, plex, attic, values):
    tried = await hub.admin.post(f"{PLUGIN}/settings/test", json={"values": {**values, "second_token": "wrong-token"}})
    assert "attic: " in tried.body.decode(), tried.body
    kept = await hub.admin.put(f"{PLUGIN}/settings", json={"values": values})
    assert kept.status == 200, kept.body
    assert values["second_token"] not in (await hub.admin.get(f"{PLUGIN}/settings")).body.decode()
    await hub.admin.post(f"{PLUGIN}/enable")
    everything = [("main", "Films"), (ATTIC, "Old films")]
    await hub.admin.until(f"{API}/libraries", lambda reply: libraries(reply) == everything, 90)
    for title in ("brazil", "casablanca"):
        await hub.admin.until(f"{API}/search?q={title}", lambda reply: bool(reply.json()["items"]), 60)
    for server in (plex, attic):
        await server.reached(lambda server=server: server.listeners == 1, 60)

    mia = await hub.person("mia")
    (alien,) = (await mia.get(f"{API}/search?q=alien")).json()["items"]
    assert [(place["instance"], place["server"]) for place in alien["places"]] == [
        ("main", "Living room"),
        (ATTIC, "Attic"),
    ]
    (casablanca,) = (await mia.get(f"{API}/search?q=casablanca")).json()["items"]
    picture = await hub.stranger.get(casablanca["image"])
    assert (picture.status, len(attic.asked_of("transcode"))) == (200, 1)
    found = (await mia.get("/api/v1/media/search?q=alien")).json()
    assert [one["title"] for one in found["items"]] == ["Alien"]
    assert (
        await hub.admin.post(f"{API}/libraries/1/scan?server={ATTIC}", json={"folder": "/old/films/New"})
    ).status == 202

    attic.play(plex.world.owner, attic.pms.library.get(int(casablanca["href"].rpartition("%2F")[2])))
    playing = await hub.admin.until(f"{API}/playing", lambda reply: bool(reply.json()["items"]), 20)
    assert [(one["instance"], one["title"]) for one in playing.json()["items"]] == [(ATTIC, "Casablanca")]

    attic.stop()
    checks = await hub.admin.until("/api/health", lambda reply: "attic: " in reply.body.decode(), 60)
    assert {one["status"] for one in checks.json()["checks"] if one["plugin"] == "plex"} <= {"ok", "degraded"}
    assert libraries(await mia.get(f"{API}/libraries")) == everything
    assert (await hub.stranger.get(alien["image"])).status == 200

    gone = {**values, "second_url": "", "second_token": None}
    kept = await hub.admin.put(f"{PLUGIN}/settings", json={"values": gone})
    assert kept.status == 200, kept.body
    await hub.admin.until(f"{API}/libraries", lambda reply: libraries(reply) == everything[:1], 60)
    assert (await mia.get(f"{API}/search?q=casablanca")).json()["items"] == []
    assert plex.world.token(plex.world.owner) not in hub.process.log
    assert values["token"] not in hub.process.log
    await hub.admin.post(f"{PLUGIN}/disable")
