"""A running hub beside Overseerr, over HTTP: several people ask for the same film, and each is told the right thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from .conftest import FILM, OTHER_FILM

API, PLUGIN = "/api/v1/overseerr", "/api/v1/plugins/overseerr"


@pytest.fixture
async def house(hub, sim) -> AsyncIterator[Any]:
    """The hub with Overseerr's key; Mia and Tom were matched by an admin, Eve is nobody there."""
    values = {"url": sim.url, "api_key": sim.api_key, "posters_url": sim.url}
    kept = await hub.admin.put(f"{PLUGIN}/settings", json={"values": values})
    assert kept.status == 200, kept.body
    await hub.admin.post(f"{PLUGIN}/enable")
    await hub.admin.until(f"{API}/people", lambda reply: reply.status == 200, 60)
    for name, number in (("mia", 2), ("tom", 3)):
        person = await hub.person(name)
        me = (await person.get("/api/v1/users/me")).json()
        matched = await hub.admin.put(f"{API}/people/{me['id']}", json={"user_id": number})
        assert matched.status == 200, matched.body
    yield hub
    await hub.admin.post(f"{PLUGIN}/disable")


async def test_each_who_asks_for_the_same_film_is_told_the_right_thing(house, sim):
    mia, tom, eve = [await house.person(name) for name in ("mia", "tom", "eve")]
    sim.change_user("tom", movie_quota_limit=1, movie_quota_days=7)
    (hit,) = (await mia.get(f"{API}/search?q=salt%20cartographer")).json()["items"]
    assert (hit["tmdb_id"], hit["state"], hit["requestable"]) == (FILM, "none", True)
    picture = await house.stranger.get(hit["poster"])
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/webp")

    wish = {"kind": "movie", "tmdb_id": FILM}
    made = await mia.post(f"{API}/requests", json=wish)
    assert made.status == 201, made.body
    second = await tom.post(f"{API}/requests", json=wish)
    assert (second.status, second.json()["code"]) == (409, "overseerr_already_requested")
    assert (await tom.post(f"{API}/requests", json={"kind": "movie", "tmdb_id": OTHER_FILM})).status == 201
    third = await tom.post(f"{API}/requests", json={"kind": "movie", "tmdb_id": 910003})
    assert (third.status, third.json()["code"]) == (403, "overseerr_quota_used")
    stranger = await eve.post(f"{API}/requests", json=wish)
    assert (stranger.status, stranger.json()["code"]) == (403, "overseerr_not_matched")
    assert "ask an admin to match you" in stranger.json()["detail"]
    assert {(one.media.tmdb_id, one.requested_by.id) for one in sim.world.requests.values()} == {
        (FILM, 2),
        (OTHER_FILM, 3),
    }
    assert all(one.user in ("2", "3") for one in sim.asked_of("ask"))

    number = made.json()["id"]
    assert (await tom.get(f"{API}/requests/{number}")).status == 404
    assert (await tom.delete(f"{API}/requests/{number}")).status == 404
    assert (await tom.post(f"{API}/manage/requests/{number}/approve")).status == 403
    assert (await mia.post(f"{API}/manage/requests/{number}/approve")).status == 403
    assert (await house.admin.post(f"{API}/manage/requests/{number}/approve")).status == 200
    (own,) = (await mia.get(f"{API}/requests")).json()["items"]
    assert (own["id"], own["state"], own["by"]) == (number, "processing", None)
    waiting = [one["username"] for one in (await house.admin.get(f"{API}/people")).json()["unmatched"]]
    assert waiting == ["eve"]
    checks = (await house.admin.get("/api/health")).body.decode()
    assert sim.api_key not in checks
    assert sim.api_key not in house.process.log
