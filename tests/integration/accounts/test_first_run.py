"""The first admin: by a printed link, exactly once, however many try."""

import asyncio

import pytest

from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import BadInput, Conflict, Forbidden

from .conftest import PASSWORD, Replica


async def test_the_link_makes_one_admin_once(here: Replica) -> None:
    assert await here.first_run.needed()
    token = await here.first_run.make_token()
    person = await here.first_run.complete(token, "Ada", PASSWORD)
    assert person.role is Role.ADMIN
    assert not await here.first_run.needed()
    with pytest.raises(Conflict):
        await here.first_run.complete(token, "Eve", PASSWORD)
    assert (await here.people.check_password("ada", PASSWORD)).person == person
    assert await here.db.fetchval("SELECT count(*) FROM medianest.setup_tokens") == 0


async def test_any_replicas_link_works_at_any_replica(here: Replica, there: Replica) -> None:
    tokens = [await here.first_run.make_token(), await there.first_run.make_token()]
    assert len(set(tokens)) == 2
    assert await there.first_run.complete(tokens[0], "Ada", PASSWORD)
    with pytest.raises(Conflict):
        await here.first_run.complete(tokens[1], "Eve", PASSWORD)


@pytest.mark.parametrize("token", ["", "guess", "x" * 256, "\udfff"], ids=ascii)
async def test_a_wrong_token_makes_nobody(here: Replica, token: str) -> None:
    await here.first_run.make_token()
    with pytest.raises(Forbidden):
        await here.first_run.complete(token, "Eve", PASSWORD)
    assert not await here.people.anyone()


async def test_an_expired_token_is_refused_and_forgotten(here: Replica) -> None:
    token = await here.first_run.make_token()
    await here.db.execute("UPDATE medianest.setup_tokens SET expires_at = now() - interval '1 second'")
    with pytest.raises(Forbidden):
        await here.first_run.complete(token, "Ada", PASSWORD)
    await here.first_run.make_token()
    assert await here.db.fetchval("SELECT count(*) FROM medianest.setup_tokens") == 1


async def test_a_bad_password_leaves_the_link_good(here: Replica) -> None:
    token = await here.first_run.make_token()
    with pytest.raises(BadInput):
        await here.first_run.complete(token, "Ada", "short")
    assert await here.first_run.complete(token, "Ada", PASSWORD)


async def test_twenty_at_once_on_two_replicas_make_one(here: Replica, there: Replica) -> None:
    token = await here.first_run.make_token()
    results = await asyncio.gather(
        *((here, there)[n % 2].first_run.complete(token, f"admin {n}", PASSWORD) for n in range(20)),
        return_exceptions=True,
    )
    made = [result for result in results if isinstance(result, Person)]
    assert len(made) == 1
    assert all(isinstance(result, (Person, Conflict)) for result in results)
    assert [account.username for account in await here.people.list()] == [made[0].username]


async def test_somebody_made_otherwise_meanwhile_voids_the_link(here: Replica, there: Replica) -> None:
    token = await here.first_run.make_token()
    assert await here.first_run.needed()
    await there.people.create("Ada", PASSWORD, Role.ADMIN)
    with pytest.raises(Conflict):
        await here.first_run.complete(token, "Eve", PASSWORD)


async def test_tokens_are_kept_as_hashes_only(here: Replica) -> None:
    token = await here.first_run.make_token()
    kept = await here.db.fetchval("SELECT string_agg(t::text, '') FROM medianest.setup_tokens t")
    assert token not in kept
    assert token.encode().hex() not in kept
