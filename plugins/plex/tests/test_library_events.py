"""What came in is told of once, gathered, and never what was there at first or merely moved."""

from __future__ import annotations

import pytest

from medianest_hub.testing import MemoryContext
from medianest_plex.events import Kind
from medianest_plex.library import arrivals
from medianest_plex.library.arrivals import PATIENCE, QUIET
from medianest_plex.settings import PlexSettings
from tests.simulators.plex.server import PlexSimulator

from .syncing import Ctx, announced, later, one, running, well_synced

SECONDS = QUIET.total_seconds() + 1


@pytest.fixture
async def ctx(owned: MemoryContext[PlexSettings], plex: PlexSimulator) -> Ctx:
    """A library that was read once, and an hour later."""
    plex.add_movie("Old")
    plex.add_show("Salt Road", seasons=1, episodes=2)
    plex.add_artist("The Lanterns")
    ctx = running(owned)
    await well_synced(ctx)
    later(ctx, plex, 3600)
    return ctx


async def news(ctx: Ctx) -> list[tuple[Kind, str, int]]:
    return [(one.kind, one.title, one.count) for one in await announced(ctx)]


async def test_what_was_there_at_first_is_no_news(ctx: Ctx, plex: PlexSimulator) -> None:
    later(ctx, plex, SECONDS)
    assert await news(ctx) == []


async def test_a_film_is_told_of_once_it_is_quiet(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.add_movie("Élan", year=2011, ids=("tmdb://12", "imdb://tt12"))
    await well_synced(ctx)
    (look,) = [job for job in ctx.jobs.queued if job.task == "announce"]
    assert look.delay == QUIET.total_seconds()
    assert await news(ctx) == []
    later(ctx, plex, SECONDS)
    assert await news(ctx) == [(Kind.MOVIE, "Élan", 1)]
    (event,) = await announced(ctx)
    assert event.item_id == (await one(ctx, "Élan"))["id"]
    assert (event.section, event.year, event.external_ids) == ("Movies", 2011, {"tmdb": "12", "imdb": "tt12"})


async def test_a_season_is_one_event_however_many_episodes_come_and_however_slowly(
    ctx: Ctx, plex: PlexSimulator
) -> None:
    show = plex.pms.library.get((await one(ctx, "Salt Road"))["rating_key"])
    assert show is not None
    season = plex.add_season(show, episodes=3)
    await well_synced(ctx)
    for _ in range(3):
        later(ctx, plex, SECONDS / 2)
        plex.add_episode(season)
        await well_synced(ctx)
        assert await news(ctx) == []
    later(ctx, plex, SECONDS)
    assert await news(ctx) == [(Kind.SEASON, "Salt Road · Season 2", 6)]
    later(ctx, plex, SECONDS)
    await well_synced(ctx)
    assert len(await news(ctx)) == 1


async def test_an_episode_of_a_known_season_is_told_of_as_its_season(ctx: Ctx, plex: PlexSimulator) -> None:
    season = plex.pms.library.get((await one(ctx, "Season 1"))["rating_key"])
    assert season is not None
    plex.add_episode(season)
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    assert await news(ctx) == [(Kind.SEASON, "Salt Road · Season 1", 1)]


async def test_a_new_show_is_one_event(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.add_show("Quiet Harbour", seasons=3, episodes=4)
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    assert await news(ctx) == [(Kind.SHOW, "Quiet Harbour", 12)]


async def test_an_album_is_one_event_and_a_new_artist_with_albums_another(ctx: Ctx, plex: PlexSimulator) -> None:
    known = plex.pms.library.get((await one(ctx, "The Lanterns"))["rating_key"])
    assert known is not None
    plex.add_album(known, "First Light", tracks=9)
    new = plex.add_artist("Ember")
    plex.add_album(new, "Ash", tracks=3)
    plex.add_album(new, "Coal", tracks=4)
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    assert sorted(await news(ctx)) == [(Kind.ALBUM, "The Lanterns · First Light", 9), (Kind.ARTIST, "Ember", 7)]


async def test_what_keeps_coming_is_told_of_after_a_while_all_the_same(ctx: Ctx, plex: PlexSimulator) -> None:
    season = plex.add_season(plex.add_show("Endless"), episodes=1)
    await well_synced(ctx)
    rounds = int(PATIENCE.total_seconds() / (SECONDS - 10)) + 1
    for number in range(rounds):
        assert number > rounds // 2 or await news(ctx) == []  # how long the rounds take is counted, too
        later(ctx, plex, SECONDS - 10)
        plex.add_episode(season)
        await well_synced(ctx)
    assert [kind for kind, _, _ in await news(ctx)] == [Kind.SHOW]


async def test_a_moved_film_is_no_news(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.move((await one(ctx, "Old"))["rating_key"])
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    assert await news(ctx) == []
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.arrival") == 0


async def test_what_went_again_before_it_was_told_of_is_not_told_of(ctx: Ctx, plex: PlexSimulator) -> None:
    film = plex.add_movie("Mistake")
    await well_synced(ctx)
    plex.delete(film)
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    assert await news(ctx) == []


async def test_a_second_copy_of_a_film_is_told_of(ctx: Ctx, plex: PlexSimulator) -> None:
    guid = (await one(ctx, "Old"))["guid"]
    plex.add_movie("Old", section=plex.add_section("Ultra HD"), guid=guid)
    await well_synced(ctx)  # the first reading of that library: no news
    later(ctx, plex, 600)
    plex.add_movie("Old", guid=guid)
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    assert await news(ctx) == [(Kind.MOVIE, "Old", 1)]


async def test_a_library_that_is_new_is_no_news(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.add_movie("Fresh", section=plex.add_section("More"))
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    assert await news(ctx) == []


async def test_one_look_waits_at_a_time(ctx: Ctx, plex: PlexSimulator) -> None:
    for at in range(4):
        plex.add_movie(f"Film {at}")
        await well_synced(ctx)
    assert len([job for job in ctx.jobs.queued if job.task == "announce"]) == 1
    later(ctx, plex, SECONDS / 2)
    await news(ctx)
    assert len([job for job in ctx.jobs.queued if job.task == "announce"]) == 2


async def test_however_many_come_each_is_told_of_once_and_a_look_goes_on_where_one_was_cut_short(
    ctx: Ctx, plex: PlexSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(2 * arrivals.AT_ONCE + 1):
        plex.add_movie(f"Film {at}")
    await well_synced(ctx)
    later(ctx, plex, SECONDS)
    monkeypatch.setattr(arrivals, "_STRETCH_SECONDS", 0)
    looks = len([job for job in ctx.jobs.queued if job.task == "announce"])
    assert len(await news(ctx)) == arrivals.AT_ONCE
    (look,) = [job for job in ctx.jobs.queued if job.task == "announce"][looks:]
    assert look.delay == 0
    plex.add_movie("Film of later")
    await well_synced(ctx)
    monkeypatch.undo()
    assert len(await news(ctx)) == 2 * arrivals.AT_ONCE + 1
    later(ctx, plex, SECONDS)
    told = [title for _, title, _ in await news(ctx)]
    assert sorted(told) == sorted({*(f"Film {at}" for at in range(2 * arrivals.AT_ONCE + 1)), "Film of later"})
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.arrival") == 0
