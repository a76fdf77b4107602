"""How connections end: with their session, with their token, and when a page does not read."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from medianest_hub.accounts.refresh import RefreshReused
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from tests.integration.realtime.conftest import OpenPage, StartReplica, send, short_token, sign_in, still_open


async def test_a_session_that_ends_closes_its_pages_on_every_replica_within_a_second(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    one, two = await start_replica(), await start_replica()
    me, elsewhere = await sign_in(one, "mia"), await sign_in(one, "mia")
    ended = [await open_page(replica, me.token) for replica in (one, two, one)]
    other = await open_page(two, elsewhere.token)
    began = time.monotonic()
    await one.parts.sessions.end(me.session_id)
    for page in ended:
        async with asyncio.timeout(2):
            await page.gone.wait()
        assert page.got("auth:ended") == [{"code": "session_ended"}]
    assert time.monotonic() - began < 1.0
    await still_open(other, one, me)
    await two.parts.realtime.close_person(me.person.id)
    async with asyncio.timeout(2):
        await other.gone.wait()


async def test_a_session_that_ends_while_redis_is_away_closes_its_pages_too(
    start_replica: StartReplica, open_page: OpenPage, valkey_server: EmbeddedValkey
) -> None:
    one, two = await start_replica(redis=valkey_server.url), await start_replica(redis=valkey_server.url)
    me = await sign_in(one, "mia")
    page = await open_page(two, me.token)
    valkey_server.stop()
    await one.parts.sessions.end(me.session_id)
    async with asyncio.timeout(4):
        await page.gone.wait()


async def test_an_expired_token_is_asked_for_anew_and_then_ends_the_connection(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    replica.realtime.grace = 2.0
    me = await sign_in(replica, "mia", expires_in=3)
    lazy, diligent = await open_page(replica, me.token), await open_page(replica, me.token)
    for page in (lazy, diligent):
        assert 0 <= (await page.until("auth:expiring"))["seconds"] <= 2
    # A token of before is no help; a stranger's neither.
    stranger = await sign_in(replica, "ole")
    assert (await diligent.client.call("reauth", {"token": me.token}))["code"] == "token_expired"
    assert (await diligent.client.call("reauth", {"token": stranger.token}))["code"] == "other_person"
    fresh = await sign_in(replica, "mia")
    answer = await diligent.client.call("reauth", {"token": fresh.token})
    assert answer["ok"] is True
    assert answer["expires_at"].endswith("Z")
    assert await lazy.until("auth:expired") == {"code": "token_expired"}
    async with asyncio.timeout(2):
        await lazy.gone.wait()
    await still_open(diligent, replica, me)
    # From now on it hangs on the new session.
    await replica.parts.sessions.end(me.session_id)
    await still_open(diligent, replica, me)
    await replica.parts.sessions.end(fresh.session_id)
    async with asyncio.timeout(2):
        await diligent.gone.wait()


async def test_reauth_before_expiry_goes_unnoticed_by_the_stream(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    token = short_token(replica.parts, me.person, me.session_id, 100)
    assert (await page.client.call("reauth", {"token": token}))["ok"] is True
    await send(replica, me, 1)
    await page.until("job:done")
    assert page.got("auth:expiring") == []


async def test_a_page_that_does_not_read_is_dropped_and_others_are_not_held_up(
    start_replica: StartReplica, open_page: OpenPage, monkeypatch: Any
) -> None:
    monkeypatch.setattr("medianest_hub.web.realtime_door.MOST_WAITING", 50)
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page, slow = await open_page(replica, me.token), await open_page(replica, me.token)
    transport = slow.client.eio.ws._response.connection.transport
    transport.pause_reading()
    filler = "x" * 100_000
    for n in range(200):
        await replica.parts.realtime.send("job:done", {"n": n, "filler": filler}, person=me.person.id, keep=False)
        await page.until("job:done", count=n + 1)
    async with asyncio.timeout(5):
        while len(replica.realtime.door.guests.of_person(me.person.id)) > 1:
            await asyncio.sleep(0.05)
    transport.resume_reading()
    await still_open(page, replica, me)


async def test_whoever_has_the_pages_of_a_copied_sign_in_open_is_told_why_before_they_close(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    one, two = await start_replica(), await start_replica()
    me, elsewhere = await sign_in(one, "mia"), await sign_in(one, "mia")
    pages = [await open_page(replica, me.token) for replica in (one, two)]
    other = await open_page(two, elsewhere.token)
    token = await one.parts.refresh.issue(me.session_id)
    await one.parts.refresh.rotate(token, time.monotonic())
    with pytest.raises(RefreshReused):
        await two.parts.refresh.rotate(token, time.monotonic())
    for page in pages:
        async with asyncio.timeout(2):
            await page.gone.wait()
        told = [(event, data.get("kind", data.get("code"))) for event, data in page.events]
        assert told[-2:] == [("notification:new", "hub.refresh_reused"), ("auth:ended", "session_ended")]
    assert (await other.until("notification:new"))["kind"] == "hub.refresh_reused"
