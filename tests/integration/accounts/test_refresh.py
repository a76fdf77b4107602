"""Refresh tokens: good once, in any process; what comes back ends the session, unless two came at once."""

from __future__ import annotations

import asyncio
import base64
import time
from uuid import UUID, uuid4

import pytest

from medianest_hub.accounts import RefreshTokens, Session
from medianest_hub.accounts.refresh import RefreshReused
from medianest_hub.infrastructure.addresses import network_of
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import Conflict, Unauthorized

from .conftest import Replica


async def begin(replica: Replica, person: Person, *, remember: bool = False) -> tuple[Session, str]:
    session = await replica.sessions.start(person.id, remember=remember)
    return session, await replica.refresh.issue(session.id)


async def refused(replica: Replica, token: str) -> str:
    with pytest.raises((Unauthorized, Conflict)) as raised:
        await replica.refresh.rotate(token, time.monotonic())
    return raised.value.error_code


async def reason(replica: Replica, session_id: UUID) -> str | None:
    found: str | None = await replica.db.fetchval("SELECT end_reason FROM medianest.sessions WHERE id = $1", session_id)
    return found


async def test_each_token_is_good_once_and_brings_the_next(here: Replica, there: Replica, ada: Person) -> None:
    session, token = await begin(here, ada, remember=True)
    seen = {token}
    for replica in (there, here, there):
        renewed = await replica.refresh.rotate(token, time.monotonic())
        assert (renewed.person_id, renewed.session_id, renewed.remember) == (ada.id, session.id, True)
        token = renewed.refresh_token
        seen.add(token)
    assert len(seen) == 4
    kept = [bytes(row["token_hash"]) for row in await here.db.fetch("SELECT token_hash FROM medianest.refresh_tokens")]
    assert len(kept) == 4
    assert not any(part.encode() in b"".join(kept) for part in seen)


@pytest.mark.parametrize(("remember", "days"), [(False, 1), (True, 90)])
async def test_the_idle_time_begins_anew(here: Replica, ada: Person, remember: bool, days: int) -> None:
    session, token = await begin(here, ada, remember=remember)
    await here.db.execute(
        "UPDATE medianest.sessions SET expires_at = now() + interval '1 minute' WHERE id = $1", session.id
    )
    await here.refresh.rotate(token, time.monotonic())
    left = "SELECT extract(epoch FROM expires_at - now()) / 86400 FROM medianest.sessions WHERE id = $1"
    assert float(await here.db.fetchval(left, session.id)) == pytest.approx(days, abs=0.01)


async def test_a_token_used_again_ends_the_session_and_tells_the_person_once(
    here: Replica, there: Replica, ada: Person
) -> None:
    session, first = await begin(here, ada)
    second = (await here.refresh.rotate(first, time.monotonic())).refresh_token
    with pytest.raises(RefreshReused) as raised:
        await there.refresh.rotate(first, time.monotonic())
    assert (raised.value.person_id, raised.value.session_id) == (ada.id, session.id)
    assert await reason(here, session.id) == "refresh_reused"
    assert not await here.sessions.verdict(session.id)
    assert {await refused(here, token) for token in (first, second)} == {"refresh_invalid"}
    told = [event for event in await here.realtime.since(0) if event.event == "notification:new"]
    assert [(event.person, event.data["kind"]) for event in told] == [(ada.id, "hub.refresh_reused")]


async def test_a_used_token_is_known_again_long_after_it_was_forgotten(here: Replica, ada: Person) -> None:
    session, first = await begin(here, ada)
    token = first
    for _ in range(3):
        token = (await here.refresh.rotate(token, time.monotonic())).refresh_token
        await here.db.execute("UPDATE medianest.refresh_tokens SET used_at = used_at - interval '1 hour'")
    await here.refresh.rotate(token, time.monotonic())
    # However long a session lives, only what was used lately is kept.
    assert await here.db.fetchval("SELECT count(*) FROM medianest.refresh_tokens") <= 3
    assert await refused(here, first) == "refresh_reused"
    assert await reason(here, session.id) == "refresh_reused"


async def test_nobody_can_end_a_session_by_making_up_its_tokens(here: Replica, ada: Person) -> None:
    session, token = await begin(here, ada)
    content = session.id.bytes + b"x" * 32
    strange = RefreshTokens(here.db, SecretBox(["o" * 40]), here.sessions, here.realtime)
    made_up = [
        "mnr_" + base64.urlsafe_b64encode(content + b"y" * 16).rstrip(b"=").decode(),
        strange._make(session.id),
        token[:-3] + ("AAA" if not token.endswith("AAA") else "BBB"),
        here.refresh._make(uuid4()),
    ]
    for one in made_up:
        assert await refused(here, one) == "refresh_invalid"
        if one != made_up[-1]:
            assert await here.refresh.session_of(one) is None
    assert await here.sessions.verdict(session.id)
    await here.refresh.rotate(token, time.monotonic())


async def test_tokens_outlive_the_key_that_signed_them(here: Replica, ada: Person) -> None:
    _, token = await begin(here, ada)
    rotated = RefreshTokens(here.db, SecretBox(["n" * 40]), here.sessions, here.realtime)
    renewed = await rotated.rotate(token, time.monotonic())
    with pytest.raises(RefreshReused):
        await rotated.rotate(token, time.monotonic())
    assert renewed.refresh_token


async def test_of_many_at_once_in_two_processes_one_wins_and_the_session_lives(
    here: Replica, there: Replica, ada: Person
) -> None:
    session, token = await begin(here, ada)
    for _ in range(10):
        arrived = time.monotonic()
        results = await asyncio.gather(
            *(replica.refresh.rotate(token, arrived) for replica in (here, there) * 4), return_exceptions=True
        )
        won = [one for one in results if not isinstance(one, BaseException)]
        lost = [one.error_code for one in results if isinstance(one, Conflict)]
        assert (len(won), lost) == (1, ["refresh_raced"] * 7)
        token = won[0].refresh_token
    assert await here.sessions.verdict(session.id)


async def test_one_that_waited_for_a_connection_still_came_at_the_same_time(here: Replica, ada: Person) -> None:
    session, token = await begin(here, ada)
    arrived = time.monotonic()
    async with here.db.connection(), here.db.connection(), here.db.connection(), here.db.connection():
        waiting = [asyncio.create_task(here.refresh.rotate(token, arrived)) for _ in range(2)]
        await asyncio.sleep(0.2)  # the pool has no other: both must wait now
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["Conflict", "Renewed"]
    assert await here.sessions.verdict(session.id)


async def test_a_request_held_back_for_long_is_no_excuse(here: Replica, ada: Person) -> None:
    session, token = await begin(here, ada)
    await here.refresh.rotate(token, time.monotonic())
    await here.db.execute("UPDATE medianest.refresh_tokens SET used_at = used_at - interval '6 seconds'")
    with pytest.raises(RefreshReused):
        await here.refresh.rotate(token, time.monotonic() - 3600)
    assert not await here.sessions.verdict(session.id)


async def test_no_token_of_an_ended_expired_or_removed_session_or_of_somebody_disabled(
    here: Replica, ada: Person
) -> None:
    await here.people.create("root", None, Role.ADMIN)
    session, token = await begin(here, ada)
    await here.sessions.end(session.id)
    assert await refused(here, token) == "refresh_invalid"
    session, token = await begin(here, ada)
    await here.db.execute("UPDATE medianest.sessions SET expires_at = now() WHERE id = $1", session.id)
    assert await refused(here, token) == "refresh_invalid"
    await here.db.execute("DELETE FROM medianest.sessions WHERE id = $1", session.id)
    assert await refused(here, token) == "refresh_invalid"
    session, token = await begin(here, ada)
    await here.people.change(ada.id, status="disabled")
    assert await refused(here, token) == "refresh_invalid"
    # Refused is not used: let in again, the person goes on.
    await here.people.change(ada.id, status="active")
    assert await here.refresh.rotate(token, time.monotonic())


async def test_a_session_is_fresh_for_some_minutes_after_its_person_proved_who_they_are(
    here: Replica, ada: Person
) -> None:
    session, token = await begin(here, ada)
    assert await here.sessions.fresh(session.id)
    await here.db.execute("UPDATE medianest.sessions SET authenticated_at = now() - interval '301 seconds'")
    await here.refresh.rotate(token, time.monotonic())
    assert not await here.sessions.fresh(session.id)
    assert await here.sessions.fresh(session.id, within=400)
    await here.sessions.confirm(session.id)
    assert await here.sessions.fresh(session.id)
    await here.sessions.end(session.id)
    assert not await here.sessions.fresh(session.id)
    assert not await here.sessions.fresh(uuid4())


async def test_a_session_shows_where_it_was_last_used_from_and_signing_in_there_is_another_thing(
    here: Replica, ada: Person
) -> None:
    signed_in = await here.sign_in.of_person(ada, address="192.0.2.1", user_agent="a browser")
    renewed = await here.sign_in.renew(
        signed_in.refresh_token, time.monotonic(), address="2001:db8::9", user_agent="x" * 1000
    )
    (session,) = await here.sessions.of_person(ada.id)
    assert (session.address, session.user_agent) == ("2001:db8::9", "x" * 400)
    # Whoever copied a cookie has never had the password: theirs is no address somebody is known by.
    assert [await here.sign_in._was_here("ada", network_of(one)) for one in ("192.0.2.1", "2001:db8::9")] == [
        True,
        False,
    ]
    # What says nothing about itself hides nothing.
    await here.sign_in.renew(renewed.refresh_token, time.monotonic(), address="", user_agent="")
    (session,) = await here.sessions.of_person(ada.id)
    assert (session.address, session.user_agent) == ("2001:db8::9", "x" * 400)
