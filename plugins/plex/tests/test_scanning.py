"""Scans of a folder: of one that is in a library, that folder alone, once however often it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from medianest_hub.plugin_api import errors
from medianest_hub.plugin_api.events import ScanRequested
from medianest_hub.testing import MemoryContext, make_event, make_job
from medianest_plex import tasks
from medianest_plex.library.sections import Section
from medianest_plex.listeners import scan_requested
from medianest_plex.scanning import GATHER_SECONDS, ScanArgs, locate, request_scan
from medianest_plex.settings import PlexSettings
from tests.simulators.plex.server import PlexSimulator

from .conftest import Make
from .syncing import Ctx, later, running, titles, well_synced


def shelf(key: int, *locations: str) -> Section:
    return Section(key, "movie", str(key), locations, 0, "", 0, 0, 0, None, None, None, None)


SHELVES = [
    shelf(1, "/media/movies", "/mnt/more movies/"),
    shelf(2, "/media/movies/kids"),
    shelf(3, "D:\\Films"),
    shelf(4, "/media/mov"),
]


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/media/movies", (1, "/media/movies")),
        ("/media/movies/", (1, "/media/movies")),
        ("/media/movies//New//", (1, "/media/movies/New")),
        ("/media/movies/kids/Up", (2, "/media/movies/kids/Up")),
        ("/media/movies/kidsnot", (1, "/media/movies/kidsnot")),
        ("/mnt/more movies/Élan (2011)", (1, "/mnt/more movies/Élan (2011)")),
        ("D:\\Films\\Up", (3, "D:\\Films\\Up")),
        ("d:/films/Up", (3, "d:\\films\\Up")),
        ("/media/mov/x", (4, "/media/mov/x")),
    ],
)
def test_a_folder_belongs_to_the_library_that_lies_deepest(folder: str, found: tuple[int, str]) -> None:
    section, inside = locate(SHELVES, folder)
    assert (section.key, inside) == found


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("/media/movies/../secret", "climbs"),
        ("/media/movies/..", "climbs"),
        ("D:\\Films\\..\\x", "climbs"),
        ("media/movies", "relative"),
        ("", "relative"),
        (".", "relative"),
        ("/", "no_library"),
        ("/media", "no_library"),
        ("/media/music/x", "no_library"),
        ("E:\\Films", "no_library"),
        ("/media/movies/a\nb", "unusable"),
        ("/media/movies/a\x00b", "unusable"),
        ("/media/movies/" + "x" * 5000, "unusable"),
    ],
)
def test_other_folders_are_refused_with_what_to_do(folder: str, code: str) -> None:
    with pytest.raises(errors.BadInput) as caught:
        locate(SHELVES, folder)
    assert [(one.field, one.code) for one in caught.value.fields] == [("folder", code)]
    assert caught.value.message.endswith(".")


@pytest.fixture
async def ctx(owned: MemoryContext[PlexSettings], plex: PlexSimulator) -> Ctx:
    plex.add_movie("Old")
    ctx = running(owned)
    await well_synced(ctx)
    ctx.jobs.queued.clear()
    return ctx


def waiting(ctx: Ctx) -> list[Any]:
    return [job for job in ctx.jobs.queued if job.task == "scan"]


async def test_a_folder_asked_for_again_and_again_is_scanned_once(ctx: Ctx) -> None:
    ids = {await request_scan(ctx, f"/media/movies/New{'/' * slashes}", "a file came") for slashes in range(5)}
    (job,) = waiting(ctx)
    assert ids == {job.id}
    assert (job.delay, job.args.folder) == (GATHER_SECONDS, "/media/movies/New")
    await request_scan(ctx, "/media/movies/Other", "")
    assert len(waiting(ctx)) == 2


async def test_a_scan_asks_for_that_folder_alone_and_then_looks_what_it_found(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.put_movie("Brand new", "/media/movies/Brand new/film.mkv")
    plex.put_movie("Elsewhere", "/media/movies/Elsewhere/film.mkv")
    await tasks.scan(ctx, make_job(ScanArgs(folder="/media/movies/Brand new", reason="a test")))
    assert [(scan.section, scan.path) for scan in plex.scans] == [(1, "/media/movies/Brand new")]
    await plex.reached(lambda: plex.scans[0].done)
    assert [job.task for job in ctx.jobs.queued] == ["sync"]
    later(ctx, plex, 60)
    await tasks.sync(ctx, make_job(tasks.SyncArgs()))
    assert await titles(ctx) == ["Brand new", "Old"]
    assert all("X-Plex-Token" not in asked.query for asked in plex.asked)


async def test_an_event_of_another_plugin_asks_for_a_scan(ctx: Ctx) -> None:
    wish = ScanRequested(folder="/media/movies/Clips", reason="downloaded")
    await scan_requested(ctx, make_event(wish))
    await scan_requested(ctx, make_event(wish))
    (job,) = waiting(ctx)
    assert (job.args.folder, job.args.reason) == ("/media/movies/Clips", "downloaded")


@pytest.mark.parametrize("folder", ["/somewhere/else", "../x", "relative"])
async def test_an_event_about_a_folder_of_somebody_else_is_passed_over(ctx: Ctx, folder: str) -> None:
    await scan_requested(ctx, make_event(ScanRequested(folder=folder)))
    assert waiting(ctx) == []


async def test_a_folder_that_left_the_library_meanwhile_is_not_scanned(ctx: Ctx, plex: PlexSimulator) -> None:
    with pytest.raises(errors.GiveUp):
        await tasks.scan(ctx, make_job(ScanArgs(folder="/somewhere/else")))
    assert plex.scans == []


async def test_without_the_owners_token_there_are_no_scans(make: Make) -> None:
    ctx = running(await make())
    with pytest.raises(errors.Conflict):
        await request_scan(ctx, "/media/movies", "")
    await scan_requested(ctx, make_event(ScanRequested(folder="/media/movies")))
    with pytest.raises(errors.GiveUp):
        await tasks.scan(ctx, make_job(ScanArgs(folder="/media/movies")))


@pytest.mark.parametrize(
    ("fault", "error"),
    [("html_401", errors.AuthFailed), ("500", errors.UpstreamError), ("reset", errors.UpstreamError)],
)
async def test_a_scan_that_fails_says_why_and_may_be_tried_again(
    ctx: Ctx, plex: PlexSimulator, fault: str, error: type[errors.HubError]
) -> None:
    plex.faults.set("refresh", fault)
    with pytest.raises(error):
        await tasks.scan(ctx, make_job(ScanArgs(folder="/media/movies/New")))
    plex.faults.clear()
    await tasks.scan(ctx, make_job(ScanArgs(folder="/media/movies/New")))
    assert [scan.path for scan in plex.scans][-1] == "/media/movies/New"
