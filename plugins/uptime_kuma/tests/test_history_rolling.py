"""Hours and days are to the second what beats add up to, whenever and in whatever order those came."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from medianest_hub.plugin_api import Database
from medianest_hub.testing import ContextMaker, MemoryContext
from medianest_uptime_kuma.history.beats import Beat, add
from medianest_uptime_kuma.history.rolling import roll_up
from medianest_uptime_kuma.history.sums import COLUMNS
from medianest_uptime_kuma.history.uptimes import refresh_uptimes
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
STATUSES = ("up", "down", "pending", "maintenance", "paused")
Ctx = MemoryContext[UptimeKumaSettings]
Key = tuple[int, datetime]


@pytest.fixture
async def ctx(context: ContextMaker) -> Ctx:
    made = await context(UptimeKumaSettings(url="http://kuma.test:3001", status_pages=["main"]), database=True)
    await made.db.execute("INSERT INTO plugin_uptime_kuma.source (instance) VALUES ('main')")
    await monitors(made.db, range(1, 5))
    return made


async def monitors(db: Database, numbers: Iterable[int]) -> None:
    for number in numbers:
        await db.execute(
            """INSERT INTO plugin_uptime_kuma.monitor (id, number, instance, name, since, seen_at, created_at)
               OVERRIDING SYSTEM VALUE VALUES ($1, $2, 'main', 'a monitor', $3, $3, $3)""",
            *(UUID(int=number), number, NOON),
        )


@dataclass
class Expected:
    """One hour or day, worked out by hand."""

    seconds: dict[str, timedelta] = field(default_factory=lambda: dict.fromkeys(STATUSES, timedelta()))
    beats: int = 0
    pings: list[float] = field(default_factory=list)


def straight(beats: Iterable[Beat], now: datetime, size: timedelta) -> dict[Key, Expected]:
    """What beats add up to, one span after the other. `size` divides the day."""
    found: dict[Key, Expected] = {}
    by_monitor: dict[int, list[Beat]] = {}
    for beat in sorted(beats, key=lambda beat: beat.at):
        by_monitor.setdefault(beat.number, []).append(beat)
    for number, row in by_monitor.items():
        ends = [beat.at for beat in row[1:]] + [now]
        for beat, next_at in zip(row, ends, strict=True):
            one = found.setdefault((number, floor(beat.at, size)), Expected())
            one.beats += 1
            if beat.status is Status.UP and beat.ping is not None:
                one.pings.append(beat.ping)
            at, end = beat.at, min(next_at, now, beat.at + beat.hold * SECOND)
            while at < end and beat.status is not Status.UNKNOWN:
                start = floor(at, size)
                until = min(end, start + size)
                found.setdefault((number, start), Expected()).seconds[beat.status.value] += until - at
                at = until
    return {key: one for key, one in found.items() if any(one.seconds.values())}


def floor(at: datetime, size: timedelta) -> datetime:
    return at - (at - datetime(2026, 1, 1, tzinfo=UTC)) % size


async def sums(db: Database, table: str) -> dict[Key, dict[str, Any]]:
    rows = await db.fetch(f"SELECT * FROM plugin_uptime_kuma.{table}")
    return {(row["number"], row["starts_at"]): {name: row[name] for name in COLUMNS} for row in rows}


async def check(db: Database, beats: Iterable[Beat], now: datetime) -> None:
    """Hours and days in the tables are those worked out by hand, and nothing is left to do."""
    beats = list(beats)
    hours = straight(beats, now, HOUR)
    for table, expected in (("hourly", hours), ("daily", of_days(hours))):
        found = await sums(db, table)
        assert found.keys() == expected.keys()
        for key, one in expected.items():
            assert {name: found[key][name] for name in STATUSES} == pytest.approx(
                {name: one.seconds[name].total_seconds() for name in STATUSES}, abs=1e-5
            )
            assert found[key]["beats"] == one.beats
            assert found[key]["pings"] == len(one.pings)
            assert found[key]["ping_sum"] == pytest.approx(sum(one.pings))
            assert found[key]["ping_min"] == min(one.pings, default=None)
            assert found[key]["ping_max"] == max(one.pings, default=None)
    assert await db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.touched") == 0
    assert await db.fetchval("SELECT min(rolled_until) FROM plugin_uptime_kuma.source") == now


def of_days(hours: dict[Key, Expected]) -> dict[Key, Expected]:
    """Beats in hours of which nothing is known count nowhere, so days are made of hours."""
    found: dict[Key, Expected] = {}
    for (number, at), hour in hours.items():
        day = found.setdefault((number, floor(at, DAY)), Expected())
        day.beats += hour.beats
        day.pings += hour.pings
        for name in STATUSES:
            day.seconds[name] += hour.seconds[name]
    return found


def beat(at: datetime, hold: float = 60, status: Status = Status.UP, *, number: int = 1) -> Beat:
    return Beat(number, at, status, 20.0 if status is Status.UP else None, hold)


async def test_a_beat_counts_for_as_long_as_it_holds(ctx: Ctx) -> None:
    rows = [beat(NOON + 10 * SECOND, 90.5)]
    await add(ctx.db, rows, NOON + HOUR)
    await roll_up(ctx.db, NOON + HOUR)
    await check(ctx.db, rows, NOON + HOUR)
    assert (await sums(ctx.db, "hourly"))[1, NOON]["up"] == 90.5


async def test_a_gap_is_neither_up_nor_down(ctx: Ctx) -> None:
    rows = [beat(NOON, 60), beat(NOON + 600 * SECOND, 60, Status.UNKNOWN), beat(NOON + 1200 * SECOND, 60)]
    await add(ctx.db, rows, NOON + HOUR)
    await roll_up(ctx.db, NOON + HOUR)
    row = (await sums(ctx.db, "hourly"))[1, NOON]
    assert [row[name] for name in STATUSES] == [120, 0, 0, 0, 0]


@pytest.mark.parametrize("border", [NOON, NOON.replace(hour=0)], ids=["hour", "day"])
async def test_a_beat_over_a_border_counts_on_both_sides(ctx: Ctx, border: datetime) -> None:
    rows = [beat(border - 20 * SECOND, 60), beat(border - 5400 * SECOND, 7200, Status.DOWN, number=2)]
    await add(ctx.db, rows, border + HOUR)
    await roll_up(ctx.db, border + HOUR)
    await check(ctx.db, rows, border + HOUR)
    found = await sums(ctx.db, "hourly")
    assert (found[1, border - HOUR]["up"], found[1, border]["up"]) == (20, 40)
    assert [found[2, border + hour * HOUR]["down"] for hour in (-2, -1, 0)] == [1800, 3600, 1800]


async def test_a_beat_on_the_hour_ends_the_one_before_it_there(ctx: Ctx) -> None:
    rows = [beat(NOON - 30 * SECOND, 600), beat(NOON, 60, Status.DOWN)]
    await add(ctx.db, rows, NOON + HOUR)
    await roll_up(ctx.db, NOON + HOUR)
    await check(ctx.db, rows, NOON + HOUR)
    assert (await sums(ctx.db, "hourly"))[1, NOON]["up"] == 0


async def test_the_running_hour_counts_until_now(ctx: Ctx) -> None:
    rows = [beat(NOON + 10 * SECOND, 600)]
    await add(ctx.db, rows, NOON + 20 * SECOND)
    for now in (NOON + 20 * SECOND, NOON + 30 * SECOND):
        await roll_up(ctx.db, now)
        await check(ctx.db, rows, now)


@pytest.mark.parametrize("now", [NOON - SECOND / 1000, NOON, NOON + SECOND / 1000])
async def test_nothing_is_lost_around_the_hour(ctx: Ctx, now: datetime) -> None:
    rows = [beat(NOON - 90 * SECOND), beat(NOON - 30 * SECOND)]
    await add(ctx.db, rows, now)
    await roll_up(ctx.db, now)
    await check(ctx.db, rows, now)
    await roll_up(ctx.db, NOON + 300 * SECOND)
    await check(ctx.db, rows, NOON + 300 * SECOND)


async def test_what_came_late_is_added_up_again(ctx: Ctx) -> None:
    rows = [beat(NOON - 5 * HOUR, 4 * 3600), beat(NOON - 600 * SECOND)]
    await add(ctx.db, rows, NOON)
    await roll_up(ctx.db, NOON)
    late = [beat(NOON - 3.5 * HOUR, 60, Status.DOWN), beat(NOON - 26 * HOUR, 60)]
    await add(ctx.db, late, NOON, keep_known=True)
    assert await roll_up(ctx.db, NOON) > 2
    await check(ctx.db, [*rows, *late], NOON)


async def test_a_run_that_finds_nothing_new_writes_nothing(ctx: Ctx) -> None:
    rows = [beat(NOON - 2 * HOUR, 4000.25), beat(NOON - HOUR, 3599.75)]
    await add(ctx.db, rows, NOON)
    versions = "SELECT array_agg(xmin::text ORDER BY number, starts_at) FROM plugin_uptime_kuma."
    await roll_up(ctx.db, NOON)
    before = [await ctx.db.fetchval(versions + table) for table in ("hourly", "daily")]
    assert await roll_up(ctx.db, NOON) == 2
    assert [await ctx.db.fetchval(versions + table) for table in ("hourly", "daily")] == before
    await check(ctx.db, rows, NOON)


async def test_an_hour_of_which_nothing_is_known_any_more_goes(ctx: Ctx) -> None:
    await add(ctx.db, [beat(NOON - 90 * 60 * SECOND, 7200)], NOON)
    await roll_up(ctx.db, NOON)
    corrected = [beat(NOON - 90 * 60 * SECOND, 10)]
    await add(ctx.db, corrected, NOON)
    await roll_up(ctx.db, NOON)
    await check(ctx.db, corrected, NOON)
    assert (1, NOON - HOUR) not in await sums(ctx.db, "hourly")


async def test_hours_nobody_added_up_for_days_are_made_up_for(ctx: Ctx) -> None:
    start = NOON - 3 * DAY
    rows = [beat(start + step * 600 * SECOND, 700) for step in range(3 * 144)]
    for row in rows:
        await add(ctx.db, [row], row.at)
    await roll_up(ctx.db, start + HOUR)
    assert await roll_up(ctx.db, NOON) == 3 * 24 + 1
    await check(ctx.db, rows, NOON)


async def test_a_clock_that_was_ahead_leaves_no_hour_out(ctx: Ctx) -> None:
    await roll_up(ctx.db, NOON + 10 * HOUR)
    rows = [beat(NOON + 60 * SECOND)]
    await add(ctx.db, rows, NOON + 60 * SECOND)
    await roll_up(ctx.db, NOON + HOUR)
    await check(ctx.db, rows, NOON + HOUR)


async def test_what_was_added_up_outlives_its_beats(ctx: Ctx) -> None:
    old = NOON - 4 * DAY
    rows = [beat(old + step * 60 * SECOND, number=number) for step in range(60) for number in (1, 2)]
    await add(ctx.db, rows, NOON)
    await roll_up(ctx.db, NOON)
    before = await sums(ctx.db, "hourly"), await sums(ctx.db, "daily")
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.beat")
    await add(ctx.db, rows[100:], NOON, keep_known=True)
    await roll_up(ctx.db, NOON)
    assert (await sums(ctx.db, "hourly"), await sums(ctx.db, "daily")) == before


async def test_old_beats_of_an_hour_nobody_knew_are_added_up(ctx: Ctx) -> None:
    rows = [beat(NOON - step * DAY, 300) for step in range(1, 40)]
    await add(ctx.db, rows, NOON, keep_known=True)
    await roll_up(ctx.db, NOON)
    await check(ctx.db, rows, NOON)


async def test_a_day_outlives_its_hours(ctx: Ctx) -> None:
    old = NOON - 40 * DAY
    await add(ctx.db, [beat(old + step * 600 * SECOND, 600) for step in range(12)], NOON)
    await roll_up(ctx.db, NOON)
    before = await sums(ctx.db, "daily")
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.hourly")
    await add(ctx.db, [beat(old - HOUR, 10)], NOON)
    await roll_up(ctx.db, NOON)
    assert await sums(ctx.db, "daily") == before


def some(random: Random, at: datetime) -> Beat:
    """Any beat; times and holds fall on borders often, and are whole in binary so that `real` keeps them."""
    status = random.choice(list(Status))
    hold = random.choice([0, 20, 61.5, 600, 3600, 9000, random.randrange(40000) / 4])
    at += random.choice([timedelta(), timedelta(microseconds=random.randrange(10**6))])
    ping = random.choice([None, random.randrange(4000) / 8])
    return Beat(random.randrange(1, 5), at, status, ping, hold)


@pytest.mark.parametrize("seed", range(12))
async def test_any_history_is_added_up_as_by_hand(ctx: Ctx, seed: int) -> None:
    random = Random(seed)
    known: dict[Key, Beat] = {}
    now = NOON - 60 * HOUR + random.randrange(7200) * SECOND
    for _ in range(60):
        now += random.choice([1, 60, 300, 3600, random.randrange(15000)]) * SECOND
        if random.random() < 0.2:
            now = floor(now, HOUR) + HOUR
        back = random.choice([60, 3600, 40000])
        rows = [some(random, now - random.randrange(back) * SECOND - SECOND) for _ in range(random.randrange(6))]
        keep = random.random() < 0.5
        rows = list({(row.number, row.at): row for row in rows}.values())
        await add(ctx.db, rows, now, keep_known=keep)
        fresh = {(row.number, row.at): row for row in rows}
        known = {**fresh, **known} if keep else {**known, **fresh}
        if random.random() < 0.3:
            await roll_up(ctx.db, now)
            await check(ctx.db, known.values(), now)
    await roll_up(ctx.db, now)
    await check(ctx.db, known.values(), now)


async def test_runs_at_once_and_beats_meanwhile_come_out_right(ctx: Ctx) -> None:
    random = Random(1)
    known: dict[Key, Beat] = {}

    async def tell() -> None:
        for _ in range(40):
            rows = [some(random, NOON - random.randrange(80000) * SECOND - SECOND) for _ in range(5)]
            async with ctx.db.transaction() as tx:
                # As those do who write what monitors are.
                await tx.fetch("SELECT FROM plugin_uptime_kuma.source FOR SHARE")
                await tx.fetch("SELECT FROM plugin_uptime_kuma.monitor ORDER BY number FOR NO KEY UPDATE")
                await add(tx, rows, NOON)
                await tx.execute("UPDATE plugin_uptime_kuma.monitor SET message = 'seen'")
            known.update({(row.number, row.at): row for row in rows})

    async def add_up() -> None:
        for _ in range(6):
            await roll_up(ctx.db, NOON)
            await refresh_uptimes(ctx.db, NOON)

    await asyncio.gather(tell(), add_up(), add_up())
    await roll_up(ctx.db, NOON)
    await check(ctx.db, known.values(), NOON)


async def test_an_hour_noted_during_the_run_is_kept_for_the_next(ctx: Ctx) -> None:
    first, second = beat(NOON - 3 * HOUR), beat(NOON - 3 * HOUR + 600 * SECOND)
    await add(ctx.db, [first], NOON)
    async with ctx.db.transaction() as tx:
        await add(tx, [second], NOON)
        run = asyncio.create_task(roll_up(ctx.db, NOON))
        waiting = """SELECT EXISTS (SELECT FROM pg_stat_activity
                                     WHERE datname = current_database() AND wait_event_type = 'Lock')"""
        while not await ctx.db.fetchval(waiting):
            assert not run.done()
    await run
    await check(ctx.db, [first, second], NOON)


async def test_an_hour_not_noted_before_is_noted_after_the_run(ctx: Ctx) -> None:
    first, second = beat(NOON - 3 * HOUR), beat(NOON - 3 * HOUR + 600 * SECOND)
    await add(ctx.db, [first], NOON)
    await roll_up(ctx.db, NOON)
    async with ctx.db.transaction() as tx:
        await add(tx, [second], NOON)
        await roll_up(ctx.db, NOON)
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.touched") == 1
    await roll_up(ctx.db, NOON)
    await check(ctx.db, [first, second], NOON)
