"""A Plex library of 100,000 items: how long its first sync and a later one take, and whether the worker's memory stays flat.

A simulated Plex server in this process beside a real hub in its own.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil

from benchmarks.rows import Row
from benchmarks.start_and_memory import memory_by_role, pss
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.database import Database
from medianest_hub.testing.hub import HubProcess, run_hub
from tests.simulators.plex.server import PlexSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONTENT = {"movies": 20_000, "shows": 500, "seasons": 5, "episodes": 30, "artists": 500, "albums": 3, "tracks": 10}
"""Tracks are not kept: the rest are 100,000."""
ITEMS = 100_000
CHANGED, ADDED, DELETED = 30, 15, 5
LOOK_SECONDS = 0.5
FIRST_SYNC_SECONDS = 300.0
"""The target for the first sync: a household adds its server once, and half a millisecond is left for each item."""

_CHANGES = CHANGED + ADDED + DELETED
_NAME = "Plex library of 100,000 items"


@dataclass(slots=True)
class _First:
    """The first sync, in seconds, and the worker's memory in MB before it and each time it was looked at."""

    seconds: float = 0.0
    before: float = 0.0
    memory: list[float] = field(default_factory=list)
    calls: int = 0


@dataclass(frozen=True, slots=True)
class _Later:
    """A later sync, in seconds."""

    seconds: float
    calls: int

    @property
    def note(self) -> str:
        """In words."""
        return f"{CHANGED} changed, {ADDED} came, {DELETED} went; {self.calls} calls to the server"


def measure() -> list[Row]:
    """Rows for the first sync, its memory, and a sync after 50 changes."""
    plex = PlexSimulator()
    plex.fill(**CONTENT)
    with plex.running(), _hub(plex) as hub:
        first, told, untold = asyncio.run(_measure(hub, plex))
    quarter = max(len(first.memory) // 4, 1)
    begin, end = statistics.median(first.memory[:quarter]), statistics.median(first.memory[-quarter:])
    return [
        Row(f"{_NAME}: first sync", first.seconds, FIRST_SYNC_SECONDS, "s", note=f"{first.calls} calls to the server"),
        Row(
            "the same: worker's memory in its last quarter against the first",
            end / begin,
            1.05,
            "×",
            note=f"{first.before:.1f} MB before, {begin:.1f} MB, then {end:.1f} MB, {max(first.memory):.1f} MB at most",
        ),
        Row(f"{_NAME}: sync after {_CHANGES} changes", told.seconds, 5, "s", note=told.note),
        Row("the same, the server having told of none of them", untold.seconds, 5, "s", note=untold.note),
    ]


@contextmanager
def _hub(plex: PlexSimulator) -> Iterator[HubProcess]:
    settings = {
        "plugins": {
            "blocked": ["youtube", "uptime_kuma", "hello"],
            "plex": {
                "url": plex.server_url,
                "plex_tv_url": plex.plex_tv_url,
                "app_url": plex.app_url,
                "token": plex.world.token(plex.world.owner),
            },
        }
    }
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as text, run_hub(Path(text), settings) as hub:
        yield hub


async def _measure(hub: HubProcess, plex: PlexSimulator) -> tuple[_First, _Later, _Later]:
    async with _database(hub) as db:
        first = await _first(hub, plex, db)
        plex.mute()  # what it tells would begin syncs of its own, a few seconds later
        later = [await _later(plex, db, number, told=number == 0) for number in range(2)]
        return first, *later


@asynccontextmanager
async def _database(hub: HubProcess) -> AsyncIterator[Database]:
    db = await Database.connect(DataDir(hub.folder / "data").addresses()["MEDIANEST_DATABASE__URL"])
    try:
        yield db
    finally:
        await db.close()


async def _first(hub: HubProcess, plex: PlexSimulator, db: Database) -> _First:
    worker = _worker(hub)
    found = _First(before=pss(worker))
    await _until(lambda: _holds(lambda: bool(plex.asked_of("all"))))
    began = time.monotonic()
    while not await _is_synced(db):
        found.memory.append(pss(worker))
        await asyncio.sleep(LOOK_SECONDS)
    found.seconds = time.monotonic() - began
    found.calls = len(plex.asked)
    await _expect(db, ITEMS)
    return found


def _worker(hub: HubProcess) -> int:
    memory_by_role(hub)  # fails with words when the processes are not there
    for child in psutil.Process(hub.process.pid).children():
        if "worker" in child.cmdline():
            return child.pid
    raise LookupError("this hub has no worker")


async def _is_synced(db: Database) -> bool:
    return bool(await db.fetchval("SELECT synced_at IS NOT NULL FROM plugin_plex.server"))


def _change(plex: PlexSimulator, number: int) -> list[int]:
    """Changes all over the library, an hour after it was read; the keys of what changed, came or went."""
    plex.world.advance(timedelta(hours=1).total_seconds())
    keys = list(plex.pms.library.keys(1, "movie"))
    changed = [keys[at * 601 + 7 + number] for at in range(CHANGED)]
    deleted = [keys[at * 3001 + 13 + number] for at in range(DELETED)]
    for key in changed:
        plex.change(key, title=f"Changed {number}.{key}")
    added = [plex.add_movie(f"New {number}.{at}", section=1).rating_key for at in range(ADDED)]
    for key in deleted:
        plex.delete(key)
    return [*changed, *added, *deleted]


async def _later(plex: PlexSimulator, db: Database, number: int, *, told: bool) -> _Later:
    """A sync queued as the scheduler does it, with a reason to look: from its beginning to its end.

    `told`: the server has said what changed, as it does to whoever listens.
    """
    keys = _change(plex, number)
    plex.asked.clear()
    await db.execute(
        "INSERT INTO plugin_plex.hint (instance, rating_key, at) SELECT 'main', key, now() FROM unnest($1::bigint[]) AS key",
        keys if told else [0],
    )
    job = await db.fetchval(
        "INSERT INTO medianest.jobs (id, plugin, instance, task) VALUES ($1, 'plex', 'main', 'sync') RETURNING id",
        uuid4(),
    )
    await _until(lambda: _ended(db, job))
    await _expect(db, ITEMS + (number + 1) * (ADDED - DELETED))
    seconds = await db.fetchval(
        "SELECT extract(epoch FROM finished_at - started_at)::float8 FROM medianest.jobs WHERE id = $1", job
    )
    return _Later(seconds, len(plex.asked))


async def _ended(db: Database, job: object) -> bool:
    return bool(await db.fetchval("SELECT finished_at IS NOT NULL FROM medianest.jobs WHERE id = $1", job))


async def _expect(db: Database, items: int) -> None:
    found = await db.fetchval("SELECT count(*) FROM plugin_plex.item")
    if found != items:
        raise AssertionError(f"{found} items are kept, and there are {items}")


async def _holds(check: Callable[[], bool]) -> bool:
    return check()


async def _until(check: Callable[[], Awaitable[bool]], within: float = 120.0) -> None:
    ends = time.monotonic() + within
    while not await check():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {within:g} s")
        await asyncio.sleep(0.1)
