"""What the hub did to somebody's sessions is kept until they have seen it, however late they come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from medianest_hub.plugin_api import Role

from .conftest import Site, Somebody, StartSite

NOTICES = "/api/v1/auth/notices"
PASSWORD = "tractor blue forty two"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
async def site(start_site: StartSite) -> Site:
    site = await start_site(limits__auth="1000/minute")
    await site.parts.people.create("mia", PASSWORD, Role.MEMBER)
    return site


async def copied(site: Site) -> None:
    """Somebody uses a refresh token of mia's, and then she does."""
    body = {"username": "mia", "password": PASSWORD, "client": "native"}
    reply = await site.post("/api/v1/auth/login", json=body, headers={"User-Agent": FIREFOX})
    token = reply.json()["refresh_token"]
    for status in (200, 401):
        reply = await site.post("/api/v1/auth/refresh", json={"refresh_token": token}, headers={"User-Agent": FIREFOX})
        assert reply.status == status


async def notices(site: Site, by: Somebody) -> list[dict[str, Any]]:
    reply = await site.get(NOTICES, by=by)
    assert reply.status == 200
    items: list[dict[str, Any]] = reply.json()["items"]
    return items


async def test_whose_sign_in_was_copied_is_told_after_signing_in_again_until_they_have_seen_it(site: Site) -> None:
    mia, eve = await site.person("mia"), await site.person("eve")
    assert await notices(site, mia) == []
    await copied(site)
    (told,) = await notices(site, mia)
    assert (told["code"], told["provider"], told["sessions"]) == ("refresh_reused", "local", 1)
    assert "Firefox" in told["device"]
    await copied(site)
    later, _ = await notices(site, await site.person("mia"))
    assert (await site.call("DELETE", NOTICES, by=eve, params={"until": later["at"]})).status == 204
    assert (await site.call("DELETE", NOTICES, by=mia, params={"until": told["at"]})).status == 204
    assert await notices(site, mia) == [later]
    assert (await site.call("DELETE", NOTICES, by=mia, params={"until": later["at"]})).status == 204
    assert await notices(site, mia) == []


async def test_what_people_end_themselves_is_no_news(site: Site) -> None:
    mia, other = await site.person("mia"), await site.person("mia")
    await site.call("DELETE", f"/api/v1/auth/sessions/{other.session_id}", by=mia)
    await site.parts.sessions.end_all(mia.id, keep=mia.session_id)
    assert await notices(site, mia) == []


async def test_it_is_kept_long_after_the_session_is_forgotten_but_not_for_ever(site: Site) -> None:
    await copied(site)
    count = "SELECT count(*) FROM medianest.sessions WHERE end_reason = 'refresh_reused'"
    for days, left in ((30, 1), (70, 0)):
        await site.parts.db.execute(
            "UPDATE medianest.sessions SET expires_at = expires_at - $1::interval, ended_at = ended_at - $1::interval",
            timedelta(days=days),
        )
        await site.parts.sessions.prune()
        assert await site.parts.db.fetchval(count) == left
        assert len(await notices(site, await site.person("mia"))) == left


async def test_what_was_seen_is_forgotten_with_the_session(site: Site) -> None:
    await copied(site)
    mia = await site.person("mia")
    (told,) = await notices(site, mia)
    await site.parts.notices.seen(mia.id, datetime.fromisoformat(told["at"]))
    await site.parts.db.execute(
        "UPDATE medianest.sessions SET expires_at = now() - interval '2 days' WHERE id <> $1", mia.session_id
    )
    await site.parts.sessions.prune()
    assert await site.parts.db.fetchval("SELECT count(*) FROM medianest.sessions") == 1


async def test_a_moment_without_a_zone_is_refused(site: Site) -> None:
    reply = await site.call("DELETE", NOTICES, by=await site.person("mia"), params={"until": "2026-01-01T00:00:00"})
    assert reply.status == 400
