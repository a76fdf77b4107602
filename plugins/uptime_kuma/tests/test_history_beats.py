"""Beats are stored once a moment, and hours that come out differently are noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf, nan
from uuid import UUID

import pytest

from medianest_hub.plugin_api import Queries
from medianest_hub.testing import ContextMaker, MemoryContext
from medianest_uptime_kuma.history.beats import LONGEST_HOLD, Beat, add
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
Ctx = MemoryContext[UptimeKumaSettings]


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


def up(minutes: float, hold: float = 60, *, number: int = 1, ping: float | None = None) -> Beat:
    return Beat(number, NOON + timedelta(minutes=minutes), Status.UP, ping, hold)


def down(minutes: float, hold: float = 60) -> Beat:
    return Beat(1, NOON + timedelta(minutes=minutes), Status.DOWN, None, hold)


async def stored(ctx: Ctx) -> list[Beat]:
    rows = await ctx.db.fetch("SELECT number, at, status, ping, hold FROM plugin_uptime_kuma.beat ORDER BY number, at")
    return [Beat(row[0], row[1], Status.of(row[2]), row[3], row[4]) for row in rows]


async def noted(ctx: Ctx) -> list[float]:
    """Noted hours, as hours from noon."""
    rows = await ctx.db.fetch("SELECT starts_at FROM plugin_uptime_kuma.touched ORDER BY starts_at")
    return [(row[0] - NOON) / timedelta(hours=1) for row in rows]


class Counted:
    """Queries that are counted."""

    def __init__(self, q: Queries) -> None:
        self._q = q
        self.statements = count()

    async def fetch(self, sql: str, *args: object) -> Sequence[object]:
        next(self.statements)
        return await self._q.fetch(sql, *args)


async def test_beats_are_stored_as_they_are(ctx: Ctx) -> None:
    rows = [up(1, 90.5, ping=12.5), up(2, number=2), down(3)]
    await add(ctx.db, rows, NOON + timedelta(minutes=4))
    assert await stored(ctx) == [rows[0], rows[2], rows[1]]


async def test_beats_of_the_running_hour_take_one_statement_and_note_nothing(ctx: Ctx) -> None:
    counted = Counted(ctx.db)
    await add(counted, [up(1), up(1, number=2)], NOON + timedelta(minutes=1))  # type: ignore[arg-type]
    assert next(counted.statements) == 1
    assert await noted(ctx) == []


async def test_no_beats_take_no_statement() -> None:
    await add(None, [], NOON)  # type: ignore[arg-type]


async def test_a_later_beat_of_the_same_moment_takes_its_place(ctx: Ctx) -> None:
    await add(ctx.db, [up(1), down(1)], NOON + timedelta(minutes=2))
    assert await stored(ctx) == [down(1)]
    await add(ctx.db, [up(1, 30)], NOON + timedelta(minutes=2))
    assert await stored(ctx) == [up(1, 30)]


async def test_known_beats_are_kept_where_old_ones_are_filled_in(ctx: Ctx) -> None:
    await add(ctx.db, [down(1)], NOON + timedelta(minutes=2))
    await add(ctx.db, [up(1), up(2)], NOON + timedelta(minutes=2), keep_known=True)
    assert await stored(ctx) == [down(1), up(2)]


async def test_hours_before_the_running_one_are_noted_as_far_as_the_beat_holds(ctx: Ctx) -> None:
    await add(ctx.db, [up(-170, 3600)], NOON + timedelta(minutes=5))
    assert await noted(ctx) == [-3, -2]


async def test_the_running_hour_is_not_noted_though_the_beat_holds_into_it(ctx: Ctx) -> None:
    await add(ctx.db, [up(-10, 3600)], NOON + timedelta(minutes=5))
    assert await noted(ctx) == [-1]


async def test_hours_that_a_beat_takes_from_the_one_before_are_noted(ctx: Ctx) -> None:
    await add(ctx.db, [up(-290, 4 * 3600)], NOON - timedelta(hours=4))
    assert await noted(ctx) == [-5]
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.touched")
    await add(ctx.db, [down(-230)], NOON)
    assert await noted(ctx) == [-4, -3, -2, -1]


async def test_hours_that_a_shorter_hold_takes_away_are_noted(ctx: Ctx) -> None:
    await add(ctx.db, [up(-170, 7200)], NOON - timedelta(hours=2.5))
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.touched")
    await add(ctx.db, [up(-170, 60)], NOON)
    assert await noted(ctx) == [-3, -2, -1]


async def test_what_is_known_already_notes_nothing(ctx: Ctx) -> None:
    await add(ctx.db, [up(-90)], NOON)
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.touched")
    await add(ctx.db, [up(-90)], NOON)
    await add(ctx.db, [down(-90)], NOON, keep_known=True)
    assert await noted(ctx) == []


async def test_a_beat_from_the_future_is_put_at_now(ctx: Ctx) -> None:
    await add(ctx.db, [up(30)], NOON)
    assert await stored(ctx) == [up(0)]


async def test_clocks_that_differ_by_seconds_change_nothing(ctx: Ctx) -> None:
    await add(ctx.db, [up(0.5)], NOON)
    assert await stored(ctx) == [up(0.5)]


@pytest.mark.parametrize(
    ("given", "kept"), [(inf, LONGEST_HOLD.total_seconds()), (1e9, LONGEST_HOLD.total_seconds()), (-1, 0), (nan, 0)]
)
async def test_a_hold_that_cannot_be_is_cut(ctx: Ctx, given: float, kept: float) -> None:
    await add(ctx.db, [up(1, given)], NOON + timedelta(minutes=2))
    assert [beat.hold for beat in await stored(ctx)] == [kept]


@pytest.mark.parametrize("ping", [inf, -1, nan, 1e300])
async def test_a_response_time_that_cannot_be_is_none(ctx: Ctx, ping: float) -> None:
    await add(ctx.db, [up(1, ping=ping)], NOON + timedelta(minutes=2))
    assert [beat.ping for beat in await stored(ctx)] == [None]


async def test_more_beats_than_fit_one_statement_are_all_stored(ctx: Ctx) -> None:
    rows = [up(-second / 60, number=number) for number in (1, 2) for second in range(1, 3000)]
    await add(ctx.db, rows, NOON)
    assert len(await stored(ctx)) == len(rows)
    assert await noted(ctx) == [-1]
