"""Signing in with a password, and what slows guessing down without locking anybody out."""

import asyncio
import time
from typing import Any

import pytest

from medianest_hub.accounts.slowing import CROWD, FIRST_WAIT, FREE_TRIES, FREE_TRIES_ALONE, LONGEST_DELAY
from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import TooMany, Unauthorized

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
