"""Old history goes, and nothing else; what was added up stays right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from medianest_hub.plugin_api import Empty
from medianest_hub.testing import ContextMaker, MemoryContext, make_job
from medianest_uptime_kuma.history.beats import Beat, add
from medianest_uptime_kuma.history.rolling import roll_up
from medianest_uptime_kuma.history.tidying import tidy_history
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import HistoryRules, UptimeKumaSettings
from medianest_uptime_kuma.tasks import roll_up as roll_up_task
from medianest_uptime_kuma.tasks import tidy

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = HistoryRules(beat_days=2, hour_days=31, day_days=60)
Ctx = MemoryContext[UptimeKumaSettings]


@pytest.fixture
async def ctx(context: ContextMaker) -> Ctx:
    settings = UptimeKumaSettings(url="http://kuma.test:3001", status_pages=["main"], history=RULES)
    made = await context(settings, database=True)
    await made.db.execute("INSERT INTO plugin_uptime_kuma.source (instance) VALUES ('main')")
    await monitor(made, 1)
    return made


async def monitor(ctx: Ctx, number: int, *, instance: str = "main", gone_at: datetime | None = None) -> None:
    await ctx.db.execute(
        """INSERT INTO plugin_uptime_kuma.monitor (id, number, instance, name, since, seen_at, created_at, gone_at)
           OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, 'a monitor', $4, $4, $4, $5)""",
        *(UUID(int=number), number, instance, NOON, gone_at),
    )


def beats(back: Sequence[timedelta], hold: float = 60, *, number: int = 1) -> list[Beat]:
    return [Beat(number, NOON - one, Status.UP, 5, hold) for one in back]


async def times(ctx: Ctx, table: str, column: str = "starts_at") -> list[timedelta]:
    """How far before noon rows are, farthest first."""
    rows = await ctx.db.fetch(f"SELECT {column} FROM plugin_uptime_kuma.{table} ORDER BY {column}")
    return [NOON - row[0] for row in rows]


async def test_beats_are_kept_an_hour_longer_than_asked_for(ctx: Ctx) -> None:
    back = [2 * DAY + HOUR + timedelta(seconds=61), 2 * DAY + HOUR, 2 * DAY, HOUR]
    await add(ctx.db, beats([9 * DAY, 3 * DAY, *back]), NOON)
    await roll_up(ctx.db, NOON)
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 3
    assert await times(ctx, "beat", "at") == back[1:]
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 0


async def test_a_beat_that_holds_into_what_is_kept_is_kept(ctx: Ctx) -> None:
    await add(ctx.db, beats([3 * DAY], 86400), NOON)
    await roll_up(ctx.db, NOON)
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 0
    assert await tidy_history(ctx.db, "main", RULES, NOON + 2 * HOUR) == 1


async def test_beats_stay_until_they_are_added_up(ctx: Ctx) -> None:
    await add(ctx.db, beats([9 * DAY, 8 * DAY]), NOON)
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 0
    await roll_up(ctx.db, NOON - 8.5 * DAY)
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 1
    await roll_up(ctx.db, NOON)
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 1


async def test_deleting_beats_changes_no_sums_also_when_they_are_added_up_again(ctx: Ctx) -> None:
    rows = beats([step * timedelta(minutes=10) for step in range(1, 4 * 144)], 650)
    await add(ctx.db, rows, NOON)
    await roll_up(ctx.db, NOON)
    select = "SELECT array_agg(t::text ORDER BY starts_at) FROM plugin_uptime_kuma."
    before = [await ctx.db.fetchval(select + table + " t") for table in ("hourly", "daily")]
    assert await tidy_history(ctx.db, "main", RULES, NOON) > 200
    await ctx.db.execute(
        """INSERT INTO plugin_uptime_kuma.touched SELECT starts_at FROM plugin_uptime_kuma.hourly
            WHERE starts_at < $1""",
        NOON,
    )
    await roll_up(ctx.db, NOON)
    assert [await ctx.db.fetchval(select + table + " t") for table in ("hourly", "daily")] == before


async def test_hours_go_by_whole_days_and_days_later(ctx: Ctx) -> None:
    for table in ("hourly", "daily"):
        await ctx.db.execute(
            f"""INSERT INTO plugin_uptime_kuma.{table}
                    (number, starts_at, up, down, pending, maintenance, paused, beats, pings, ping_sum)
                SELECT 1, at, 60, 0, 0, 0, 0, 1, 0, 0
                  FROM generate_series($1::timestamptz, $2, interval '12 hours') AS at""",
            *(NOON - 100 * DAY - 12 * HOUR, NOON),
        )
    await tidy_history(ctx.db, "main", RULES, NOON)
    assert (await times(ctx, "hourly"))[0] == 31 * DAY + 12 * HOUR
    assert (await times(ctx, "daily"))[0] == 60 * DAY + 12 * HOUR


async def test_monitors_go_when_they_were_gone_for_as_long_as_days_are_kept(ctx: Ctx) -> None:
    for number in range(2, 30):
        await monitor(ctx, number, gone_at=NOON - 61 * DAY)
    await monitor(ctx, 30, gone_at=NOON - 59 * DAY)
    await add(ctx.db, beats([HOUR], number=2) + beats([HOUR], number=30), NOON)
    await roll_up(ctx.db, NOON)
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 28
    left = await ctx.db.fetch("SELECT number FROM plugin_uptime_kuma.monitor ORDER BY number")
    assert [row[0] for row in left] == [1, 30]
    for table in ("beat", "hourly", "daily"):
        assert await ctx.db.fetchval(f"SELECT array_agg(number) FROM plugin_uptime_kuma.{table}") == [30]


async def test_incidents_go_when_they_were_closed_for_as_long(ctx: Ctx) -> None:
    closed = [None, NOON - 61 * DAY, NOON - 59 * DAY]
    for number, at in enumerate(closed):
        await ctx.db.execute(
            """INSERT INTO plugin_uptime_kuma.incident
                   (id, instance, page, kuma_id, title, content, style, opened_at, updated_at, closed_at)
               VALUES ($1, 'main', 'home', $2, 'Storm', '', 'info', $3, $3, $4)""",
            *(UUID(int=number), number, NOON - 90 * DAY, at),
        )
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 1
    left = await ctx.db.fetch("SELECT kuma_id FROM plugin_uptime_kuma.incident ORDER BY kuma_id")
    assert [row[0] for row in left] == [0, 2]


async def test_what_is_another_instance_s_stays(ctx: Ctx) -> None:
    await monitor(ctx, 2, instance="cabin")
    await monitor(ctx, 3, instance="cabin", gone_at=NOON - 999 * DAY)
    await add(ctx.db, beats([9 * DAY]) + beats([9 * DAY], number=2), NOON)
    await roll_up(ctx.db, NOON)
    late = NOON + 400 * DAY
    assert await tidy_history(ctx.db, "main", RULES, late) == 3
    for table in ("beat", "hourly", "daily"):
        assert await ctx.db.fetchval(f"SELECT array_agg(number) FROM plugin_uptime_kuma.{table}") == [2]
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.monitor") == 3


async def test_a_run_is_bounded_and_the_next_goes_on(ctx: Ctx) -> None:
    await add(ctx.db, beats([step * DAY for step in range(4, 14)]), NOON)
    await roll_up(ctx.db, NOON)
    assert await tidy_history(ctx.db, "main", RULES, NOON, most=4) == 4
    assert await times(ctx, "beat", "at") == [step * DAY for step in range(9, 3, -1)]
    assert await tidy_history(ctx.db, "main", RULES, NOON) == 6


async def test_the_tasks_do_all_of_it(ctx: Ctx) -> None:
    now = ctx.clock.now()
    old = Beat(1, now - 9 * DAY, Status.UP, 5, 60)
    await add(ctx.db, [old, Beat(1, now - HOUR, Status.UP, 5, 60)], now)
    await roll_up_task(ctx, make_job(Empty()))
    assert await ctx.db.fetchval("SELECT own_day FROM plugin_uptime_kuma.monitor") == 1
    await tidy(ctx, make_job(Empty()))
    assert await ctx.db.fetchval("SELECT array_agg(at) FROM plugin_uptime_kuma.beat") == [now - HOUR]
