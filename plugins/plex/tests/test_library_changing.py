"""The library changes while it is read, and is large: nothing is lost, nothing comes twice, and no page is kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from medianest_hub.testing import make_job
from medianest_plex import tasks
from medianest_plex.library.hints import hint
from medianest_plex.library.run import SMALLEST_PAGE
from medianest_plex.settings import PlexSettings
from medianest_plex.tasks import SyncArgs
from tests.simulators.plex.server import PlexSimulator

from .conftest import Make
from .syncing import Ctx, asked_keys, in_the_index, index, later, on_the_server, running, well_synced


@pytest.fixture
async def ctx(make: Make, plex: PlexSimulator) -> Ctx:
    return running(await make(token=plex.token(), page_size=50))


def every_page(plex: PlexSimulator, work: object, times: int) -> None:
    """Do that after each of so many pages."""
    left = times

    def again() -> None:
        nonlocal left
        work()  # type: ignore[operator]
        left -= 1
        if left:
            plex.after("all", again)

    plex.after("all", again)


async def test_films_deleted_under_a_first_sync_hide_no_others(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.fill(movies=400)
    keys = iter(list(plex.pms.library.keys(1, "movie")))

    def delete_some() -> None:
        for _ in range(15):  # more than pages overlap
            plex.delete(next(keys))

    every_page(plex, delete_some, 6)
    await well_synced(ctx)
    assert on_the_server(plex).items() <= (await in_the_index(ctx)).items()
    for _ in range(2):  # so many are believed to be gone at the second look
        later(ctx, plex, 3600)
        await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(plex)


async def test_films_added_and_changed_under_a_sync_are_there_at_its_end_or_the_next(
    ctx: Ctx, plex: PlexSimulator
) -> None:
    plex.fill(movies=300)
    keys = list(plex.pms.library.keys(1, "movie"))
    count = 0

    def add_and_change() -> None:
        nonlocal count
        count += 1
        plex.add_movie(f"Added {count}")
        plex.change(keys[count], title=f"Changed {count}")
        plex.change(keys[-count], title=f"Changed {count}, too")

    every_page(plex, add_and_change, 7)
    await well_synced(ctx)
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(plex)


async def test_a_film_that_moves_under_a_full_sync_keeps_its_id(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.fill(movies=200)
    await well_synced(ctx)
    before = {row["guid"]: row["id"] for row in (await index(ctx)).values()}
    keys = list(plex.pms.library.keys(1, "movie"))
    later(ctx, plex, 90_000)
    every_page(plex, lambda: plex.move(keys.pop(5)), 5)
    await well_synced(ctx)
    await well_synced(ctx)
    assert {row["guid"]: row["id"] for row in (await index(ctx)).values()} == before
    assert await in_the_index(ctx) == on_the_server(plex)


async def test_each_of_several_libraries_is_read(ctx: Ctx, plex: PlexSimulator) -> None:
    for number in range(4):
        section = plex.add_section(f"Films {number}")
        for film in range(3):
            plex.add_movie(f"Film {number}.{film}", section=section)
    plex.add_section("Photos", type="artist")
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(plex)
    assert await ctx.db.fetch("SELECT title FROM plugin_plex.section ORDER BY position") != []


async def test_five_thousand_items_are_read_and_written_page_by_page(make: Make, plex: PlexSimulator) -> None:
    ctx = running(await make(token=plex.token(), page_size=200))
    plex.fill(movies=2500, shows=20, seasons=5, episodes=24)
    pages: list[int] = []

    async def report(fraction: float | None = None, text: str = "", **data: object) -> None:
        pages.append(await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.item"))

    await hint(ctx)
    await tasks.sync(ctx, replace(make_job(SyncArgs()), progress=report))
    assert await in_the_index(ctx) == on_the_server(plex)
    sizes = [int(query["X-Plex-Container-Size"]) for query in asked_keys(plex)]
    assert max(sizes) == 200
    assert len(sizes) < 45
    # Each page is in the database before the next is asked for.
    assert max(after - before for before, after in pairwise([0, *pages])) <= 200


def test_pages_never_become_too_small_to_come_to_an_end() -> None:
    assert 0 < SMALLEST_PAGE <= PlexSettings.model_fields["page_size"].metadata[0].ge
