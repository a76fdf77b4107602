"""Who is which user of Overseerr: by Plex account, then by address, else as an admin says; and never anybody else."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import ADMIN, LinkedIdentity, Role
from medianest_hub.plugin_api.errors import Conflict, Forbidden, HubError, NotFound
from medianest_hub.testing import make_event, make_person
from medianest_overseerr.listeners import forget_person
from medianest_overseerr.people import accounts, matching
from medianest_overseerr.people.matching import person_of, user_of
from tests.simulators.overseerr.server import Permission

from .calling import ask, match, people, search, unmatch
from .conftest import linked, mailed, manager


@pytest.fixture
async def ctx(make, seerr):
    return await make(seerr)


async def refusal(call) -> str:
    with pytest.raises(HubError) as caught:
        await call
    return caught.value.error_code


async def hows(ctx) -> dict[int, str]:
    rows = await ctx.db.fetch("SELECT user_id, how FROM plugin_overseerr.match ORDER BY user_id")
    return {row["user_id"]: row["how"] for row in rows}


async def test_by_the_plex_account_somebody_has_linked(ctx):
    assert (await user_of(ctx, linked(ctx, "mia", 1002))).user_id == 2
    assert await hows(ctx) == {2: "plex"}


async def test_by_an_address_somebody_vouches_for_whatever_its_capitals(ctx, seerr):
    seerr.change_user("tom", email="Tom@Home.example")
    assert (await user_of(ctx, mailed(ctx, "tom", "tom@home.EXAMPLE"))).user_id == 3
    assert await hows(ctx) == {3: "email"}


async def test_the_plex_account_goes_before_the_address(ctx):
    mia = linked(ctx, "mia", 1002)
    ctx.people.emails[mia.id] = "tom@home.example"
    assert (await user_of(ctx, mia)).user_id == 2


async def test_an_address_that_another_plex_account_has_there_proves_nothing(ctx, seerr):
    seerr.add_user("eva", plex_id=1009, email="eva@home.example")
    other = linked(ctx, "eva", 7777)
    ctx.people.emails[other.id] = "eva@home.example"
    assert await refusal(user_of(ctx, other)) == "overseerr_not_matched"


async def test_an_address_that_two_users_have_is_nobodys(ctx, seerr):
    seerr.add_user("tim", email="tom@home.example")
    assert await refusal(user_of(ctx, mailed(ctx, "tom", "tom@home.example"))) == "overseerr_not_matched"


async def test_an_address_alone_makes_nobody_the_owner_or_an_admin_there(ctx, seerr):
    seerr.add_user("boss", email="boss@home.example", permissions=Permission.ADMIN)
    for email in ("owner@home.example", "boss@home.example"):
        assert await refusal(user_of(ctx, mailed(ctx, "x", email))) == "overseerr_not_matched"
    assert (await user_of(ctx, linked(ctx, "owner", 1001))).user_id == 1


async def test_nobody_is_taken_for_the_owner_for_lack_of_anybody_else(ctx, seerr):
    with pytest.raises(Forbidden) as caught:
        await ask(ctx, mailed(ctx, "eve", "eve@else.example"))
    assert caught.value.error_code == "overseerr_not_matched"
    assert "Link your Plex account" in caught.value.message
    assert all(one.method == "GET" for one in seerr.asked)


async def test_two_people_are_never_one_user(ctx):
    await user_of(ctx, mailed(ctx, "tom", "tom@home.example"))
    with pytest.raises(Conflict) as caught:
        await user_of(ctx, mailed(ctx, "impostor", "tom@home.example"))
    assert (caught.value.error_code, caught.value.status) == ("overseerr_match_conflict", 409)
    assert await hows(ctx) == {3: "email"}


async def test_two_people_who_come_in_the_same_moment_are_not_one_user(ctx):
    await accounts.refresh(ctx)
    both = [mailed(ctx, f"tom{number}", "tom@home.example") for number in (1, 2)]
    found = await asyncio.gather(*(user_of(ctx, one) for one in both), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["Account", "Conflict"]


async def test_a_plex_account_counts_for_more_than_an_address(ctx, seerr):
    seerr.change_user("mia", email="mia@home.example")
    first = mailed(ctx, "first", "mia@home.example")
    await user_of(ctx, first)
    assert (await user_of(ctx, linked(ctx, "mia", 1002))).user_id == 2
    assert await refusal(user_of(ctx, first)) == "overseerr_match_conflict"


async def test_an_admins_word_counts_for_more_than_a_plex_account(ctx):
    mia, other, ada = linked(ctx, "mia", 1002), mailed(ctx, "other", "other@else.example"), manager(ctx)
    await match(ctx, ada, other.id, 2)
    assert await refusal(user_of(ctx, mia)) == "overseerr_match_conflict"
    assert (await user_of(ctx, other)).user_id == 2


async def test_an_admin_does_not_give_one_user_to_two(ctx):
    mia, other, ada = linked(ctx, "mia", 1002), mailed(ctx, "other", "other@else.example"), manager(ctx)
    await user_of(ctx, mia)
    assert await refusal(match(ctx, ada, other.id, 2)) == "overseerr_match_conflict"
    await unmatch(ctx, ada, mia.id)
    found = await match(ctx, ada, other.id, 2)
    assert [(one.username, one.user.name, one.how) for one in found.matched] == [("other", "mia", "admin")]


async def test_an_admin_matches_nobody_with_what_is_not_there(ctx):
    ada, other = manager(ctx), mailed(ctx, "other", "other@else.example")
    assert await refusal(match(ctx, ada, uuid4(), 2)) == "person_not_found"
    assert await refusal(match(ctx, ada, other.id, 99)) == "overseerr_user_not_found"
    with pytest.raises(NotFound):
        await unmatch(ctx, ada, other.id)


async def test_what_was_found_by_a_plex_account_ends_with_it(ctx):
    mia = linked(ctx, "mia", 1002)
    await user_of(ctx, mia)
    ctx.people.withdraw(mia.id, "plex")
    assert await refusal(user_of(ctx, mia)) == "overseerr_not_matched"
    assert await hows(ctx) == {}
    ctx.people.link(mia.id, LinkedIdentity(provider="plex", subject="1002", username="mia"))
    assert (await user_of(ctx, mia)).user_id == 2


async def test_somebody_new_there_is_found_the_next_time(ctx, seerr):
    eva = linked(ctx, "eva", 1010)
    assert await refusal(user_of(ctx, eva)) == "overseerr_not_matched"
    seerr.add_user("eva", plex_id=1010)
    ctx.clock.advance(accounts.AGAIN_SECONDS + 1)
    assert (await user_of(ctx, eva)).name == "eva"


async def test_however_often_a_stranger_comes_users_are_read_once_in_a_while(ctx, seerr):
    stranger = mailed(ctx, "eve", "eve@else.example")
    for _ in range(5):
        assert await refusal(user_of(ctx, stranger)) == "overseerr_not_matched"
    assert len(seerr.asked_of("users")) == 1


async def test_while_overseerr_is_away_known_people_are_known_and_others_hear_that_it_is(ctx, seerr):
    mia = linked(ctx, "mia", 1002)
    await user_of(ctx, mia)
    seerr.stop()
    assert (await user_of(ctx, mia)).user_id == 2
    ctx.clock.advance(60)
    with pytest.raises(HubError) as caught:
        await user_of(ctx, mailed(ctx, "tom2", "new@home.example"))
    assert caught.value.status == 502
    seerr.restart()


async def test_a_user_who_was_deleted_there_is_told_so_in_words(ctx, seerr):
    mia = linked(ctx, "mia", 1002)
    await user_of(ctx, mia)
    seerr.remove_user("mia")
    assert await refusal(ask(ctx, mia)) == "overseerr_not_matched"
    assert await hows(ctx) == {}


async def test_many_users_are_read_page_by_page(ctx, seerr):
    for number in range(120):
        seerr.add_user(f"guest{number}", plex_id=5000 + number)
    await accounts.refresh(ctx)
    assert len(await accounts.accounts(ctx)) == 123
    assert (await user_of(ctx, linked(ctx, "last", 5119))).name == "guest119"
    seerr.remove_user("guest119")
    await accounts.refresh(ctx)
    assert len(await accounts.accounts(ctx)) == 122


async def test_whose_a_user_is_is_known_before_they_ever_asked_here(ctx):
    await accounts.refresh(ctx)
    mia = linked(ctx, "mia", 1002)
    assert await person_of(ctx, 2) == mia.id
    assert await person_of(ctx, 3) is None
    assert await person_of(ctx, None) is None
    ctx.people.withdraw(mia.id, "plex")
    assert await person_of(ctx, 2) is None


async def test_an_admin_sees_who_wanted_something_and_is_nobody(ctx):
    ada = manager(ctx)
    await user_of(ctx, linked(ctx, "mia", 1002))
    tom, eve = mailed(ctx, "impostor", "mia@home.example"), mailed(ctx, "eve", "eve@else.example")
    assert await refusal(user_of(ctx, tom)) == "overseerr_match_conflict"
    assert (await search(ctx, eve)).you == "overseerr_not_matched"
    assert {one.username for one in (await people(ctx, ada)).unmatched} == {"impostor"}  # looking is no wish
    assert await refusal(ask(ctx, eve)) == "overseerr_not_matched"
    found = await people(ctx, ada)
    assert [(one.username, one.user.name, one.how) for one in found.matched] == [("mia", "mia", "plex")]
    assert {(one.username, one.reason, one.user and one.user.name) for one in found.unmatched} == {
        ("impostor", "overseerr_match_conflict", "mia"),
        ("eve", "overseerr_not_matched", None),
    }
    assert {one.name for one in found.users} == {"owner", "tom"}
    after = await match(ctx, ada, eve.id, 3)
    assert {one.username for one in after.unmatched} == {"impostor"}


async def test_nothing_is_kept_of_somebody_who_was_removed(ctx):
    from medianest_hub.plugin_api import PersonRemoved

    mia, eve = linked(ctx, "mia", 1002), mailed(ctx, "eve", "eve@else.example")
    await user_of(ctx, mia)
    assert await refusal(user_of(ctx, eve)) == "overseerr_not_matched"
    for one in (mia, eve, mia):
        await forget_person(ctx, make_event(PersonRemoved(username=one.username), person=one.id))
    for table in ("match", "unmatched"):
        assert await ctx.db.fetchval(f"SELECT count(*) FROM plugin_overseerr.{table}") == 0


async def test_a_list_of_users_that_lies_about_its_length_forgets_nobody(ctx, seerr):
    await accounts.refresh(ctx)
    seerr.faults.set("users", "empty_page")
    assert await refusal(accounts.refresh(ctx)) == "upstream_error"
    assert len(await accounts.accounts(ctx)) == 3


def test_rights_are_read_from_the_number() -> None:
    assert matching.has(Permission.ADMIN, matching.Right.MANAGE_REQUESTS)
    assert not matching.has(Permission.REQUEST, matching.Right.MANAGE_REQUESTS)


def anew(ctx) -> set:
    """For whom pages, tiles and searches were made anew since this was last called; nobody's search is kept meanwhile."""
    seen = {person for tile, person in ctx.realtime.changed if tile == "my_requests"}
    assert seen == {person for tile, person in ctx.realtime.changed if tile == "counts"}
    assert bool(seen) == ("requests" in ctx.cache.bumped)
    ctx.realtime.changed.clear()
    ctx.cache.bumped.clear()
    return seen


async def test_whoever_is_somebody_else_than_before_sees_everything_anew(ctx, seerr):
    seerr.change_user("mia", email="mia@home.example")
    first, mia, ada = mailed(ctx, "first", "mia@home.example"), linked(ctx, "mia", 1002), manager(ctx)
    await user_of(ctx, first)
    assert anew(ctx) == {first.id}
    await user_of(ctx, first)
    assert anew(ctx) == set()  # nothing is different
    await user_of(ctx, mia)
    assert anew(ctx) == {first.id, mia.id}
    for _ in range(2):
        assert await refusal(user_of(ctx, first)) == "overseerr_match_conflict"
        assert anew(ctx) == set()
    await unmatch(ctx, ada, mia.id)
    assert anew(ctx) == {mia.id}
    await match(ctx, ada, first.id, 2)
    assert anew(ctx) == {first.id}
    await unmatch(ctx, ada, first.id)
    await user_of(ctx, mia)
    anew(ctx)
    ctx.people.withdraw(mia.id, "plex")
    for expected in ({mia.id}, set()):
        assert await refusal(user_of(ctx, mia)) == "overseerr_not_matched"
        assert anew(ctx) == expected
    ctx.people.link(mia.id, LinkedIdentity(provider="plex", subject="1002", username="mia"))
    assert await person_of(ctx, 2) == mia.id
    assert anew(ctx) == {mia.id}
    seerr.remove_user("mia")
    assert await refusal(ask(ctx, mia)) == "overseerr_not_matched"
    assert anew(ctx) == {mia.id}


async def test_users_who_are_admins_there_are_given_away_by_admins_of_the_hub_alone(ctx):
    helper = linked(ctx, "helper", 1777, "overseerr.manage")
    for who in (helper.id, mailed(ctx, "eve", "eve@else.example").id):
        assert await refusal(match(ctx, helper, who, 1)) == "overseerr_user_is_admin"
    assert await hows(ctx) == {}
    ada = ctx.people.add(make_person("boss", Role.ADMIN, ADMIN, "overseerr.manage"))
    await match(ctx, ada, ada.id, 1)
    assert await hows(ctx) == {1: "admin"}


async def test_what_an_admin_said_stays_while_a_user_is_missing_for_a_while(ctx, seerr):
    ada, mia = manager(ctx), linked(ctx, "mia", 1002)
    await match(ctx, ada, mia.id, 3)
    await ctx.db.execute("DELETE FROM plugin_overseerr.account WHERE user_id = 3")
    seerr.change_user("mia", email="mia@home.example")
    assert await refusal(user_of(ctx, mia)) == "overseerr_not_matched"
    assert await hows(ctx) == {3: "admin"}
    ctx.clock.advance(accounts.AGAIN_SECONDS + 1)
    assert (await user_of(ctx, mia)).user_id == 3
    assert (await people(ctx, ada)).unmatched == []


async def test_a_plex_account_no_database_holds_is_none(ctx, seerr):
    seerr.add_user("odd", plex_id=10**30, email="odd@home.example")
    await accounts.refresh(ctx)
    assert {one.name: one.plex_id for one in await accounts.accounts(ctx)}["odd"] is None
