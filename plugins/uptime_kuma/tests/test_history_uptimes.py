"""How much of the last day, week and month each monitor was up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from medianest_hub.testing import ContextMaker, MemoryContext
from medianest_uptime_kuma.history.uptimes import refresh_uptimes
from medianest_uptime_kuma.settings import UptimeKumaSettings

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Ctx = MemoryContext[UptimeKumaSettings]
Three = tuple[float | None, float | None, float | None]


@pytest.fixture
async def ctx(context: ContextMaker) -> Ctx:
    made = await context(UptimeKumaSettings(url="http://kuma.test:3001", status_pages=["main"]), database=True)
    for number in (1, 2):
        await made.db.execute(
            """INSERT INTO plugin_uptime_kuma.monitor (id, number, instance, name, since, seen_at, created_at)
               OVERRIDING SYSTEM VALUE VALUES ($1, $2, 'main', 'a monitor', $3, $3, $3)""",
            *(UUID(int=number), number, NOON),
        )
    return made


async def hour(ctx: Ctx, back: int, number: int = 1, **seconds: float) -> None:
    """One hour that was added up, `back` before the running one."""
    names = ("up", "down", "pending", "maintenance", "paused")
    await ctx.db.execute(
        """INSERT INTO plugin_uptime_kuma.hourly
               (number, starts_at, up, down, pending, maintenance, paused, beats, pings, ping_sum)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 60, 0, 0)""",
        *(number, NOON - back * HOUR, *(seconds.get(name, 0.0) for name in names)),
    )


async def own(ctx: Ctx, number: int = 1) -> Three:
    row = await ctx.db.fetchrow(
        "SELECT own_day, own_week, own_month FROM plugin_uptime_kuma.monitor WHERE number = $1", number
    )
    assert row is not None
    return row[0], row[1], row[2]


async def test_day_week_and_month_reach_back_whole_hours_from_the_running_one(ctx: Ctx) -> None:
    await hour(ctx, 0, up=600)
    for back in (24, 25, 168, 169, 720, 721):
        await hour(ctx, back, down=200)
    await refresh_uptimes(ctx.db, NOON + 10 * timedelta(minutes=1))
    assert await own(ctx) == (600 / 800, 600 / 1200, 600 / 1600)


async def test_being_tried_again_counts_as_not_up(ctx: Ctx) -> None:
    await hour(ctx, 1, up=300, down=200, pending=100)
    await refresh_uptimes(ctx.db, NOON)
    assert await own(ctx) == (0.5, 0.5, 0.5)


async def test_maintenance_pauses_and_gaps_do_not_count(ctx: Ctx) -> None:
    await hour(ctx, 1, up=300, maintenance=600, paused=900)
    await hour(ctx, 1, number=2, maintenance=600, paused=900)
    await refresh_uptimes(ctx.db, NOON)
    assert await own(ctx) == (1, 1, 1)
    assert await own(ctx, 2) == (None, None, None)


async def test_what_lies_too_far_back_is_known_no_longer(ctx: Ctx) -> None:
    await hour(ctx, 1, up=300)
    await refresh_uptimes(ctx.db, NOON)
    await refresh_uptimes(ctx.db, NOON + 100 * HOUR)
    assert await own(ctx) == (None, 1, 1)
    await refresh_uptimes(ctx.db, NOON + 1000 * HOUR)
    assert await own(ctx) == (None, None, None)


async def test_monitors_that_are_gone_stay_as_they_were(ctx: Ctx) -> None:
    await hour(ctx, 1, up=300)
    await ctx.db.execute("UPDATE plugin_uptime_kuma.monitor SET gone_at = $1, own_day = 0.25 WHERE number = 1", NOON)
    await refresh_uptimes(ctx.db, NOON)
    assert await own(ctx) == (0.25, None, None)


async def test_a_monitor_that_is_being_written_is_left_for_the_next_time(ctx: Ctx) -> None:
    for number in (1, 2):
        await hour(ctx, 1, number=number, up=300)
    async with ctx.db.transaction() as tx:
        await tx.execute("UPDATE plugin_uptime_kuma.monitor SET message = 'down' WHERE number = 1")
        async with asyncio.timeout(30):
            await refresh_uptimes(ctx.db, NOON)
        assert (await own(ctx), await own(ctx, 2)) == ((None, None, None), (1, 1, 1))
    await refresh_uptimes(ctx.db, NOON)
    assert await own(ctx) == (1, 1, 1)


async def test_monitors_whose_uptime_did_not_change_are_not_written(ctx: Ctx) -> None:
    await hour(ctx, 1, up=300)
    await refresh_uptimes(ctx.db, NOON)
    version = "SELECT xmin::text FROM plugin_uptime_kuma.monitor WHERE number = 1"
    before = await ctx.db.fetchval(version)
    await refresh_uptimes(ctx.db, NOON)
    assert await ctx.db.fetchval(version) == before
