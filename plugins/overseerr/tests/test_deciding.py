"""Lists, filters, counts, taking back and deciding: who may do what, in whose name, and what the other side then has."""

from __future__ import annotations

import asyncio
import base64

import pytest

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import BadInput, HubError
from medianest_hub.testing import make_call
from medianest_overseerr import routes
from medianest_overseerr.requests.asking import NOBODY
from tests.simulators.overseerr.server import MediaStatus, Permission, RequestStatus

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked, mailed, manager


@pytest.fixture
async def ctx(make, sim):
    return await make(sim)


async def refusal(call) -> HubError:
    with pytest.raises(HubError) as caught:
        await call
    return caught.value


async def states(ctx, person, **query) -> dict[int, str]:
    ctx.clock.advance(3600)
    return {one.id: str(one.state) for one in (await calling.everybodys(ctx, person, **query)).items}


async def test_every_state_has_its_word_in_both_dialects(ctx, sim):
    ada = manager(ctx)
    films = [sim.request("mia", ("movie", 910001 + number)) for number in range(7)]
    sim.approve(films[1])
    sim.decline(films[2])
    sim.fail(sim.approve(films[3]))
    sim.arrive(sim.approve(films[4]))
    sim.arrive(sim.approve(films[5]))
    sim.approve(films[6])
    sim.put_status(films[6], MediaStatus.UNKNOWN)
    part = sim.approve(sim.request("mia", ("tv", SERIES), seasons=(1, 2)))
    sim.arrive(part, seasons=(1,))
    known = {1: "pending", 2: "processing", 3: "declined", 4: "failed", 7: "approved", 8: "partly_available"}
    there = "completed" if sim.world.seerr else "available"
    assert await states(ctx, ada) == {**known, 5: there, 6: there}
    if sim.world.seerr:
        sim.put_status(films[4], MediaStatus.DELETED)
        sim.put_status(films[0], MediaStatus.BLOCKLISTED)
        assert await states(ctx, ada) == {**known, 1: "blocklisted", 5: "deleted", 6: "completed"}
    assert set(await states(ctx, ada, state=["pending", "failed", "blocklisted"])) == {1, 4}


async def test_some_of_a_series_being_there_says_nothing_of_the_seasons_asked_for(ctx, sim):
    ada = manager(ctx)
    sim.arrive(("tv", SERIES), seasons=(1,))
    sim.approve(sim.request("mia", ("tv", SERIES), seasons=(2,)))
    assert await states(ctx, ada) in ({1: "processing"}, {1: "approved"})
    sim.arrive(("tv", SERIES), seasons=(2,))
    assert await states(ctx, ada) == {1: "completed" if sim.world.seerr else "available"}


async def test_pages_join_without_a_gap(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    sim.fill(movies=130)
    for number in range(130):
        sim.request("mia", ("movie", 2_000_000 + number))
    seen, cursor = [], None
    while True:
        page = await calling.mine(ctx, mia, limit=50, cursor=cursor)
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(range(130, 0, -1))
    assert len(sim.asked_of("requests")) == 2


async def test_a_cursor_of_something_else_is_refused(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    found = await calling.trending(ctx, mia)
    for cursor in ("x", "!!", found.next_cursor or "eyJsaXN0IjoidHJlbmRpbmciLCJwYWdlIjoyfQ"):
        with pytest.raises(BadInput):
            await calling.mine(ctx, mia, cursor=cursor)


@pytest.mark.parametrize(
    "place",
    [
        '"at": "2026-11-29T12:00:00Z", "id": 2147483648',
        '"at": "2026-11-29T12:00:00Z", "id": 0',
        '"at": "2026-11-29T12:00:00", "id": 1',
        '"at": "0001-01-01T00:00:00+14:00", "id": 1',
        '"at": "9999-12-31T23:59:59-14:00", "id": 1',
        '"at": 1e18, "id": 1',
    ],
)
async def test_a_cursor_somebody_made_up_is_refused_in_words(make, seerr, place):
    ctx = await make(seerr)
    cursor = base64.urlsafe_b64encode(f'{{"list": "requests", {place}}}'.encode()).decode().rstrip("=")
    with pytest.raises(BadInput) as caught:
        await calling.mine(ctx, linked(ctx, "mia", 1002), cursor=cursor)
    assert [one.code for one in caught.value.fields] == ["bad_cursor"]


async def test_titles_of_a_list_are_asked_for_once_and_never_again(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    for number in range(8):
        sim.request("mia", ("movie", 910001 + number))
    for _ in range(3):
        ctx.clock.advance(3600)
        assert all(one.title and one.poster for one in (await calling.mine(ctx, mia)).items)
    assert len(sim.asked_of("movie")) == 8


async def test_titles_that_cannot_be_had_leave_the_list_as_it_is(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    sim.request("mia", ("movie", FILM))
    sim.faults.set("movie", "500")
    assert [(one.id, one.title) for one in (await calling.mine(ctx, mia)).items] == [(1, "")]
    sim.faults.clear()
    assert [(one.id, bool(one.title)) for one in (await calling.mine(ctx, mia)).items] == [(1, True)]


async def test_counts_are_the_persons_own_although_the_service_counts_everybodys(ctx, sim):
    mia, tom = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example")
    sim.request("mia", ("movie", FILM))
    sim.decline(sim.request("mia", ("movie", OTHER_FILM)))
    assert (await calling.my_counts(ctx, mia)).states == {"pending": 1, "declined": 1}
    assert (await calling.my_counts(ctx, tom)).total == 0
    assert (await calling.all_counts(ctx, manager(ctx))).total == 2
    assert sim.asked_of("request_count") == []


async def test_taking_back(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    first, second = await calling.ask(ctx, mia), await calling.ask(ctx, mia, OTHER_FILM)
    await calling.cancel(ctx, mia, first.id)
    assert set(sim.world.requests) == {second.id}
    assert sim.asked_of("delete_request")[0].user == "2"
    assert [one.id for one in (await calling.mine(ctx, mia)).items] == [second.id]
    sim.approve(second.id)
    error = await refusal(calling.cancel(ctx, mia, second.id))
    assert (error.error_code, error.status) == ("overseerr_already_decided", 409)
    assert second.id in sim.world.requests


@pytest.mark.parametrize(("rights", "whose", "user"), [(32, "mia", "2"), (32, "tom", ""), (32 + 16, "tom", "2")])
async def test_who_manages_removes_in_their_own_name_where_they_may_and_whose_it_was_is_told(
    make, seerr, rights, whose, user
):
    ctx = await make(seerr)
    seerr.change_user("mia", permissions=rights)
    mia = linked(ctx, "mia", 1002, "overseerr.request", "overseerr.manage")
    tom = mailed(ctx, "tom", "tom@home.example")
    await calling.quota(ctx, tom)
    made = seerr.request(whose, ("movie", FILM))
    await calling.cancel(ctx, mia, made.id)
    assert seerr.asked_of("delete_request")[0].user == user
    assert made.id not in seerr.world.requests
    (line,) = [one for one in ctx.log.lines if one.event == "overseerr_request_removed"]
    assert (line.fields["person"], line.fields["as_self"]) == (str(mia.id), bool(user))
    removed = [one for one in ctx.notify.told if one.kind == "overseerr.request_removed"]
    assert [one.person for one in removed] == ([] if whose == "mia" else [tom.id])


async def test_nobody_takes_back_or_owns_what_is_anothers(ctx, sim):
    mia, tom, ada = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example"), manager(ctx)
    made = await calling.ask(ctx, mia)
    call = make_call(person=tom, path=routes.NumberPath(id=made.id))
    assert await routes.owner_of_request(ctx, call) == mia.id
    assert (await refusal(calling.cancel(ctx, tom, made.id))).status == 404
    assert made.id in sim.world.requests
    assert await routes.owner_of_request(ctx, make_call(person=ada, path=routes.NumberPath(id=made.id))) == ada.id
    assert await routes.owner_of_request(ctx, make_call(person=tom, path=routes.NumberPath(id=99))) is None
    of_toms = sim.request("tom", ("movie", 910003))
    call = make_call(person=tom, path=routes.NumberPath(id=of_toms.id))
    assert await routes.owner_of_request(ctx, call) == tom.id  # found by address, before ever asking for anything
    assert (await calling.one(ctx, tom, of_toms.id)).mine
    of_owner = sim.request(1, ("movie", OTHER_FILM))
    path = routes.NumberPath(id=of_owner.id)
    assert await routes.owner_of_request(ctx, make_call(person=tom, path=path)) == NOBODY
    await calling.cancel(ctx, ada, made.id)
    assert made.id not in sim.world.requests


async def test_approving_declining_with_a_reason_and_trying_again(ctx, sim):
    mia, ada = linked(ctx, "mia", 1002), manager(ctx)
    first, second = await calling.ask(ctx, mia), await calling.ask(ctx, mia, OTHER_FILM)
    assert (await calling.approve(ctx, ada, first.id)).state in ("approved", "processing")
    said = await calling.decline(ctx, ada, second.id, "We have it on disc.")
    assert (said.state, said.reason) == ("declined", "We have it on disc.")
    assert said.by is not None
    assert said.by.name == "mia"
    assert sim.world.requests[second.id].status is RequestStatus.DECLINED
    mine = {one.id: one for one in (await calling.mine(ctx, mia)).items}
    assert mine[second.id].reason == "We have it on disc."
    assert mine[second.id].by is None
    ctx.clock.advance(3600)
    assert {one.id: one.reason for one in (await calling.mine(ctx, mia)).items} == {
        first.id: "",
        second.id: "We have it on disc.",
    }
    assert (await calling.approve(ctx, ada, second.id)).reason == ""
    sim.fail(first.id)
    assert (await calling.retry(ctx, ada, first.id)).state in ("approved", "processing")


async def test_what_is_decided_is_decided_once(ctx, sim):
    ada = manager(ctx)
    made = sim.approve(sim.request("mia", ("movie", FILM)))
    for call in (calling.approve(ctx, ada, made.id), calling.decline(ctx, ada, made.id)):
        error = await refusal(call)
        assert (error.error_code, error.status) == ("overseerr_already_decided", 409)
    assert (await refusal(calling.retry(ctx, ada, made.id))).error_code == "overseerr_already_decided"
    assert (await refusal(calling.approve(ctx, ada, 99))).error_code == "overseerr_request_not_found"
    assert sim.asked_of("decide") == []


async def test_of_many_who_decide_at_once_one_does(make, seerr):
    ctx = await make(seerr)
    ada, bob = manager(ctx), manager(ctx, "bob")
    made = seerr.request("mia", ("movie", FILM))
    calls = [calling.approve(ctx, ada, made.id) for _ in range(4)] + [calling.decline(ctx, bob, made.id)]
    found = await asyncio.gather(*calls, calling.cancel(ctx, bob, made.id), return_exceptions=True)
    losers = [one for one in found if isinstance(one, HubError)]
    assert {one.error_code for one in losers} <= {"overseerr_being_decided", "overseerr_already_decided"}
    assert len(losers) == 5
    assert len(seerr.asked_of("decide") + seerr.asked_of("delete_request")) == 1


async def test_who_died_while_deciding_keeps_nobody_from_it_for_long(make, seerr):
    ctx = await make(seerr)
    ada = manager(ctx)
    made = seerr.request("mia", ("movie", FILM))
    await calling.everybodys(ctx, ada)
    claim = "UPDATE plugin_overseerr.request SET deciding_until = now() + $1 * interval '1 second'"
    await ctx.db.execute(claim, 60)
    assert (await refusal(calling.approve(ctx, ada, made.id))).error_code == "overseerr_being_decided"
    await ctx.db.execute(claim, -1)
    await calling.approve(ctx, ada, made.id)
    assert await ctx.db.fetchval("SELECT deciding_until FROM plugin_overseerr.request") is None


@pytest.mark.parametrize(("permissions", "name"), [(Permission.REQUEST | Permission.MANAGE_REQUESTS, "2"), (32, "")])
async def test_who_decides_does_so_in_their_own_name_where_they_may(ctx, sim, permissions, name):
    sim.change_user("mia", permissions=int(permissions))
    mia = linked(ctx, "mia", 1002, "overseerr.request", "overseerr.manage")
    made = sim.request("tom", ("movie", FILM))
    await calling.approve(ctx, mia, made.id)
    assert sim.asked_of("decide")[0].user == name
    assert sim.world.requests[made.id].status is RequestStatus.APPROVED


async def test_4k_is_for_those_the_hub_and_overseerr_let(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    assert (await refusal(calling.ask(ctx, mia, is4k=True))).error_code == "overseerr_4k_not_allowed"
    may = Person(mia.id, mia.username, mia.role, mia.permissions | {"overseerr.request_4k"})
    assert (await refusal(calling.ask(ctx, may, is4k=True))).error_code == "overseerr_no_4k"
    sim.world.settings.movie_4k = True
    ctx.clock.advance(3600)
    error = await refusal(calling.ask(ctx, may, is4k=True))
    assert error.error_code == "overseerr_no_right"
    assert "4K movie requests" in error.message
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.REQUEST_4K))
    assert (await calling.ask(ctx, may, is4k=True)).is4k
    assert (await calling.ask(ctx, may)).is4k is False


@pytest.mark.parametrize("wish", [{"seasons": [1]}, {"kind": "tv", "seasons": [1, 1]}, {"kind": "tv", "seasons": [0]}])
async def test_seasons_that_make_no_sense_are_refused_here(ctx, sim, wish):
    mia = linked(ctx, "mia", 1002)
    error = await refusal(calling.ask(ctx, mia, SERIES if "kind" in wish else FILM, **wish))
    assert (error.status, error.fields[0].field) == (400, "body.seasons")
    assert sim.asked_of("ask") == []


async def test_where_parts_are_not_asked_for_a_series_is_asked_for_whole(ctx, sim):
    sim.world.settings.partial_requests = False
    mia = linked(ctx, "mia", 1002)
    assert (await refusal(calling.ask(ctx, mia, SERIES, "tv", seasons=[1]))).status == 400
    assert (await calling.ask(ctx, mia, SERIES, "tv")).seasons == [1, 2, 3, 4]


async def test_what_nobody_knows_is_not_asked_for(ctx):
    error = await refusal(calling.ask(ctx, linked(ctx, "mia", 1002), 999_999))
    assert (error.error_code, error.status) == ("overseerr_no_such_title", 404)


async def test_numbers_that_were_counted_tell_what_became_of_wishes(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    await calling.ask(ctx, mia)
    await refusal(calling.ask(ctx, mia))
    assert ctx.metrics.value("requests", kind="movie", result="made") == 1
    assert ctx.metrics.value("requests", kind="movie", result="overseerr_already_requested") == 1
