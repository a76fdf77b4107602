"""The index comes to what the Plex server has: at first, after changes, and whatever happens to the library meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from medianest_hub.testing import MemoryContext, make_job
from medianest_plex import tasks
from medianest_plex.library.hints import hint
from medianest_plex.library.state import read_server
from medianest_plex.library.sync import due
from medianest_plex.lifecycle import startup
from medianest_plex.settings import PlexSettings
from medianest_plex.tasks import SyncArgs, SyncResult
from tests.simulators.plex.server import PlexSimulator

from .conftest import Make
from .syncing import (
    Ctx,
    in_the_index,
    index,
    later,
    on_the_server,
    one,
    running,
    section,
    synced,
    titles,
    well_synced,
)


@pytest.fixture
async def ctx(owned: MemoryContext[PlexSettings]) -> Ctx:
    return running(owned)


def furnish(plex: PlexSimulator) -> None:
    plex.add_movie(
        "Amélie",
        year=2001,
        original_title="Le Fabuleux Destin d'Amélie Poulain",
        ids=("imdb://tt0211915", "tmdb://194"),
        genres=("Comedy", "Romance"),
        rating=8.9,
        resolution="4k",
        studio="Claudie Ossard",
        summary="In Paris.\nShe helps.",
    )
    plex.add_movie("The General", year=1926, audience_rating=8.1)
    plex.add_show("Salt Road", year=2004, seasons=2, episodes=3, ids=("tvdb://81189",))
    artist = plex.add_artist("The Lanterns", ids=("mbid://0383dadf-2a4e-4d10-a46a-e9e041da8eb3",))
    plex.add_album(artist, "First Light", tracks=4)


async def test_a_first_sync_brings_everything_of_every_library(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    result = await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(plex)
    assert result.fresh == 2 + 9 + 2
    server = await read_server(ctx.db, ctx.instance)
    assert (server.connected, server.name, server.trouble) == (True, "Living room", "")
    assert server.synced_at is not None


async def test_what_is_known_of_a_movie_is_kept_and_nothing_of_its_files(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    await well_synced(ctx)
    row = await one(ctx, "Amélie")
    kept = {name: row[name] for name in ("year", "genres", "resolution", "studio", "tmdb", "imdb", "tvdb", "summary")}
    assert kept == {
        "year": 2001,
        "genres": ["Comedy", "Romance"],
        "resolution": "4k",
        "studio": "Claudie Ossard",
        "tmdb": "194",
        "imdb": "tt0211915",
        "tvdb": None,
        "summary": "In Paris.\nShe helps.",
    }
    assert row["rating"] == pytest.approx(8.9)
    assert row["duration_ms"] == 95 * 60_000
    assert row["words"] == "amelie le fabuleux destin damelie poulain"
    assert row["thumb"].startswith(f"/library/metadata/{row['rating_key']}/thumb/")
    assert "/media/" not in str(dict(row))
    general = await one(ctx, "The General")
    assert general["sort_title"] == "general"
    assert general["rating"] == pytest.approx(8.1)


async def test_episodes_know_their_season_and_show(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    await well_synced(ctx)
    show = await one(ctx, "Salt Road")
    season = await one(ctx, "Season 2")
    assert (season["parent_key"], season["number"], season["leaves"]) == (show["rating_key"], 2, 3)
    episodes = [row for row in (await index(ctx)).values() if row["parent_key"] == season["rating_key"]]
    assert sorted((row["number"], row["parent_number"]) for row in episodes) == [(1, 2), (2, 2), (3, 2)]
    assert {row["grandparent_key"] for row in episodes} == {show["rating_key"]}
    assert {row["words"] for row in episodes} == {f"episode {number} salt road" for number in (1, 2, 3)}
    assert show["leaves"] == 6
    assert (await one(ctx, "The Lanterns"))["musicbrainz"] == "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"
    assert (await one(ctx, "First Light"))["leaves"] == 4


async def test_what_changed_came_or_went_is_found_without_reading_everything_again(
    ctx: Ctx, plex: PlexSimulator
) -> None:
    plex.fill(movies=400)
    await well_synced(ctx)
    later(ctx, plex, 3600)
    keys = list(plex.pms.library.keys(1, "movie"))
    plex.change(keys[7], title="Renamed")
    plex.delete(keys[300])
    plex.delete(keys[301])
    new = plex.add_movie("Brand new")
    plex.asked.clear()
    result = await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(plex)
    assert (result.fresh, result.removed) == (1, 2)
    read = [asked for asked in plex.asked_of("all") if int(asked.query["X-Plex-Container-Size"]) > 1]
    assert all(any(name.endswith(">") for name in asked.query) for asked in read)
    assert len(plex.asked) < 30
    assert (await index(ctx))[new.rating_key]["title"] == "Brand new"


async def test_a_deletion_the_server_told_of_is_believed_once_counts_say_so_too(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.fill(movies=300)
    await well_synced(ctx)
    later(ctx, plex, 600)
    keys = list(plex.pms.library.keys(1, "movie"))
    plex.delete(keys[100])
    await hint(ctx, [keys[100], keys[101]])
    plex.asked.clear()
    result = await well_synced(ctx)
    assert result.removed == 1
    assert await in_the_index(ctx) == on_the_server(plex)
    assert len(plex.asked_of("all")) <= 6


async def test_an_item_said_to_be_gone_stays_while_the_counts_say_otherwise(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    await well_synced(ctx)
    kept = await in_the_index(ctx)
    plex.faults.set("metadata", "html_404")
    await hint(ctx, list(kept))
    await well_synced(ctx)
    assert await in_the_index(ctx) == kept


@pytest.mark.parametrize("full", [False, True])
async def test_a_moved_film_keeps_its_id_and_who_has_seen_it(ctx: Ctx, plex: PlexSimulator, full: bool) -> None:
    other = plex.add_section("Classics", path="/media/classics")
    furnish(plex)
    plex.add_movie("Old", section=other)
    await well_synced(ctx)
    before = await one(ctx, "Amélie")
    await ctx.db.execute(
        "INSERT INTO plugin_plex.seen (instance, person_id, rating_key) VALUES ($1, gen_random_uuid(), $2)",
        *(ctx.instance, before["rating_key"]),
    )
    later(ctx, plex, 600)
    moved = plex.move(before["rating_key"], folder="/media/classics/Amelie", section=other)
    await well_synced(ctx, full=full)
    after = await one(ctx, "Amélie")
    assert after["rating_key"] == moved.rating_key != before["rating_key"]
    assert (after["id"], after["section_key"]) == (before["id"], other.key)
    assert await ctx.db.fetchval("SELECT rating_key FROM plugin_plex.seen") == moved.rating_key
    assert await in_the_index(ctx) == on_the_server(plex)


async def test_a_moved_show_keeps_the_ids_of_all_its_episodes(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    await well_synced(ctx)
    before = {row["guid"]: row["id"] for row in (await index(ctx)).values()}
    show = await one(ctx, "Salt Road")
    later(ctx, plex, 600)
    plex.move(show["rating_key"])
    await well_synced(ctx)
    assert {row["guid"]: row["id"] for row in (await index(ctx)).values()} == before
    assert await in_the_index(ctx) == on_the_server(plex)


async def test_the_same_film_in_two_libraries_is_two_items(ctx: Ctx, plex: PlexSimulator) -> None:
    ultra = plex.add_section("Ultra HD", path="/media/ultra")
    guid = "plex://movie/5d776834880197001ec967c6"
    plex.add_movie("Twice", section=plex.add_section("Films"), guid=guid)
    await well_synced(ctx)
    first = (await one(ctx, "Twice"))["id"]
    later(ctx, plex, 600)
    plex.add_movie("Twice", section=ultra, guid=guid)
    await well_synced(ctx)
    ids = {row["id"] for row in (await index(ctx)).values()}
    assert len(ids) == 2
    assert first in ids


async def test_only_the_chosen_libraries_are_kept(make: Make, plex: PlexSimulator) -> None:
    furnish(plex)
    everything = running(await make(token=plex.token()))
    await well_synced(everything)
    chosen = running(await make(token=plex.token(), sections=[" tv shows "]))
    chosen = _on_the_same_database(chosen, everything)
    assert await due(chosen)
    await well_synced(chosen)
    assert {kind for _, kind, _ in (await in_the_index(chosen)).values()} == {"show", "season", "episode"}
    assert await chosen.db.fetchval("SELECT count(*) FROM plugin_plex.section") == 1


def _on_the_same_database(ctx: Ctx, other: Ctx) -> Ctx:
    return replace(ctx, db=other.db)


async def test_without_a_token_nothing_is_asked(make: Make, plex: PlexSimulator) -> None:
    ctx = running(await make())
    assert await synced(ctx) == SyncResult()
    assert plex.asked_of("sections") == []


async def test_open_pages_load_their_tiles_anew_when_something_came_in_and_only_then(
    ctx: Ctx, plex: PlexSimulator
) -> None:
    furnish(plex)
    await well_synced(ctx)
    assert {tile for tile, _ in ctx.realtime.changed} >= {"recently_added", "counts"}
    ctx.realtime.changed.clear()
    await well_synced(ctx)
    assert ctx.realtime.changed == []


async def test_the_token_is_never_in_an_address(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    await well_synced(ctx)
    assert all("X-Plex-Token" not in asked.query for asked in plex.asked)
    assert {asked.headers.get("Accept") for asked in plex.asked} == {"application/json"}


async def test_between_syncs_nothing_is_asked_until_it_is_time(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    await well_synced(ctx)
    plex.asked.clear()
    await tasks.sync(ctx, make_job(SyncArgs()))
    assert plex.asked == []
    later(ctx, plex, ctx.settings.sync_minutes * 60)
    await tasks.sync(ctx, make_job(SyncArgs()))
    assert plex.asked_of("all") != []


async def test_once_a_day_everything_is_compared(ctx: Ctx, plex: PlexSimulator) -> None:
    furnish(plex)
    await well_synced(ctx)
    later(ctx, plex, 600)
    plex.change((await one(ctx, "The General"))["rating_key"], year=1927)
    await well_synced(ctx)
    key = (await one(ctx, "Amélie"))["rating_key"]
    # A change that no date tells of, of something that did not change just now.
    plex.pms.library.items[key].title = "Changed in silence"
    later(ctx, plex, 3600)
    await well_synced(ctx)
    assert "Amélie" in await titles(ctx)
    later(ctx, plex, timedelta(days=1).total_seconds())
    await well_synced(ctx)
    assert "Changed in silence" in await titles(ctx)
    assert (await section(ctx))["full_at"] >= ctx.clock.now() - timedelta(minutes=1)


async def test_a_worker_that_starts_with_new_settings_looks_at_once(ctx: Ctx, plex: PlexSimulator) -> None:
    await startup(replace(ctx, process="web"))
    assert ctx.jobs.queued == []
    await startup(replace(ctx, process="worker"))
    (job,) = ctx.jobs.queued
    assert job.task == "sync"
    assert job.delay < 10
