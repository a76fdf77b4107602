"""What is kept: an older answer never undoes a newer one, each change is told of once, and lists that lie remove nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.catalogue import titles
from medianest_overseerr.client import answers
from medianest_overseerr.connection import service
from medianest_overseerr.events import RequestChanged
from medianest_overseerr.requests import looking, rows

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked

EARLY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def ctx(make, seerr):
    return await make(seerr)


def told(ctx) -> list[tuple[int, str | None, str | None]]:
    return [
        (one.request_id, one.was and str(one.was), one.state and str(one.state))
        for one, _ in ctx.events.emitted
        if isinstance(one, RequestChanged)
    ]


async def write(ctx, found, asked_at) -> list[rows.Change]:
    async with ctx.db.transaction() as tx:
        return await rows.write(tx, ctx.instance, found, asked_at, asked_at)


async def test_an_older_answer_that_comes_in_later_changes_nothing(ctx, seerr):
    made = seerr.request("mia", ("movie", FILM))
    old = await service(ctx).request(made.id)
    seerr.approve(made)
    new = await service(ctx).request(made.id)
    assert [one.after.state for one in await write(ctx, [new], EARLY + timedelta(seconds=1))] == ["processing"]
    assert await write(ctx, [old], EARLY) == []
    kept = await rows.row(ctx.db, ctx.instance, made.id)
    assert kept.state == "processing"
    async with ctx.db.transaction() as tx:
        assert await rows.remove(tx, ctx.instance, [made.id], EARLY) == []


async def test_a_change_is_seen_once_however_many_look(ctx, seerr):
    await looking.sweep(ctx)
    made = seerr.request("mia", ("movie", FILM))
    await asyncio.gather(*(looking.look(ctx, made.id) for _ in range(3)))
    seerr.approve(made)
    await asyncio.gather(looking.sweep(ctx), looking.look(ctx, made.id))
    assert told(ctx) == [(1, None, "pending"), (1, "pending", "processing")]


async def test_it_is_told_to_whose_request_it_is(ctx, seerr):
    await looking.sweep(ctx)
    mia = linked(ctx, "mia", 1002)
    await calling.quota(ctx, mia)
    await looking.look(ctx, seerr.request("mia", ("movie", FILM)).id)
    await looking.look(ctx, seerr.request("tom", ("movie", OTHER_FILM)).id)
    events = [(data, person) for data, person in ctx.events.emitted if isinstance(data, RequestChanged)]
    assert [(data.tmdb_id, data.title, person) for data, person in events] == [
        (FILM, "The Salt Cartographer", mia.id),
        (OTHER_FILM, "Nine Lanterns", None),
    ]


async def test_what_is_gone_there_goes_here(ctx, seerr):
    made = seerr.request("mia", ("movie", FILM))
    kept = seerr.request("mia", ("movie", OTHER_FILM))
    await looking.sweep(ctx)
    seerr.remove(made)
    await looking.sweep(ctx)
    assert set(await rows.rows(ctx.db, ctx.instance, [made.id, kept.id])) == {kept.id}
    assert told(ctx) == [(made.id, "pending", None)]


@pytest.mark.parametrize("fault", ["empty_page", "other_shape", "half_json", "503"])
async def test_a_list_that_lies_removes_nothing(ctx, seerr, fault):
    seerr.request("mia", ("movie", FILM))
    await looking.sweep(ctx)
    seerr.faults.set("requests", fault)
    with pytest.raises(HubError):
        await looking.sweep(ctx)
    assert await rows.row(ctx.db, ctx.instance, 1) is not None


async def test_what_a_list_leaves_out_is_asked_for_before_it_counts_as_gone(ctx, seerr, monkeypatch):
    made = seerr.request("mia", ("movie", FILM))
    await looking.sweep(ctx)
    short = answers.Requests.model_validate({"pageInfo": {"results": 0}, "results": []})

    async def nothing(*_: object, **__: object) -> answers.Requests:
        return short

    monkeypatch.setattr("medianest_overseerr.client.Overseerr.requests", nothing)
    await looking.sweep(ctx)
    assert await rows.row(ctx.db, ctx.instance, made.id) is not None


async def test_seasons_are_kept_with_the_request(ctx, seerr):
    seerr.request("mia", ("tv", SERIES), seasons=(2, 1))
    await looking.sweep(ctx)
    kept = await rows.row(ctx.db, ctx.instance, 1)
    assert (kept.kind, kept.seasons, kept.user_id) == ("tv", [1, 2], 2)


async def test_titles_are_asked_for_a_few_at_once_and_kept_a_month(ctx, seerr):
    keys = [("movie", 910001 + number) for number in range(20)]
    assert len(await titles.titles(ctx, keys)) == 20
    assert len(await titles.titles(ctx, keys, wait=0)) == 20
    assert len(seerr.asked_of("movie")) == 20
    ctx.clock.advance(31 * 86400)
    seerr.faults.set("movie", "503")
    before = len(seerr.asked)
    assert len(await titles.titles(ctx, keys)) == 20  # old, and better than none
    assert len(seerr.asked) == before  # nobody waits for what is known


async def test_the_worker_asks_anew_for_old_titles_of_what_was_asked_for(ctx, seerr):
    seerr.request("mia", ("movie", FILM))
    await looking.sweep(ctx)
    await titles.titles(ctx, [("movie", FILM), ("movie", OTHER_FILM)])
    for days, asked in ((1, 0), (31, 1), (1, 0)):
        ctx.clock.advance(days * 86400)
        before = len(seerr.asked_of("movie"))
        await titles.renew(ctx)
        assert len(seerr.asked_of("movie")) - before == asked
    ctx.clock.advance(31 * 86400)
    seerr.faults.set("movie", "503")
    await titles.renew(ctx)
    assert (await titles.titles(ctx, [("movie", FILM)], wait=0))["movie", FILM].title == "The Salt Cartographer"


async def test_a_number_tmdb_does_not_know_is_not_asked_for_again_and_again(ctx, seerr):
    for _ in range(3):
        assert await titles.titles(ctx, [("movie", 999_999)]) == {}
    assert len(seerr.asked_of("movie")) == 1
    ctx.clock.advance(7 * 3600)
    await titles.titles(ctx, [("movie", 999_999)])
    assert len(seerr.asked_of("movie")) == 2


async def test_what_a_search_shows_is_kept_for_lists(ctx, seerr):
    mia = linked(ctx, "mia", 1002)
    await calling.search(ctx, mia, "salt")
    seerr.request("mia", ("movie", FILM))
    assert [one.title for one in (await calling.mine(ctx, mia)).items] == ["The Salt Cartographer"]
    assert seerr.asked_of("movie") == []


async def test_a_title_that_hangs_keeps_nobody_waiting_for_long(ctx, seerr):
    seerr.faults.set("movie", "hang")
    async with asyncio.timeout(30):
        assert await titles.titles(ctx, [("movie", FILM)], wait=0.2) == {}


async def test_hostile_text_is_made_fit_on_the_way_in(ctx, seerr):
    seerr.add_film(920001, "A\u202eB\x07" + "x" * 2000, overview="o\x00o" * 3000)
    detail = await calling.movie(ctx, linked(ctx, "mia", 1002), 920001)
    assert detail.title == "AB" + "x" * 298
    assert len(detail.summary) <= 4000
    assert "\x00" not in detail.summary
