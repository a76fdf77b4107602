"""A sync that is killed at any moment loses nothing, and the next one goes on where it stopped."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from medianest_hub.testing import MemoryContext, make_job
from medianest_plex import tasks
from medianest_plex.library.hints import hint
from medianest_plex.library.run import LONGEST_PAUSE, OutOfTime, pause_after
from medianest_plex.library.sections import SECOND_LOOK
from medianest_plex.library.sync import STRETCH_SECONDS, synchronise
from medianest_plex.library.walking import OVERLAP
from medianest_plex.settings import PlexSettings
from medianest_plex.tasks import SyncArgs
from tests.simulators.plex.server import PlexSimulator

from .conftest import Make
from .syncing import Ctx, asked_keys, in_the_index, later, on_the_server, running, section, well_synced

MOVIES = 180
PAGE = 50


@pytest.fixture
async def ctx(make: Make, plex: PlexSimulator) -> Ctx:
    return running(await make(token=plex.token(), page_size=PAGE))


@pytest.fixture
def furnished(plex: PlexSimulator) -> PlexSimulator:
    plex.fill(movies=MOVIES, shows=3, seasons=2, episodes=12, artists=2, albums=3, tracks=2)
    films = [plex.pms.library.get(key) for key in list(plex.pms.library.keys(1, "movie"))[:70]]
    plex.add_collection("Many", [one for one in films if one is not None])
    plex.add_playlist("Evening", [one for one in films if one is not None])
    return plex


async def killed(ctx: Ctx, plex: PlexSimulator, route: str, nth: int) -> bool:
    """A sync that is killed right after the server has answered that route for the nth time; False if it never did."""
    loop = asyncio.get_running_loop()
    sync = asyncio.create_task(tasks.sync(ctx, make_job(SyncArgs())))
    left = nth

    def count() -> None:
        nonlocal left
        left -= 1
        if left:
            plex.after(route, count)
        else:
            loop.call_soon_threadsafe(sync.cancel)

    plex.after(route, count)
    (outcome,) = await asyncio.gather(sync, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError | tasks.SyncResult)
    return isinstance(outcome, asyncio.CancelledError)


def pages(plex: PlexSimulator, kind: int) -> list[int]:
    """Where the pages of that kind began."""
    return [
        int(query["X-Plex-Container-Start"])
        for query in asked_keys(plex)
        if query.get("type") == str(kind) and query["X-Plex-Container-Size"] == str(PAGE)
    ]


@pytest.mark.parametrize(
    ("route", "nth"),
    [
        ("identity", 1),
        ("root", 1),
        ("sections", 1),
        *(("all", nth) for nth in (1, 6, 7, 9, 11, 12, 13, 14, 16, 18)),
        ("collections", 1),
        ("members", 1),
        ("members", 2),
        ("playlists", 1),
        ("playlist_items", 1),
    ],
)
async def test_a_first_sync_killed_anywhere_is_brought_to_its_end_by_the_next(
    ctx: Ctx, furnished: PlexSimulator, route: str, nth: int
) -> None:
    assert await killed(ctx, furnished, route, nth)
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(furnished)
    assert await members(ctx) == {"Many": 70, "Evening": 70}
    assert ctx.events.emitted == []
    assert (await section(ctx))["full_at"] is not None


async def members(ctx: Ctx) -> dict[str, int]:
    rows = await ctx.db.fetch(
        """SELECT g.title FROM plugin_plex.grouping g
             JOIN plugin_plex.grouped m ON m.instance = g.instance AND m.grouping_key = g.rating_key"""
    )
    return dict(Counter(row["title"] for row in rows))


async def test_pages_that_were_read_are_not_read_again(ctx: Ctx, furnished: PlexSimulator) -> None:
    newest = 1 + 3 + 2  # how many questions go before the first page: what changed last of each kind
    assert await killed(ctx, furnished, "all", newest + 3)
    done = (await section(ctx))["run_offset"]
    assert done >= 2 * (PAGE - OVERLAP)
    furnished.asked.clear()
    await well_synced(ctx)
    assert min(pages(furnished, 1)) == done - OVERLAP


async def test_a_part_that_was_read_whole_is_not_read_again(ctx: Ctx, furnished: PlexSimulator) -> None:
    assert await killed(ctx, furnished, "all", 16)
    row = await section(ctx, "TV Shows")
    assert row["run_part"].startswith("all:")
    furnished.asked.clear()
    await well_synced(ctx)
    assert pages(furnished, 1) == []


@pytest.mark.parametrize("nth", [1, 6, 8, 9, 11, 15, 20])
async def test_a_sync_of_changes_killed_anywhere_misses_none(ctx: Ctx, furnished: PlexSimulator, nth: int) -> None:
    await well_synced(ctx)
    later(ctx, furnished, 3600)
    keys = list(furnished.pms.library.keys(1, "movie"))
    for key in keys[:60]:
        furnished.change(key, title=f"Changed {key}")
    furnished.delete(keys[100])
    await hint(ctx, [keys[100], keys[1]])
    await killed(ctx, furnished, "all", nth)
    later(ctx, furnished, 3600)
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(furnished)


async def test_a_kill_while_things_are_let_go_of_lets_go_of_the_rest_later(ctx: Ctx, furnished: PlexSimulator) -> None:
    await well_synced(ctx)
    later(ctx, furnished, 86_400)
    for key in list(furnished.pms.library.keys(1, "movie"))[10:80]:
        furnished.delete(key)
    await well_synced(ctx)  # so many are believed to be gone at the second look
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    await hint(ctx)
    assert await killed(ctx, furnished, "metadata", 1)
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(furnished)


async def test_a_job_stops_in_time_and_another_goes_on(ctx: Ctx, furnished: PlexSimulator) -> None:
    pages_read = 0

    async def report(fraction: float | None = None, text: str = "", **data: object) -> None:
        nonlocal pages_read
        pages_read += 1
        if pages_read == 2:
            later(ctx, furnished, STRETCH_SECONDS)

    with pytest.raises(OutOfTime):
        await synchronise(ctx, report)
    assert 0 < len(await in_the_index(ctx)) < len(on_the_server(furnished))
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(furnished)


async def test_a_job_that_ran_out_of_time_leaves_another_in_the_queue(
    owned: MemoryContext[PlexSettings], furnished: PlexSimulator
) -> None:
    ctx = running(owned)

    class Slow:
        async def __call__(self, fraction: float | None = None, text: str = "", **data: object) -> None:
            later(ctx, furnished, STRETCH_SECONDS)

    await hint(ctx)
    job = make_job(SyncArgs())
    await tasks.sync(ctx, replace(job, progress=Slow()))
    assert [one.delay for one in ctx.jobs.queued if one.task == "sync"][-1] == 1


async def test_two_workers_at_once_do_not_undo_each_other(ctx: Ctx, furnished: PlexSimulator) -> None:
    # The queue lets one run at a time, but one that lost its job to another may not know it yet.
    await asyncio.gather(*(tasks.sync(ctx, make_job(SyncArgs())) for _ in range(3)))
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(furnished)


@pytest.mark.parametrize(("took", "pause"), [(0.01, 0.005), (2.0, 1.0), (60.0, LONGEST_PAUSE)])
def test_the_slower_the_server_the_longer_it_is_left_in_peace(took: float, pause: float) -> None:
    assert pause_after(took) == pause
