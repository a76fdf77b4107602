"""Charts show what was, up to this moment, and never a gap as up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

import pytest

from medianest_hub.plugin_api import errors
from medianest_hub.testing import ContextMaker, MemoryContext
from medianest_uptime_kuma.history.beats import Beat, add
from medianest_uptime_kuma.history.rolling import roll_up
from medianest_uptime_kuma.history.series import MOST_POINTS, Point, Step, response_chart, series
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
Ctx = MemoryContext[UptimeKumaSettings]


@pytest.fixture
async def ctx(context: ContextMaker) -> Ctx:
    made = await context(UptimeKumaSettings(url="http://kuma.test:3001", status_pages=["main"]), database=True)
    await made.db.execute("INSERT INTO plugin_uptime_kuma.source (instance) VALUES ('main')")
    for number in (1, 2, 3):
        await made.db.execute(
            """INSERT INTO plugin_uptime_kuma.monitor (id, number, instance, name, since, seen_at, created_at)
               OVERRIDING SYSTEM VALUE VALUES ($1, $2, 'main', 'a monitor', $3, $3, $3)""",
            *(UUID(int=number), number, NOON),
        )
    return made


def beat(
    minutes: float, hold: float = 60, status: Status = Status.UP, ping: float | None = None, *, number: int = 1
) -> Beat:
    return Beat(number, NOON + minutes * MINUTE, status, ping, hold)


def brief(points: list[Point]) -> list[tuple[float, Status | None, float]]:
    """Minutes from noon, status, seconds down."""
    return [((point.at - NOON) / MINUTE, point.status, point.down_seconds) for point in points]


async def test_each_hour_has_a_point_also_where_nothing_is_known(ctx: Ctx) -> None:
    await add(ctx.db, [beat(-180, 900, ping=10), beat(-160, 300, Status.DOWN), beat(-130, 600, ping=20)], NOON)
    await roll_up(ctx.db, NOON)
    points = await series(ctx.db, 1, NOON - 4 * HOUR, NOON, Step.HOUR)
    assert [point.at for point in points] == [NOON - back * HOUR for back in (4, 3, 2, 1)]
    assert [point.uptime for point in points] == [None, 1500 / 1800, None, None]
    assert [point.known for point in points] == [0, 0.5, 0, 0]
    assert points[1].down_seconds == 300
    assert (points[1].response_ms, points[1].response_min, points[1].response_max) == (15, 10, 20)
    assert points[2] == Point(
        at=NOON - 2 * HOUR, uptime=None, known=0, down_seconds=0, response_ms=None, response_min=None, response_max=None
    )


async def test_maintenance_and_pauses_are_known_and_no_uptime(ctx: Ctx) -> None:
    await add(ctx.db, [beat(-60, 1800, Status.MAINTENANCE), beat(-30, 1800, Status.PAUSED)], NOON)
    await roll_up(ctx.db, NOON)
    (point,) = await series(ctx.db, 1, NOON - HOUR, NOON, Step.HOUR)
    assert (point.uptime, point.known) == (None, 1)


async def test_a_series_begins_with_the_whole_hour_of_its_start_in_any_zone(ctx: Ctx) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    points = await series(ctx.db, 1, (NOON + 5 * MINUTE).astimezone(zone), NOON + HOUR + MINUTE, Step.HOUR)
    assert [point.at for point in points] == [NOON, NOON + HOUR]
    days = await series(ctx.db, 1, (NOON + 5 * MINUTE).astimezone(zone), NOON + DAY, Step.DAY)
    assert [point.at for point in days] == [NOON.replace(hour=0), NOON.replace(hour=0) + DAY]


@pytest.mark.parametrize("rolled", [None, -61, -1, 0, 20, 40])
@pytest.mark.parametrize("step", [Step.HOUR, Step.DAY])
async def test_the_running_hour_counts_up_to_now_whenever_it_was_added_up(
    ctx: Ctx, step: Step, rolled: float | None
) -> None:
    now = NOON + 40 * MINUTE
    rows = [beat(minute, 90, Status.DOWN if minute == 39 else Status.UP, 8) for minute in range(-100, 40)]
    before = now if rolled is None else NOON + rolled * MINUTE
    await add(ctx.db, [row for row in rows if row.at < before], before)
    if rolled is not None:
        await roll_up(ctx.db, before)
        await add(ctx.db, [row for row in rows if row.at >= before], now)
    points = await series(ctx.db, 1, NOON - 2 * HOUR, NOON + 9 * HOUR, step, now=now)
    if step is Step.HOUR:
        assert [point.uptime for point in points] == [1, 1, 39 / 40]
        assert [round(point.known, 6) for point in points] == [round(40 / 60, 6), 1, 1]
    else:
        assert [(point.uptime, point.known) for point in points] == [(139 / 140, pytest.approx(140 / (12 * 60 + 40)))]
    assert (points[-1].down_seconds, points[-1].response_ms) == (60, 8)


async def test_just_after_midnight_both_days_are_whole(ctx: Ctx) -> None:
    midnight = NOON.replace(hour=0)
    minutes = range(-24 * 60, 3)
    rows = [Beat(1, midnight + minute * MINUTE, Status.UP, None, 60) for minute in minutes]
    await add(ctx.db, [row for row in rows if row.at < midnight - 2 * MINUTE], midnight - 2 * MINUTE)
    await roll_up(ctx.db, midnight - 2 * MINUTE)
    now = midnight + 2 * MINUTE
    await add(ctx.db, rows, now)
    points = await series(ctx.db, 1, midnight - 3 * DAY, now, Step.DAY)
    assert [(point.uptime, point.known) for point in points] == [(None, 0), (None, 0), (1, 1), (1, 1)]


async def test_days_come_from_days_that_were_added_up(ctx: Ctx) -> None:
    await add(ctx.db, [beat(-1440 * day, 3600, Status.UP, day) for day in range(1, 6)], NOON)
    await roll_up(ctx.db, NOON)
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.beat")
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.hourly")
    points = await series(ctx.db, 1, NOON - 5 * DAY, NOON, Step.DAY)
    assert [point.response_ms for point in points] == [5, 4, 3, 2, 1, None]
    assert [point.known for point in points] == [pytest.approx(1 / 24)] * 5 + [0]


async def test_what_ended_long_ago_needs_no_beats(ctx: Ctx) -> None:
    await add(ctx.db, [beat(-1440 * 5 + minute, 60) for minute in range(60)], NOON)
    await roll_up(ctx.db, NOON)
    await ctx.db.execute("DELETE FROM plugin_uptime_kuma.beat")
    start = NOON - 5 * DAY
    (hour,) = await series(ctx.db, 1, start, start + 20 * MINUTE, Step.HOUR)
    assert (hour.uptime, hour.known) == (1, 1)
    (day,) = await series(ctx.db, 1, start, start + 20 * MINUTE, Step.DAY)
    assert (day.uptime, day.known) == (1, pytest.approx(1 / 24))


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_read_live_is_what_will_be_added_up(ctx: Ctx, seed: int) -> None:
    random = Random(seed)
    now = NOON + random.randrange(3600) * timedelta(seconds=1)
    for _ in range(20):
        at = (now - random.randrange(80000) * timedelta(seconds=1) - NOON) / MINUTE
        await add(ctx.db, [beat(at, random.randrange(9000), random.choice(list(Status)), 5)], now)
    for step in (Step.HOUR, Step.DAY):
        live = await series(ctx.db, 1, now - 23 * HOUR, now, step)
        await roll_up(ctx.db, now)
        assert await series(ctx.db, 1, now - 23 * HOUR, now, step) == live
        await ctx.db.execute("UPDATE plugin_uptime_kuma.source SET rolled_until = NULL")


async def test_beats_are_points_and_so_are_beginnings_of_gaps(ctx: Ctx) -> None:
    rows = [beat(1, 60, ping=7), beat(2, 120, Status.DOWN), beat(10, 300, Status.PENDING), beat(12, 60, Status.UNKNOWN)]
    await add(ctx.db, rows, NOON + HOUR)
    points = await series(ctx.db, 1, NOON, NOON + HOUR, Step.BEAT)
    assert brief(points) == [
        (0, Status.UNKNOWN, 0),
        (1, Status.UP, 0),
        (2, Status.DOWN, 120),
        (4, Status.UNKNOWN, 0),
        (10, Status.PENDING, 0),
        (12, Status.UNKNOWN, 0),
    ]
    assert [point.uptime for point in points] == [None, 1, 0, None, 0, None]
    assert [point.known for point in points] == [0, 1, 1, 0, 1, 0]
    assert [point.response_ms for point in points] == [None, 7, None, None, None, None]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (beat(-1, 600, Status.DOWN, 9), [(0, Status.DOWN, 540), (9, Status.UNKNOWN, 0)]),
        (beat(-1, 60, Status.DOWN), [(0, Status.UNKNOWN, 0)]),
        (beat(-2, 60), [(0, Status.UNKNOWN, 0)]),
        (beat(0, 7200), [(0, Status.UP, 0)]),
        (beat(-1, 7200, Status.UNKNOWN), [(0, Status.UNKNOWN, 0)]),
    ],
)
async def test_a_series_of_beats_begins_with_what_was_by_then(
    ctx: Ctx, before: Beat, expected: list[tuple[float, Status, float]]
) -> None:
    await add(ctx.db, [before], NOON + HOUR)
    points = await series(ctx.db, 1, NOON, NOON + HOUR, Step.BEAT)
    assert brief(points) == expected
    assert [point.response_ms for point in points] == [None] * len(expected)


async def test_a_monitor_without_beats_is_one_gap(ctx: Ctx) -> None:
    assert brief(await series(ctx.db, 3, NOON, NOON + HOUR, Step.BEAT)) == [(0, Status.UNKNOWN, 0)]


async def test_a_beat_that_holds_beyond_now_is_down_until_now(ctx: Ctx) -> None:
    await add(ctx.db, [beat(0, 600, Status.DOWN)], NOON)
    points = await series(ctx.db, 1, NOON, NOON + HOUR, Step.BEAT, now=NOON + MINUTE)
    assert brief(points) == [(0, Status.DOWN, 60)]


@pytest.mark.parametrize("step", list(Step))
async def test_nothing_is_said_of_the_future(ctx: Ctx, step: Step) -> None:
    assert await series(ctx.db, 1, NOON + 2 * DAY, NOON + 3 * DAY, step, now=NOON) == []


@pytest.mark.parametrize(
    ("start", "end", "step", "field"),
    [
        (NOON, NOON, Step.HOUR, "query.to"),
        (NOON, NOON - HOUR, Step.BEAT, "query.to"),
        (NOON - MOST_POINTS * HOUR - MINUTE, NOON, Step.HOUR, "query.step"),
        (NOON - MOST_POINTS * DAY, NOON + DAY, Step.DAY, "query.step"),
        (datetime.min.replace(tzinfo=UTC), NOON, Step.DAY, "query.from"),
        (datetime.max.replace(tzinfo=timezone(-HOUR)), NOON, Step.DAY, "query.from"),
        (NOON, datetime.max.replace(tzinfo=UTC), Step.DAY, "query.to"),
    ],
)
async def test_what_cannot_be_shown_is_refused_with_words(
    ctx: Ctx, start: datetime, end: datetime, step: Step, field: str
) -> None:
    with pytest.raises(errors.BadInput) as refused:
        await series(ctx.db, 1, start, end, step)
    assert [problem.field for problem in refused.value.fields] == [field]
    assert "." in str(refused.value)


async def test_as_many_points_as_are_allowed_are_shown(ctx: Ctx) -> None:
    assert len(await series(ctx.db, 1, NOON - MOST_POINTS * HOUR, NOON, Step.HOUR)) == MOST_POINTS


async def test_beats_and_gaps_together_are_bounded(ctx: Ctx) -> None:
    await add(ctx.db, [beat(minute, 30) for minute in range(MOST_POINTS // 2)], NOON + 2 * DAY)
    assert len(await series(ctx.db, 1, NOON, NOON + 2 * DAY, Step.BEAT)) == MOST_POINTS
    await add(ctx.db, [beat(MOST_POINTS, 30)], NOON + 2 * DAY)
    with pytest.raises(errors.BadInput):
        await series(ctx.db, 1, NOON, NOON + 2 * DAY, Step.BEAT)


async def test_response_times_of_several_monitors_come_hour_by_hour(ctx: Ctx) -> None:
    now = NOON + 5 * MINUTE
    rows = [beat(-130, ping=10), beat(-129, ping=20), beat(-10, ping=5, number=2), beat(-9, 60, Status.DOWN, 900)]
    await add(ctx.db, rows, now)
    await roll_up(ctx.db, now)
    hours = [NOON - 3 * HOUR, NOON - 2 * HOUR, NOON - HOUR, NOON]
    assert await response_chart(ctx.db, [2, 1, 3], now, hours=4) == {
        2: list(zip(hours, [None, None, 5, None], strict=True)),
        1: list(zip(hours, [15, None, None, None], strict=True)),
        3: list(zip(hours, [None] * 4, strict=True)),
    }


async def test_the_last_hour_of_response_times_is_read_from_beats_until_it_is_added_up(ctx: Ctx) -> None:
    await add(ctx.db, [beat(1, ping=10), beat(2, ping=30), beat(3, 60, Status.DOWN, 900)], NOON + 4 * MINUTE)
    expected = {1: [(NOON, 20)], 2: [(NOON, None)]}
    assert await response_chart(ctx.db, [1, 2], NOON + 4 * MINUTE, hours=1) == expected
    await roll_up(ctx.db, NOON + 4 * MINUTE)
    assert await response_chart(ctx.db, [1, 2], NOON + 4 * MINUTE, hours=1) == expected


async def test_no_monitors_make_an_empty_chart(ctx: Ctx) -> None:
    assert await response_chart(ctx.db, [], NOON) == {}
