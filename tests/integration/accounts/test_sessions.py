"""Sessions: Postgres is right, Redis only quick; an ended one never comes back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from medianest_hub.accounts import session_key
from medianest_hub.accounts.sessions import LIVE_SECONDS
from medianest_hub.infrastructure.database import DatabaseAway
from medianest_hub.infrastructure.realtime_log import CHANNEL
from medianest_hub.plugin_api import Person, Role

from .conftest import Replica


@pytest_asyncio.fixture
async def closed(there: Replica) -> AsyncIterator[asyncio.Queue[UUID]]:
    """Sessions whose sockets another process was asked to close."""
    heard: asyncio.Queue[UUID] = asyncio.Queue()

    async def hear(message: dict[str, Any]) -> None:
        if "close_session" in message:
            heard.put_nowait(UUID(message["close_session"]))

    there.redis.subscribe(CHANNEL, hear)
    for _ in range(300):
        if (await there.redis.call("PUBSUB", "NUMSUB", CHANNEL))[1] >= 1:
            break
        await asyncio.sleep(0.01)
    return heard


async def expire(replica: Replica, session_id: UUID) -> None:
    await replica.db.execute(
        "UPDATE medianest.sessions SET expires_at = now() - interval '1 second' WHERE id = $1", session_id
    )


async def test_a_session_lives_until_it_is_ended(here: Replica, ada: Person) -> None:
    session = await here.sessions.start(ada.id, user_agent="a browser", address="2001:db8::7")
    assert await here.sessions.verdict(session.id)
    assert await here.redis.call("GET", session_key(session.id)) == b"1"
    assert 0 < await here.redis.call("TTL", session_key(session.id)) <= LIVE_SECONDS
    assert await here.sessions.end(session.id)
    assert await here.redis.call("GET", session_key(session.id)) == b"0"
    assert not await here.sessions.verdict(session.id)
    assert not await here.sessions.end(session.id)
    assert await here.db.fetchval("SELECT end_reason FROM medianest.sessions WHERE id = $1", session.id) == "signed_out"


async def test_unknown_and_expired_sessions_are_refused(here: Replica, ada: Person) -> None:
    session = await here.sessions.start(ada.id)
    await expire(here, session.id)
    assert not await here.sessions.verdict(session.id)
    assert not await here.sessions.verdict(uuid4())
    assert await here.redis.call("GET", session_key(session.id)) == b"0"


async def test_sessions_of_somebody_disabled_are_refused(here: Replica, ada: Person) -> None:
    session = await here.sessions.start(ada.id)
    await here.people.change(ada.id, status="disabled")
    assert not await here.sessions.verdict(session.id)


async def test_a_live_verdict_on_its_way_does_not_overwrite_a_tombstone(here: Replica, ada: Person) -> None:
    session = await here.sessions.start(ada.id)
    # As if Postgres had said "live" to a slow process just before the session ended.
    await here.sessions.end(session.id)
    await here.sessions._leave_hint(session.id, 3600.0)
    assert await here.redis.call("GET", session_key(session.id)) == b"0"


async def test_an_emptied_redis_signs_nobody_out_and_revives_nobody(here: Replica, ada: Person) -> None:
    live, ended = await here.sessions.start(ada.id), await here.sessions.start(ada.id)
    await here.sessions.end(ended.id)
    await here.redis.call("FLUSHALL")
    assert await here.sessions.verdict(live.id)
    assert not await here.sessions.verdict(ended.id)


async def test_ending_closes_its_sockets_in_every_process(
    here: Replica, closed: asyncio.Queue[UUID], ada: Person
) -> None:
    session = await here.sessions.start(ada.id)
    await here.sessions.end(session.id)
    async with asyncio.timeout(2):
        assert await closed.get() == session.id


async def test_ending_all_keeps_the_one_and_leaves_others_alone(here: Replica, ada: Person) -> None:
    other = await here.people.create("Grace", None, Role.MEMBER)
    mine = [await here.sessions.start(ada.id) for _ in range(3)]
    hers = await here.sessions.start(other.id)
    assert await here.sessions.end_all(ada.id, keep=mine[0].id) == 2
    assert [await here.sessions.verdict(session.id) for session in (*mine, hers)] == [True, False, False, True]
    assert [session.id for session in await here.sessions.of_person(ada.id)] == [mine[0].id]


async def test_use_moves_the_expiry_on_and_is_noted(here: Replica, ada: Person) -> None:
    session = await here.sessions.start(ada.id)
    await here.db.execute(
        "UPDATE medianest.sessions SET last_used_at = now() - interval '6 hours', "
        "expires_at = now() + interval '18 hours' WHERE id = $1",
        session.id,
    )
    await here.db.execute("UPDATE medianest.users SET last_seen_at = NULL WHERE id = $1", ada.id)
    assert await here.sessions.verdict(session.id)
    hours = await here.db.fetchval(
        "SELECT extract(epoch FROM expires_at - now())::float8 / 3600 FROM medianest.sessions WHERE id = $1", session.id
    )
    assert hours == pytest.approx(24, abs=0.1)
    account = await here.people.account(ada.id)
    assert account is not None
    assert account.last_seen_at is not None


async def test_remembered_sessions_last_ninety_days(here: Replica, ada: Person) -> None:
    session = await here.sessions.start(ada.id, remember=True)
    assert (session.expires_at - session.created_at).days == 90
    short = await here.sessions.start(ada.id)
    assert (short.expires_at - short.created_at).days == 1


@pytest.mark.parametrize("address", ["", "not an address", "unix:", "fe80::1%eth0", "192.0.2.1", None])
async def test_any_peer_can_have_a_session(here: Replica, ada: Person, address: str | None) -> None:
    session = await here.sessions.start(ada.id, address=address, user_agent="x" * 5000)
    assert len(session.user_agent) <= 400
    assert await here.sessions.verdict(session.id)


async def test_old_sessions_are_forgotten_and_tombstones_stand_until_then(here: Replica, ada: Person) -> None:
    old, ended = await here.sessions.start(ada.id), await here.sessions.start(ada.id)
    await here.sessions.end(ended.id)
    await here.db.execute("UPDATE medianest.sessions SET expires_at = now() - interval '2 days' WHERE id = $1", old.id)
    await here.sessions.prune()
    left = {row["id"] for row in await here.db.fetch("SELECT id FROM medianest.sessions")}
    assert left == {ended.id}


async def test_without_redis_sessions_live_and_end(postgres_url: str, valkey_server: Any) -> None:
    replica = await Replica.open(postgres_url, valkey_server.url)
    try:
        ada = await replica.people.create("Ada", None, Role.MEMBER)
        first, second = await replica.sessions.start(ada.id), await replica.sessions.start(ada.id)
        assert await replica.sessions.verdict(first.id)  # leaves "1" in Redis
        valkey_server.stop()
        assert await replica.sessions.verdict(second.id)
        assert await replica.sessions.end(first.id)
        assert not await replica.sessions.verdict(first.id)
        assert await replica.sessions.verdict(second.id)

        back = asyncio.Event()
        replica.redis.on_back(back.set)  # called after the sessions' own
        valkey_server.start()
        valkey_server.wait_ready()
        # What the disk remembered from before the outage.
        await replica.redis.client.set(session_key(first.id), "1")
        async with asyncio.timeout(10):
            await back.wait()
            while await replica.redis.client.get(session_key(first.id)) != b"0":
                await asyncio.sleep(0.01)
        assert await replica.sessions.verdict(second.id)
    finally:
        await replica.close()


async def test_what_cannot_be_asked_is_not_let_through(here: Replica, ada: Person) -> None:
    session = await here.sessions.start(ada.id)
    await here.db.close()
    with pytest.raises(DatabaseAway):
        await here.sessions.verdict(session.id)
