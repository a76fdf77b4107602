"""Looking beneath the webhook: everything that changes is found, asking little, and the past is no news."""

from __future__ import annotations

import asyncio

import pytest

from medianest_overseerr import health
from medianest_overseerr.requests import looking, polling
from medianest_overseerr.states import RequestState as S
from tests.simulators.overseerr.server import OVERSEERR, SEERR, MediaStatus, OverseerrSimulator, RequestStatus

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked
from .hearing import changes, poll, told


@pytest.fixture
async def ctx(make, sim):
    return await make(sim)


@pytest.fixture(params=["whole", "short"])
def way(request, monkeypatch):
    """Each look reads all, or only what changed last and what is still to come."""
    if request.param == "short":
        monkeypatch.setattr(polling, "FEW", 0)
        monkeypatch.setattr(polling, "_PAGE", 2)
    return request.param


async def test_the_first_look_tells_nothing_of_the_past(ctx, sim):
    linked(ctx, "mia", 1002)
    sim.arrive(sim.approve(sim.request("mia", ("movie", FILM))))
    sim.request("mia", ("movie", OTHER_FILM))
    result = await poll(ctx)
    assert (result.changed, result.trouble) == (2, "")
    assert (changes(ctx), told(ctx), ctx.realtime.sent) == ([], [], [])
    assert ("waiting", None) in ctx.realtime.changed
    await poll(ctx)
    assert (changes(ctx), told(ctx)) == ([], [])


async def test_every_change_is_found_without_the_webhook(ctx, sim, way):
    mia = linked(ctx, "mia", 1002).id
    for number in (910003, 910005, 910006):
        sim.request("tom", ("movie", number))
    await poll(ctx)
    film = sim.request("mia", ("movie", FILM))
    other = sim.request("mia", ("movie", OTHER_FILM))
    await poll(ctx)
    sim.approve(film)
    sim.decline(other)
    await poll(ctx)
    sim.arrive(film)
    await poll(ctx)
    series = sim.approve(sim.request("mia", ("tv", SERIES), seasons=[1, 2]))
    await poll(ctx)
    sim.arrive(series, seasons=[1])
    await poll(ctx)
    sim.arrive(series, seasons=[1, 2])
    await poll(ctx)
    there = S.COMPLETED if sim.world.seerr else S.AVAILABLE
    own = [(was, state) for was, state, whose in changes(ctx) if whose == mia]
    assert sorted(own, key=str) == sorted(
        [
            *((None, S.PENDING), (None, S.PENDING), (S.PENDING, S.PROCESSING), (S.PENDING, S.DECLINED)),
            *((S.PROCESSING, there), (None, S.PROCESSING), (S.PROCESSING, S.PARTLY_AVAILABLE)),
            (S.PARTLY_AVAILABLE, there),
        ],
        key=str,
    )
    kinds = [kind for kind, whose in told(ctx) if whose == mia]
    assert kinds.count("request_available") == 2
    assert kinds.count("request_approved") == 2
    assert kinds.count("request_declined") == 1


async def test_what_was_deleted_there_is_noticed(ctx, sim, way):
    mia = linked(ctx, "mia", 1002)
    pending, film = sim.request("mia", ("movie", FILM)), sim.request("mia", ("movie", OTHER_FILM))
    sim.arrive(sim.approve(film))
    await poll(ctx)
    sim.remove(pending)
    await poll(ctx)
    assert changes(ctx) == [(S.PENDING, None, mia.id)]
    sim.remove(film)
    ctx.clock.advance(polling.WHOLE_EVERY.total_seconds() + 1)
    await poll(ctx)
    assert [state for _, state, _ in changes(ctx)] == [None, None]
    assert (await calling.mine(ctx, mia)).items == []
    assert told(ctx) == []


async def test_a_short_look_asks_little_however_many_there_are(ctx, sim, monkeypatch):
    monkeypatch.setattr(polling, "FEW", 0)
    sim.fill(movies=130)
    for number in range(120):
        sim.arrive(sim.approve(sim.request(1, ("movie", 2_000_000 + number))))
    await poll(ctx)
    asked = len(sim.asked_of("requests")) + len(sim.asked_of("request"))
    assert asked == 2
    await poll(ctx)
    assert len(sim.asked_of("requests")) + len(sim.asked_of("request")) - asked == 2
    assert {one.query["sort"] for one in sim.asked_of("requests")[-2:]} == {"modified", "added"}
    sim.approve(sim.request(1, ("movie", 2_000_125)))
    assert (await poll(ctx)).changed == 1


async def test_a_library_that_loses_something_is_noticed(ctx, seerr, make, way):
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002).id
    film = seerr.approve(seerr.request("mia", ("movie", FILM)))
    seerr.arrive(film)
    await poll(ctx)
    seerr.put_status(film, MediaStatus.DELETED)
    ctx.clock.advance(polling.WHOLE_EVERY.total_seconds() + 1)
    await poll(ctx)
    assert changes(ctx) == [(S.COMPLETED, S.DELETED, mia)]


async def test_it_looks_when_it_is_time_to(make, seerr):
    ctx = await make(seerr, poll_seconds=120)
    await poll(ctx, now=False)
    before = len(seerr.asked)
    ctx.clock.advance(60)
    await poll(ctx, now=False)
    assert len(seerr.asked) == before
    ctx.clock.advance(60)
    await poll(ctx, now=False)
    assert len(seerr.asked) > before


async def test_two_who_look_at_once_tell_once(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    await poll(ctx)
    sim.approve(sim.request("mia", ("movie", FILM)))
    await asyncio.gather(*(poll(ctx) for _ in range(4)))
    assert changes(ctx) == [(None, S.PROCESSING, mia)]
    assert told(ctx) == [("requested", mia), ("request_approved", mia)]


@pytest.mark.parametrize(
    "fault", ["reset", "html", "401", "json_403", "half_json", "other_shape", "empty_page", "500", "nothing", "cut"]
)
async def test_a_look_that_fails_is_noted_once_and_nothing_is_taken_for_gone(make, seerr, fault, monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002)
    seerr.request("mia", ("movie", FILM))
    await poll(ctx)
    for route in ("requests", "request"):
        seerr.faults.set(route, {"401": "json_401"}.get(fault, fault))
    for few in (polling.FEW, 0):  # first all is to be read, then what changed last
        monkeypatch.setattr(polling, "FEW", few)
        assert (await poll(ctx)).trouble.endswith(".")
    assert len([line for line in ctx.log.lines if line.event == "overseerr_down"]) == 1
    assert (await health.requests(ctx)).detail == (await looking.source(ctx)).trouble != ""
    assert [one.id for one in (await calling.mine(ctx, mia)).items] == [1]
    assert changes(ctx) == []


async def test_what_happened_while_it_was_away_is_told_afterwards(make, seerr):
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002).id
    film = seerr.request("mia", ("movie", FILM))
    await poll(ctx)
    seerr.stop()
    assert (await poll(ctx)).trouble
    seerr.restart()
    seerr.arrive(seerr.approve(film))
    ctx.clock.advance(3600)
    await asyncio.sleep(0)
    result = await poll(ctx)
    assert (result.trouble, told(ctx)) == ("", [("request_available", mia)])
    assert len([line for line in ctx.log.lines if line.event == "overseerr_up"]) == 1


async def test_issues_that_cannot_be_read_keep_requests_from_nothing(make, seerr):
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002).id
    await poll(ctx)
    seerr.faults.set("issues", "html")
    seerr.faults.set("users", "html")
    seerr.approve(seerr.request("mia", ("movie", FILM)))
    result = await poll(ctx)
    assert result.changed == 1
    assert result.trouble
    assert ("request_approved", mia) in told(ctx)
    assert [line for line in ctx.log.lines if line.event == "overseerr_down"] == []


async def test_a_service_that_became_the_other_one_arrives_nothing_anew(make):
    with OverseerrSimulator(OVERSEERR).running() as simulator:
        simulator.add_user("mia", plex_id=1002)
        ctx = await make(simulator)
        linked(ctx, "mia", 1002)
        film = simulator.approve(simulator.request("mia", ("movie", FILM)))
        await poll(ctx)
        simulator.arrive(film)
        await poll(ctx)
        before = told(ctx)
        simulator.restart(SEERR)
        film.status = RequestStatus.COMPLETED
        simulator.world.touch(film)
        ctx.clock.advance(3600)
        await poll(ctx)
        assert told(ctx) == before
        assert [state for _, state, _ in changes(ctx)] == [S.AVAILABLE, S.COMPLETED]
