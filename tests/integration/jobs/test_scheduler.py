"""Periodic tasks: once per period over all workers, whatever the clock does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from medianest_hub.jobs.handlers import Catalogue
from medianest_hub.jobs.scheduler import Scheduler
from medianest_hub.plugin_api import Job, Task

from .conftest import Bench, Process, eventually

HOUR = timedelta(hours=1)


class Clock:
    """A clock the test sets."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


async def nothing(ctx: Any, job: Job) -> None:
    """Do nothing."""


async def scheduler(hub: Process, clock: Clock, every: timedelta = HOUR) -> Scheduler:
    await hub.plugins.add("p", tasks=[Task("tidy", nothing, every=every)])
    return Scheduler(hub.db, Catalogue(hub.plugins), lambda: None, clock)


async def runs(hub: Process) -> int:
    """How many jobs were queued so far; ends those waiting, as if they had run."""
    await hub.db.execute("UPDATE medianest.jobs SET state = 'done', finished_at = now() WHERE state = 'queued'")
    return int(await hub.db.fetchval("SELECT count(*) FROM medianest.jobs"))


async def test_a_task_runs_at_once_when_it_never_did_and_then_once_per_period(hub: Process) -> None:
    clock = Clock()
    ticking = await scheduler(hub, clock)
    counts = []
    for _ in range(9):
        await ticking.tick()
        counts.append(await runs(hub))
        clock.at += timedelta(minutes=20)
    assert counts == [1, 1, 1, 2, 2, 2, 3, 3, 3]


async def test_many_workers_ticking_at_once_queue_one_job(hub: Process) -> None:
    clock = Clock()
    ticking = await scheduler(hub, clock)
    others = [Scheduler(hub.db, Catalogue(hub.plugins), lambda: None, clock) for _ in range(4)]
    for period in range(1, 6):
        await asyncio.gather(*(one.tick() for one in (ticking, *others)))
        assert await runs(hub) == period
        clock.at += HOUR


async def test_missed_periods_are_made_up_for_once(hub: Process) -> None:
    clock = Clock()
    ticking = await scheduler(hub, clock)
    await ticking.tick()
    assert await runs(hub) == 1
    clock.at += 10 * HOUR + timedelta(minutes=5)
    await ticking.tick()
    await ticking.tick()
    assert await runs(hub) == 2
    clock.at += HOUR
    await ticking.tick()
    assert await runs(hub) == 3


async def test_a_clock_set_back_a_little_runs_nothing_twice(hub: Process) -> None:
    clock = Clock()
    ticking = await scheduler(hub, clock)
    await ticking.tick()
    clock.at -= timedelta(minutes=5)
    for _ in range(6):
        await ticking.tick()
        assert await runs(hub) == 1
        clock.at += timedelta(minutes=10)
    clock.at += timedelta(minutes=10)
    await ticking.tick()
    assert await runs(hub) == 2


async def test_a_clock_set_back_a_lot_stops_nothing_for_longer_than_a_period(hub: Process) -> None:
    clock = Clock()
    ticking = await scheduler(hub, clock)
    await ticking.tick()
    clock.at -= timedelta(days=30)
    await ticking.tick()
    assert await runs(hub) == 1
    clock.at += HOUR
    await ticking.tick()
    assert await runs(hub) == 2


async def test_a_period_waits_for_its_predecessor(hub: Process) -> None:
    clock = Clock()
    ticking = await scheduler(hub, clock)
    await ticking.tick()
    clock.at += HOUR
    await ticking.tick()
    assert await hub.db.fetchval("SELECT count(*) FROM medianest.jobs") == 1


async def test_a_shortened_period_counts_at_once(hub: Process) -> None:
    clock = Clock()
    await (await scheduler(hub, clock, timedelta(days=7))).tick()
    shortened = await scheduler(hub, clock, timedelta(minutes=1))
    await shortened.tick()
    await runs(hub)
    clock.at += timedelta(minutes=2)
    await shortened.tick()
    assert await runs(hub) == 2


async def test_two_workers_run_a_periodic_task_once_per_period_and_not_when_switched_off(bench: Bench) -> None:
    at: list[float] = []

    async def note(ctx: Any, job: Job) -> None:
        at.append(asyncio.get_running_loop().time())

    one, two = await bench.process(), await bench.process()
    for process in (one, two):
        await process.plugins.add("p", tasks=[Task("note", note, every=timedelta(seconds=0.5))])
    async with one.working(), two.working():
        await eventually(lambda: len(at) >= 5)
        for process in (one, two):
            await process.plugins.switch_off("p")
        await asyncio.sleep(0.1)
        count = len(at)
        assert count <= (at[-1] - at[0]) / 0.5 + 1.5
        await asyncio.sleep(0.8)
        assert len(at) == count
