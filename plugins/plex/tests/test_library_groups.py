"""Collections and playlists are kept with what is in them, in the server's order."""

from __future__ import annotations

import pytest

from medianest_hub.testing import MemoryContext
from medianest_plex.settings import PlexSettings
from tests.simulators.plex.items import Item
from tests.simulators.plex.server import PlexSimulator

from .syncing import Ctx, later, running, well_synced


@pytest.fixture
async def ctx(owned: MemoryContext[PlexSettings]) -> Ctx:
    return running(owned)


@pytest.fixture
def films(plex: PlexSimulator) -> list[Item]:
    return [plex.add_movie(f"Film {number}") for number in range(5)]


async def group(ctx: Ctx, title: str) -> tuple[str, int, list[int]] | None:
    """Kind, size and members of that one."""
    row = await ctx.db.fetchrow("SELECT * FROM plugin_plex.grouping WHERE title = $1", title)
    if row is None:
        return None
    members = await ctx.db.fetch(
        "SELECT rating_key FROM plugin_plex.grouped WHERE grouping_key = $1 ORDER BY position", row["rating_key"]
    )
    return row["kind"], row["size"], [one["rating_key"] for one in members]


def keys(films: list[Item]) -> list[int]:
    return [one.rating_key for one in films]


async def test_what_is_in_a_collection_and_a_playlist_is_kept_in_order(
    ctx: Ctx, plex: PlexSimulator, films: list[Item]
) -> None:
    plex.add_collection("The Best", films[3:0:-1])
    plex.add_playlist("Evening", [films[4], films[0], films[4]])
    await well_synced(ctx)
    assert await group(ctx, "The Best") == ("collection", 3, keys(films[3:0:-1]))
    kept = await group(ctx, "Evening")
    assert kept is not None
    assert kept[2] == keys([films[4], films[0]])
    row = await ctx.db.fetchrow("SELECT sort_title, section_key FROM plugin_plex.grouping WHERE title = 'The Best'")
    assert row is not None
    assert (row[0], row[1]) == ("best", films[0].section)


async def test_changes_of_a_collection_are_found_and_others_are_not_looked_into(
    ctx: Ctx, plex: PlexSimulator, films: list[Item]
) -> None:
    changing = plex.add_collection("Changing", films[:2])
    plex.add_collection("Steady", films[2:4])
    await well_synced(ctx)
    later(ctx, plex, 3600)
    plex.pms.library.own(changing.rating_key).members.append(films[4].rating_key)
    plex.asked.clear()
    await well_synced(ctx)
    assert await group(ctx, "Changing") == ("collection", 3, keys([*films[:2], films[4]]))
    assert len(plex.asked_of("members")) == 1


async def test_a_collection_or_playlist_that_was_deleted_goes(ctx: Ctx, plex: PlexSimulator, films: list[Item]) -> None:
    collection, playlist = plex.add_collection("Gone", films), plex.add_playlist("Gone, too", films)
    await well_synced(ctx)
    plex.delete(collection)
    plex.delete(playlist)
    await well_synced(ctx)
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.grouping") == 0
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.grouped") == 0


async def test_an_item_that_went_is_in_no_collection_any_more_and_a_moved_one_still_is(
    ctx: Ctx, plex: PlexSimulator, films: list[Item]
) -> None:
    plex.add_collection("Films", films)
    await well_synced(ctx)
    later(ctx, plex, 600)
    plex.delete(films[0])
    await well_synced(ctx)
    kept = await group(ctx, "Films")
    assert kept is not None
    assert kept[2] == keys(films[1:])


async def test_tracks_of_a_playlist_are_counted_and_not_kept(ctx: Ctx, plex: PlexSimulator) -> None:
    album = plex.add_album(plex.add_artist("The Lanterns"), "First Light", tracks=3)
    tracks = [track for key in plex.pms.library.children(album.rating_key) if (track := plex.pms.library.get(key))]
    plex.add_playlist("Songs", tracks)
    await well_synced(ctx)
    assert await group(ctx, "Songs") == ("playlist", 3, [])


async def test_a_large_collection_is_read_in_pages(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.fill(movies=700)
    many = [film for key in plex.pms.library.keys(1, "movie") if (film := plex.pms.library.get(key))]
    plex.add_collection("Many", many)
    await well_synced(ctx)
    kept = await group(ctx, "Many")
    assert kept is not None
    assert kept[2] == keys(many)
    assert len(plex.asked_of("members")) == 4
