"""Signing in with a password, and what slows guessing down without locking anybody out."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from medianest_hub.accounts.password_change import PasswordChange
from medianest_hub.accounts.passwords import AT_ONCE, WAITING, Passwords
from medianest_hub.accounts.people import People
from medianest_hub.accounts.sign_in import SignIn
from medianest_hub.accounts.slowing import CROWD, FIRST_WAIT, FREE_TRIES, FREE_TRIES_ALONE, LONGEST_DELAY, Slowing
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import Forbidden, TooMany, Unauthorized

from .conftest import PASSWORD, Replica


async def fail(replica: Replica, times: int, *, address: str = "192.0.2.1", username: str = "ada") -> None:
    for _ in range(times):
        with pytest.raises(Unauthorized):
            await replica.sign_in.with_password(username, "wrong password", address=address)


async def test_signing_in_gives_a_token_of_a_live_session(here: Replica, ada: Person) -> None:
    signed_in = await here.sign_in.with_password("ADA", PASSWORD, address="192.0.2.1", user_agent="a phone")
    claims = here.tokens.read(signed_in.token.access_token)
    assert (claims.person_id, claims.session_id) == (ada.id, signed_in.session_id)
    assert await here.sessions.verdict(claims.session_id)
    (session,) = await here.sessions.of_person(ada.id)
    assert (session.user_agent, session.address) == ("a phone", "192.0.2.1")
    account = await here.people.account(ada.id)
    assert account is not None
    assert account.last_seen_at is not None


@pytest.mark.parametrize("username", ["ada", "does not exist"])
async def test_guessing_from_one_address_must_wait_longer_and_longer(here: Replica, ada: Person, username: str) -> None:
    await fail(here, FREE_TRIES, username=username)
    with pytest.raises(TooMany) as refused:
        await here.sign_in.with_password(username, PASSWORD, address="192.0.2.1")
    assert refused.value.retry_after == pytest.approx(FIRST_WAIT, abs=1)
    for key in await here.redis.call("KEYS", "mn:signin:wait:*"):
        await here.redis.call("DEL", key)  # the wait is over
    await fail(here, 1, username=username)
    with pytest.raises(TooMany) as refused:
        await here.sign_in.with_password(username, PASSWORD, address="192.0.2.1")
    assert refused.value.retry_after == pytest.approx(2 * FIRST_WAIT, abs=1)


async def test_a_stranger_who_guesses_locks_nobody_else_out(here: Replica, there: Replica, ada: Person) -> None:
    await fail(here, FREE_TRIES)
    with pytest.raises(TooMany):
        await there.sign_in.with_password("ada", PASSWORD, address="192.0.2.1")
    assert await there.sign_in.with_password("ada", PASSWORD, address="198.51.100.9")
    other = await here.people.create("Grace", PASSWORD, Role.MEMBER)
    assert (await there.sign_in.with_password("grace", PASSWORD, address="192.0.2.1")).person == other


async def test_success_starts_afresh(here: Replica, ada: Person) -> None:
    for _ in range(3):
        await fail(here, FREE_TRIES - 1)
        assert await here.sign_in.with_password("ada", PASSWORD, address="192.0.2.1")


async def test_many_tries_at_once_get_no_more_than_the_free_ones(here: Replica, ada: Person) -> None:
    results = await asyncio.gather(
        *(here.sign_in.with_password("ada", f"guess {n} of many", address="192.0.2.1") for n in range(40)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Unauthorized) for result in results) == FREE_TRIES
    assert sum(isinstance(result, TooMany) for result in results) == 40 - FREE_TRIES


async def test_an_account_tried_from_everywhere_answers_strangers_late_and_its_own_people_at_once(
    here: Replica, ada: Person
) -> None:
    await here.sign_in.with_password("ada", PASSWORD, address="203.0.113.5")  # home
    for n in range(CROWD):
        await fail(here, 1, address=f"198.51.100.{n}")
    took = []
    for _ in range(4):  # whoever is made to wait waits each time; a busy machine is slow only now and then
        began = time.monotonic()
        await here.sign_in.with_password("ada", PASSWORD, address="203.0.113.5")
        took.append(time.monotonic() - began)
    began = time.monotonic()
    assert await here.sign_in.with_password("ada", PASSWORD, address="192.0.2.77")  # late, but let in
    elsewhere = time.monotonic() - began
    assert min(took) < 0.2
    assert 0.2 < elsewhere < LONGEST_DELAY + 1


async def test_however_many_strangers_wait_people_get_in_from_where_they_were_before(
    here: Replica, ada: Person
) -> None:
    await here.sign_in.with_password("ada", PASSWORD, address="203.0.113.5")  # home
    guessing = here.people.passwords
    hash_of_ada = await guessing.hash(PASSWORD)
    flood: set[asyncio.Task[Any]] = set()

    def knock() -> None:
        """One more stranger for each who was answered, so that all their places are always taken."""
        while len(flood) < AT_ONCE + WAITING:
            task = asyncio.create_task(guessing.verify(hash_of_ada, "wrong"))
            flood.add(task)
            task.add_done_callback(lambda done: (flood.discard(done), knock()) if not over else flood.discard(done))

    over = False
    knock()
    await asyncio.sleep(0)
    try:
        with pytest.raises(TooMany) as refused:  # noqa: PT012 - whichever of them it is
            for number in range(20):  # now and then one finds the place of somebody who was just answered
                await here.sign_in.with_password("ada", PASSWORD, address=f"192.0.2.{100 + number}")
        assert refused.value.error_code == "sign_in_busy"
        for _ in range(5):
            assert await here.sign_in.with_password("ada", PASSWORD, address="203.0.113.5")
        change = PasswordChange(Slowing(here.redis, SecretBox(["k" * 40])), here.people, here.sessions)
        await change.change(ada, None, PASSWORD, "something else entirely", address="192.0.2.78")
    finally:
        over = True
        await asyncio.gather(*flood)


async def test_without_redis_the_process_counts_alone_and_more_strictly(postgres_url: str, valkey_server: Any) -> None:
    replica = await Replica.open(postgres_url, valkey_server.url)
    try:
        await replica.people.create("Ada", PASSWORD, Role.MEMBER)
        valkey_server.stop()
        await fail(replica, FREE_TRIES_ALONE)
        with pytest.raises(TooMany):
            await replica.sign_in.with_password("ada", PASSWORD, address="192.0.2.1")
        assert await replica.sign_in.with_password("ada", PASSWORD, address="192.0.2.2")
    finally:
        await replica.close()


async def test_what_was_typed_is_written_down_nowhere(here: Replica, ada: Person) -> None:
    typed = "my-password-in-the-wrong-field"
    await fail(here, 2, username=typed)
    keys = b" ".join(await here.redis.call("KEYS", "*"))
    assert typed.encode() not in keys
    assert b"192.0.2.1" not in keys


@asynccontextmanager
async def change_under_way(replica: Replica, change: str, person: Person, *values: object) -> AsyncIterator[None]:
    """A change of that person that was made and counts at the end, once somebody waits for their row."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with replica.db.transaction() as tx:
        await tx.execute(f"UPDATE medianest.users SET {change} WHERE id = $1", person.id, *values)
        yield
        async with asyncio.timeout(5):
            while not await replica.db.fetchval(waiting):
                await asyncio.sleep(0.005)


@pytest.mark.parametrize("change", ["password_hash = 'another'", "password_hash = NULL", "status = 'disabled'"])
async def test_a_password_that_is_changed_while_it_is_checked_lets_nobody_in(
    here: Replica, there: Replica, ada: Person, change: str
) -> None:
    async with change_under_way(there, change, ada):
        signing_in = asyncio.create_task(here.sign_in.with_password("ada", PASSWORD, address="192.0.2.1"))
    with pytest.raises(Unauthorized) as refused:
        await signing_in
    assert refused.value.error_code == "wrong_credentials"
    assert await here.sessions.of_person(ada.id) == []


async def test_somebody_proven_otherwise_is_not_let_in_either_once_they_are_disabled(
    here: Replica, there: Replica, ada: Person
) -> None:
    async with change_under_way(there, "status = 'disabled'", ada):
        signing_in = asyncio.create_task(here.sign_in.of_person(ada, address="192.0.2.1", provider="plex"))
    with pytest.raises(Forbidden) as refused:
        await signing_in
    assert refused.value.error_code == "account_inactive"
    assert await here.sessions.of_person(ada.id) == []


async def test_whoever_knew_the_old_password_cannot_change_one_that_is_being_changed(
    here: Replica, there: Replica, ada: Person
) -> None:
    change = PasswordChange(Slowing(here.redis, SecretBox(["k" * 40])), here.people, here.sessions)
    new = await here.people.passwords.hash("what ada chose anew")
    async with change_under_way(there, "password_hash = $2", ada, new):
        changing = asyncio.create_task(change.change(ada, None, PASSWORD, "what a thief chose", address="192.0.2.1"))
    with pytest.raises(Forbidden) as refused:
        await changing
    assert refused.value.error_code == "wrong_password"
    assert (await here.people.check_password("ada", "what ada chose anew")).person == ada


async def test_two_who_sign_in_while_the_cost_of_hashes_has_changed_both_get_in(
    here: Replica, there: Replica, ada: Person
) -> None:
    secrets, replicas = SecretBox(["k" * 40]), (here, here, there, there)
    peoples = [People(one.db, one.redis, secrets, Passwords(memory_kib=128, time_cost=1)) for one in replicas]
    dearer = [
        SignIn(one.db, Slowing(one.redis, secrets), people, one.sessions, one.tokens, one.refresh)
        for one, people in zip(replicas, peoples, strict=True)
    ]
    signed_in = await asyncio.gather(*(one.with_password("ada", PASSWORD, address="192.0.2.1") for one in dearer))
    assert len({one.session_id for one in signed_in}) == 4
    for people in peoples:
        people.close()
