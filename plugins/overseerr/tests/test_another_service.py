"""Another Overseerr at the same address, or the same one at another: numbers of one must never be taken for the other's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medianest_hub.plugin_api.errors import HubError, UpstreamError
from medianest_overseerr.people.matching import user_of
from medianest_overseerr.requests import looking
from medianest_overseerr.settings import OverseerrSettings
from tests.simulators.overseerr.server import OverseerrSimulator

from . import calling
from .conftest import FILM, OTHER_FILM, mailed, manager


def pointed(ctx, sim, **fields):
    """The context of the next generation, with the settings changed."""
    settings = OverseerrSettings(url=sim.url, api_key=sim.api_key, posters_url=sim.url, **fields)
    return replace(ctx, settings=settings, generation=ctx.generation + 1, state={})


@pytest.fixture
async def settled(make, seerr):
    """Ada matched Eve with Tom's user by hand; Mia and Tom have a request each."""
    ctx = await make(seerr)
    eve = mailed(ctx, "eve", "eve@else.example")
    await calling.match(ctx, manager(ctx), eve.id, 3)
    seerr.request("mia", ("movie", FILM))
    seerr.request("tom", ("movie", OTHER_FILM))
    assert [one.tmdb_id for one in (await calling.mine(ctx, eve)).items] == [OTHER_FILM]
    return ctx, eve


async def test_what_an_admin_said_of_one_does_not_hold_for_another(settled, seerr):
    ctx, eve = settled
    with OverseerrSimulator().running() as other:
        other.add_user("somebody", plex_id=4002)
        other.add_user("else", plex_id=4003)
        other.request("else", ("movie", 910005))
        moved = pointed(ctx, other)
        with pytest.raises(HubError) as caught:
            await calling.ask(moved, eve)
        assert caught.value.error_code == "overseerr_not_matched"
        assert other.asked_of("ask") == []
        page = await calling.everybodys(moved, manager(moved))
        assert [(one.tmdb_id, one.by and one.by.name) for one in page.items] == [(910005, "else")]
        events = len(ctx.events.emitted)
        await looking.sweep(moved)
        assert len(ctx.events.emitted) == events  # what was there is no news
    assert [line.event for line in ctx.log.lines].count("overseerr_is_another_one") == 1


async def test_the_same_one_at_another_address_is_the_same(settled, seerr):
    ctx, eve = settled
    moved = pointed(ctx, seerr, public_url="https://asks.home.example")
    moved = replace(
        moved, settings=moved.settings.model_copy(update={"url": seerr.url.replace("127.0.0.1", "localhost")})
    )
    assert (await user_of(moved, eve)).user_id == 3
    assert [one.tmdb_id for one in (await calling.mine(moved, eve)).items] == [OTHER_FILM]


async def test_one_that_was_set_up_anew_at_its_address_is_noticed(settled, seerr):
    ctx, eve = settled
    seerr.world.push_key = "B-made-anew"
    ctx.clock.advance(3600)
    await calling.movie(ctx, eve)  # it is asked what it is each few minutes
    with pytest.raises(HubError) as caught:
        await calling.ask(ctx, eve)
    assert caught.value.error_code == "overseerr_not_matched"


async def test_while_a_new_address_does_not_answer_nothing_of_the_old_one_is_shown(settled, seerr):
    ctx, eve = settled
    moved = pointed(ctx, seerr)
    moved = replace(moved, settings=moved.settings.model_copy(update={"url": "http://127.0.0.1:9"}))
    for call in (calling.mine(moved, eve), calling.all_counts(moved, manager(moved)), calling.ask(moved, eve)):
        with pytest.raises(HubError) as caught:
            await call
        assert caught.value.status in (502, 503)
    assert (await user_of(ctx, eve)).user_id == 3  # nothing was forgotten meanwhile


async def matches(ctx):
    return await ctx.db.fetchval("SELECT count(*) FROM plugin_overseerr.match")


async def test_for_once_not_to_say_which_one_it_is_forgets_nothing(settled, seerr):
    ctx, eve = settled
    key = seerr.world.push_key
    for told in ("", key, "", key):
        seerr.world.push_key = told
        ctx.clock.advance(3600)
        await calling.movie(ctx, eve)
        moved = pointed(ctx, seerr)
        assert (await user_of(moved, eve)).user_id == 3
    seerr.world.push_key = ""
    elsewhere = pointed(ctx, seerr)
    url = seerr.url.replace("127.0.0.1", "localhost")
    elsewhere = replace(elsewhere, settings=elsewhere.settings.model_copy(update={"url": url}))
    with pytest.raises(UpstreamError, match="does not say whether it is the one from before"):
        await user_of(elsewhere, eve)
    assert await matches(ctx) == 1
    seerr.world.push_key = key
    assert (await user_of(elsewhere, eve)).user_id == 3


async def test_one_known_by_its_address_alone_is_another_at_another(make, seerr):
    seerr.world.push_key = ""
    ctx = await make(seerr)
    eve = mailed(ctx, "eve", "eve@else.example")
    await calling.match(ctx, manager(ctx), eve.id, 3)
    seerr.world.push_key = "B-since-an-update"
    ctx.clock.advance(3600)
    await calling.movie(ctx, eve)
    assert await matches(ctx) == 1
    kept = await ctx.db.fetchval("SELECT fingerprint FROM plugin_overseerr.source")
    assert kept.startswith("key:")
    await ctx.db.execute("UPDATE plugin_overseerr.source SET url = 'http://old.home.example', fingerprint = 'url:0'")
    with pytest.raises(HubError):
        await user_of(pointed(ctx, seerr), eve)
    assert await matches(ctx) == 0
    assert ("my_requests", None) in ctx.realtime.changed
    assert "requests" in ctx.cache.bumped
