"""Syncing in tests: a clock that can be set ahead, one call for a sync, and whether the index is what the server has."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from medianest_hub.plugin_api import Record
from medianest_hub.testing import MemoryContext, make_job
from medianest_plex import tasks
from medianest_plex.events import ItemAdded
from medianest_plex.library.arrivals import AnnounceArgs
from medianest_plex.library.hints import hint
from medianest_plex.library.sections import KINDS
from medianest_plex.settings import PlexSettings
from medianest_plex.tasks import SyncArgs, SyncResult
from tests.simulators.plex.server import PlexSimulator

Ctx = MemoryContext[PlexSettings]


class RunningClock:
    """The machine's own time, which the simulator goes by as well, and `ahead` seconds more."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.ahead, UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def running(ctx: Ctx) -> Ctx:
    return replace(ctx, clock=RunningClock())  # type: ignore[arg-type]  # it has what is used of a ManualClock


def later(ctx: Ctx, plex: PlexSimulator, seconds: float) -> None:
    """Let time pass for both."""
    ctx.clock.ahead += seconds  # type: ignore[attr-defined]
    plex.world.advance(seconds)


async def synced(ctx: Ctx, *, full: bool = False) -> SyncResult:
    """A sync, as if the server had said that something changed."""
    await hint(ctx)
    result = await tasks.sync(ctx, make_job(SyncArgs(full=full)))
    assert isinstance(result, SyncResult)
    return result


async def well_synced(ctx: Ctx, *, full: bool = False) -> SyncResult:
    result = await synced(ctx, full=full)
    assert result.trouble == ""
    return result


async def index(ctx: Ctx) -> dict[int, Record]:
    """All items that are kept, by key."""
    rows = await ctx.db.fetch("SELECT * FROM plugin_plex.item WHERE instance = $1", ctx.instance)
    return {row["rating_key"]: row for row in rows}


async def titles(ctx: Ctx, kind: str = "movie") -> list[str]:
    return sorted(row["title"] for row in (await index(ctx)).values() if row["kind"] == kind)


async def one(ctx: Ctx, title: str, kind: str = "") -> Record:
    """The only item of that title."""
    (found,) = [row for row in (await index(ctx)).values() if row["title"] == title and kind in ("", row["kind"])]
    return found


def on_the_server(plex: PlexSimulator) -> dict[int, tuple[int, str, str]]:
    """Section, kind and title of all that should be kept, by key."""
    library = plex.pms.library
    return {
        key: (section.key, kind, library.value(key, "title"))
        for section in library.sections.values()
        for kind in KINDS.get(section.type, ())
        for key in library.keys(section.key, kind)
    }


async def in_the_index(ctx: Ctx) -> dict[int, tuple[int, str, str]]:
    return {key: (row["section_key"], row["kind"], row["title"]) for key, row in (await index(ctx)).items()}


async def section(ctx: Ctx, title: str = "Movies") -> Record:
    row = await ctx.db.fetchrow("SELECT * FROM plugin_plex.section WHERE title = $1", title)
    assert row is not None
    return row


async def announced(ctx: Ctx) -> list[ItemAdded]:
    """What is told of by now; a look for more is taken first."""
    await tasks.announce(ctx, make_job(AnnounceArgs(instance=ctx.instance)))
    return [data for data, _ in ctx.events.emitted if isinstance(data, ItemAdded)]


def asked_keys(plex: PlexSimulator, route: str = "all") -> list[Mapping[str, Any]]:
    return [asked.query for asked in plex.asked_of(route)]
