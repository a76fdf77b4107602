"""Five hundred monitors and twenty beats a second over Uptime Kuma's live connection: what they cost, and whether sums are right.

`MINUTES` (ten unless BENCH_MINUTES says otherwise) of a simulated Uptime Kuma beside a real hub.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import aiohttp
import psutil

from benchmarks.live_events import MOST_PER_PERSON, clients, people
from benchmarks.people import admin_token
from benchmarks.rows import Row
from benchmarks.start_and_memory import memory_by_role, pss
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.database import Database
from medianest_hub.testing.hub import HubProcess, run_hub
from medianest_uptime_kuma.history.rolling import roll_up
from medianest_uptime_kuma.models import Status
from tests.simulators.uptime_kuma.server import KumaSimulator, Monitor

MONITORS, INTERVAL = 500, 25
MINUTES = float(os.environ.get("BENCH_MINUTES", "10"))
SETTLE_SECONDS = 45.0
"""What the first list of monitors and its hundred beats each cost is over by then."""

LOOK_SECONDS = 15.0
WATCHERS = 200
WINDOW_SECONDS = 60.0
SUMMARY = "/api/v1/uptime_kuma/summary"
_KEPT = ("up", "down", "pending", "maintenance", "paused")


@dataclass(slots=True)
class _Cost:
    """Of the worker: seconds of processor over seconds, and MB of memory each time it was looked at."""

    processor: float = 0.0
    memory: list[float] = field(default_factory=list)


def measure() -> list[Row]:
    """Rows for processor, memory, sums, and calls made for those who watch."""
    kuma = KumaSimulator()
    for number in range(MONITORS):
        kuma.beat(kuma.add(f"Service {number}", interval=INTERVAL, tags=["bench"]).id, Status.UP.number, ping=20)
    with kuma.running(), _hub(kuma) as hub:
        token = admin_token(hub)
        cost, wrong, (one, many) = asyncio.run(_measure(hub, kuma, token))
    quarter = max(len(cost.memory) // 4, 1)
    before, after = statistics.median(cost.memory[:quarter]), statistics.median(cost.memory[-quarter:])
    return [
        Row("500 monitors, 20 beats/s live: worker's processor", 100 * cost.processor, 15, "% of a core"),
        Row(
            f"the same: worker's memory after {MINUTES:g} minutes against the first quarter",
            after / before,
            1.05,
            "×",
            note=f"{before:.1f} MB, then {after:.1f} MB, {max(cost.memory):.1f} MB at most",
        ),
        Row("the same: sums of hours against adding up in Python", wrong, 1, "s wrong at most"),
        Row(
            f"calls to Uptime Kuma in a minute, {WATCHERS} pages watching, above those with one",
            many - one,
            1,
            "calls",
            note=f"{one} and {many} calls in {WINDOW_SECONDS:g} s",
        ),
    ]


@contextmanager
def _hub(kuma: KumaSimulator) -> Iterator[HubProcess]:
    settings = {
        "plugins": {
            "blocked": ["youtube", "plex", "hello"],
            "uptime_kuma": {
                "url": kuma.url,
                "username": kuma.world.username,
                "password": kuma.world.password,
                "members_see": "everything",
            },
        }
    }
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as text, run_hub(Path(text), settings) as hub:
        yield hub


async def _measure(hub: HubProcess, kuma: KumaSimulator, token: str) -> tuple[_Cost, float, tuple[int, int]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(hub.url, headers=headers, raise_for_status=True) as session:
        await _until(lambda: _all_known(session))
        kuma.live(_script)
        await asyncio.sleep(SETTLE_SECONDS)
        cost = await _cost(hub)
        calls = await _calls(hub, kuma, session)
        kuma.live(None)
    return cost, await _wrong(hub, kuma), calls


def _script(monitor: Monitor, now: float) -> tuple[int, str | None, float | None]:
    """One in a hundred comes and goes."""
    round_of = int(now // INTERVAL)
    if monitor.id % 100 == 0 and round_of % 4 == 3:
        return Status.DOWN.number, "connect ECONNREFUSED", None
    return Status.UP.number, None, 10 + (monitor.id * 7 + round_of * 3) % 40


async def _all_known(session: aiohttp.ClientSession) -> bool:
    async with session.get(SUMMARY) as answer:
        return bool((await answer.json())["up"] == MONITORS)


async def _cost(hub: HubProcess) -> _Cost:
    worker = psutil.Process(_worker(hub))
    cost, began, used = _Cost(), time.monotonic(), worker.cpu_times()
    while time.monotonic() - began < MINUTES * 60:
        await asyncio.sleep(LOOK_SECONDS)
        cost.memory.append(pss(worker.pid))
    took, spent = time.monotonic() - began, worker.cpu_times()
    cost.processor = (spent.user + spent.system - used.user - used.system) / took
    return cost


def _worker(hub: HubProcess) -> int:
    memory_by_role(hub)  # fails with words when the processes are not there
    for child in psutil.Process(hub.process.pid).children():
        if "worker" in child.cmdline():
            return child.pid
    raise LookupError("this hub has no worker")


async def _calls(hub: HubProcess, kuma: KumaSimulator, session: aiohttp.ClientSession) -> tuple[int, int]:
    """What Uptime Kuma is asked while one page watches, and while many do; each looks at the dashboard every few seconds."""
    tokens = await people(session, WATCHERS // MOST_PER_PERSON)
    counts = []
    for watchers in (1, WATCHERS):
        async with clients(hub.url, list(islice(cycle(tokens), watchers))):
            before, ends = len(kuma.asked), time.monotonic() + WINDOW_SECONDS
            while time.monotonic() < ends:
                for token in islice(cycle(tokens), watchers):
                    async with session.get("/api/v1/dashboard", headers={"Authorization": f"Bearer {token}"}):
                        pass
                await asyncio.sleep(1)
            counts.append(len(kuma.asked) - before)
    return counts[0], counts[1]


async def _wrong(hub: HubProcess, kuma: KumaSimulator) -> float:
    """The most seconds by which any status of any hour of any monitor differs from what the simulator's beats add up to."""
    db = await Database.connect(DataDir(hub.folder / "data").addresses()["MEDIANEST_DATABASE__URL"])
    try:
        await _until(lambda: _all_stored(db, kuma))
        now = datetime.now(UTC)
        await roll_up(db, now)
        rows = await db.fetch(
            """SELECT m.kuma_id, h.* FROM plugin_uptime_kuma.hourly h
                 JOIN plugin_uptime_kuma.monitor m ON m.number = h.number"""
        )
        stored = {(row["kuma_id"], row["starts_at"].timestamp()): row for row in rows}
        ours = {at: sums for one in kuma.world.monitors.values() for at, sums in _sums(one, now.timestamp()).items()}
        return max(
            abs(sums.get(name, 0.0) - (stored[at][name] if at in stored else 0.0))
            for at, sums in ours.items()
            for name in _KEPT
        )
    finally:
        await db.close()


async def _all_stored(db: Database, kuma: KumaSimulator) -> bool:
    made = sum(len(one.beats) for one in kuma.world.monitors.values())
    return bool(await db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.beat") >= made)


def _sums(monitor: Monitor, now: float) -> dict[tuple[int, float], dict[str, float]]:
    """Seconds in each status by hour: a beat holds until the next, for twice the interval and half a minute at most."""
    sums: dict[tuple[int, float], dict[str, float]] = {}
    beats = sorted((round(beat.time, 3), Status.of(beat.status).value) for beat in monitor.beats)
    ends = [at for at, _ in beats[1:]] + [now]
    for (at, status), end in zip(beats, ends, strict=True):
        end = min(end, at + 2 * INTERVAL + 30, now)
        while at < end:
            hour = at // 3600 * 3600
            until = min(end, hour + 3600)
            kept = sums.setdefault((monitor.id, hour), {})
            kept[status] = kept.get(status, 0.0) + until - at
            at = until
    return sums


async def _until(check: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    ends = time.monotonic() + within
    while not await check():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {within:g} s")
        await asyncio.sleep(0.2)
