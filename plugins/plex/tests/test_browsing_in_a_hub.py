"""A running hub beside a Plex server: synced, browsed and searched over HTTP, with pictures, also once the server is off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

API, PLUGIN = "/api/v1/plex", "/api/v1/plugins/plex"


@pytest.fixture
async def house(hub, plex) -> AsyncIterator[Any]:
    """The hub with the owner's token, and a library of two films, a show and an album, which it has read."""
    movies, shows, music = (
        plex.add_section(*one) for one in (("Films", "movie"), ("Series", "show"), ("Music", "artist"))
    )
    plex.add_movie("Amélie", movies, ids=("imdb://tt0211915",), genres=("Comedy",))
    plex.add_movie("Metropolis", movies, year=1927)
    plex.add_show("Dark", shows, seasons=1, episodes=3)
    plex.add_album(plex.add_artist("Nina Simone", music), "Pastel Blues", tracks=2)
    plex.share(plex.world.find("friend"), [movies])
    values = {"url": plex.server_url, "plex_tv_url": plex.plex_tv_url, "app_url": plex.app_url}
    token = plex.world.token(plex.world.owner)
    kept = await hub.admin.put(f"{PLUGIN}/settings", json={"values": {**values, "token": token}})
    assert kept.status == 200, kept.body
    await hub.admin.post(f"{PLUGIN}/enable")  # other tests of this hub may have left it off
    wanted = {
        "Films": {"movie": 2},
        "Series": {"show": 1, "season": 1, "episode": 3},
        "Music": {"artist": 1, "album": 1},
    }
    await hub.admin.until(
        f"{API}/search?q=pastel",
        lambda reply: reply.status == 200 and bool(reply.json()["items"]) and not reply.json()["freshness"]["stale"],
        60,
    )
    await hub.admin.until(
        f"{API}/libraries", lambda reply: {one["title"]: one["counts"] for one in reply.json()["items"]} == wanted, 90
    )
    yield hub
    await hub.admin.post(f"{PLUGIN}/disable")


async def test_the_library_is_there_for_each_as_plex_shares_it_and_stays_when_plex_is_off(house, plex):
    hub, mia = house, await house.person("mia")
    (amelie,) = (await mia.get(f"{API}/search?q=amelei")).json()["items"]
    assert (amelie["title"], amelie["external_ids"], amelie["seen"]) == ("Amélie", {"imdb": "tt0211915"}, None)
    picture = await hub.stranger.get(amelie["image"])
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/webp")
    whole = (await mia.get(f"{API}/items/{amelie['id']}")).json()
    assert [one["library"] for one in whole["places"]] == ["Films"]
    new = (await mia.get(f"{API}/recently-added")).json()["items"]
    assert {(one["title"], one["new"]) for one in new} >= {("Amélie", 1), ("Season 1", 3), ("Pastel Blues", 1)}
    tiles = {one["id"]: one for one in (await mia.get("/api/v1/dashboard")).json()["items"]}
    assert {f"plex.main.{name}" for name in ("recently_added", "playing", "counts", "server")} <= set(tiles)

    # Fred signs in with Plex: what is shared with that account, and what it has watched.
    fred = await house.person("fred")
    friend = plex.world.find("friend")
    plex.watch(friend, plex.pms.library.get(int(amelie["href"].rpartition("%2F")[2])))
    started = (await fred.post("/api/v1/auth/plex/start", json={"client": "native", "link": True})).json()
    plex.approve(started["url"], friend)
    linked = await fred.post("/api/v1/auth/plex/complete", json={"client": "native", "attempt": started["attempt"]})
    assert linked.status == 200, linked.body
    titles = [one["title"] for one in (await fred.get(f"{API}/libraries")).json()["items"]]
    assert titles == ["Films"]
    films = f"{API}/libraries/{amelie['library']}/items?unwatched=true"
    await fred.until(films, lambda reply: [one["title"] for one in reply.json()["items"]] == ["Metropolis"], 30)

    assert (await hub.stranger.get(f"{API}/libraries")).status == 401
    folder = {"folder": plex.pms.library.sections[amelie["library"]].path}
    assert (await mia.post(f"{API}/libraries/{amelie['library']}/scan", json=folder)).status == 403
    assert (await hub.admin.post(f"{API}/libraries/{amelie['library']}/scan", json=folder)).status == 202

    plex.stop()
    for path in ("/libraries", "/search?q=metropolis", "/recently-added", "/collections", "/playing", "/on-deck"):
        reply = await fred.get(f"{API}{path}")
        assert (reply.status, "freshness" in reply.json()) == (200, True), path
    assert (await fred.get(f"{API}/on-deck")).json()["reason"]["code"] == "plex_away"
    assert (await hub.stranger.get(amelie["image"])).status == 200
