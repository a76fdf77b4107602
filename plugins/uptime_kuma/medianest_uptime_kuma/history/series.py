"""Reads history for charts: what became of one monitor, step by step, and response times of several; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Queries, Record, errors
from medianest_uptime_kuma.history.beats import HOUR, hour_of
from medianest_uptime_kuma.history.sums import COLUMNS, Sums, hour_from_beats
from medianest_uptime_kuma.models import Status

MOST_POINTS: Final = 2000
_LIVE: Final = timedelta(hours=24)
"""Where nobody added up for longer, the rest is a gap until somebody does."""

_ONE_HOUR: Final = hour_from_beats("WHERE m.number = $3")
_COUNTED: Final = (Status.UP, Status.DOWN, Status.PENDING)


class Step(StrEnum):
    """What one point of a series stands for."""

    BEAT = "beat"
    HOUR = "hour"
    DAY = "day"


class Point(BaseModel):
    """One beat, hour or day (of UTC) of a monitor, from `at` on; what is not known is null, never up."""

    at: datetime
    status: Status | None = Field(default=None, description="with single beats only; unknown where a gap begins")
    uptime: float | None = Field(description="the part it was up, 0-1; maintenance, pauses and gaps do not count")
    known: float = Field(
        description="the part anything is known of, 0-1; of the running hour or day, of what has passed"
    )
    down_seconds: float
    response_ms: float | None = Field(
        description="the mean of checks that found it up; the check's own with single beats"
    )
    response_min: float | None
    response_max: float | None


async def series(
    q: Queries, number: int, start: datetime, end: datetime, step: Step, *, now: datetime | None = None
) -> list[Point]:
    """What became of a monitor from the hour or day of `start` on to `end`, or to `now` if that comes first.

    With hours and days there is one point for each, that of `end` included, also where nothing is known; what is not added
    up yet is read from beats. With beats the first point is at `start`, with what the monitor was by then, and there is one
    more wherever a gap begins. Raises `BadInput` when times cannot be used, or there were more than 2,000 points.
    """
    start, end = _utc(start, "from"), _utc(end, "to")
    if end <= start:
        raise _bad("to", "bad_time", "The end must lie after the start.")
    end = end if now is None else min(end, now.astimezone(UTC))
    if end <= start:
        return []
    if step is Step.BEAT:
        return await _of_beats(q, number, start, end)
    size = HOUR if step is Step.HOUR else 24 * HOUR
    start = hour_of(start) if step is Step.HOUR else hour_of(start).replace(hour=0)
    steps = -((start - end) // size)
    if steps > MOST_POINTS:
        raise _too_many()
    sums = {start + size * index: Sums() for index in range(steps)}
    until = await _fill(q, number, sums, step, end)
    return [_point(at, one, min(at + size, until) - at) for at, one in sums.items()]


async def _fill(q: Queries, number: int, sums: dict[datetime, Sums], step: Step, end: datetime) -> datetime:
    """Take days that are added up from `daily`, hours that are from `hourly`, and the last ones, up to `end`, from beats.

    Returns until when everything that was known is in.
    """
    first, last = min(sums), max(sums)
    past = last + (HOUR if step is Step.HOUR else 24 * HOUR)
    rolled = await q.fetchval("SELECT min(rolled_until) FROM plugin_uptime_kuma.source")
    live = hour_of(end) - _LIVE if rolled is None else max(hour_of(end) - _LIVE, hour_of(rolled))
    hours_from = first if step is Step.HOUR else min(max(first, live.replace(hour=0)), past)
    for table, since, until in (("daily", first, hours_from), ("hourly", hours_from, min(live, past))):
        if since < until:
            for row in await _rows(q, table, number, since, until):
                sums[row["starts_at"] if step is Step.HOUR else row["starts_at"].replace(hour=0)].take(row)
    hour = max(live, first)
    while hour < end:
        for row in await q.fetch(_ONE_HOUR, hour, min(hour + HOUR, end), number):
            sums[hour if step is Step.HOUR else hour.replace(hour=0)].take(row)
        hour += HOUR
    return end if rolled is None else max(end, rolled)


async def _rows(q: Queries, table: str, number: int, since: datetime, until: datetime) -> Sequence[Record]:
    return await q.fetch(
        f"""SELECT {", ".join(COLUMNS)} FROM plugin_uptime_kuma.{table}
             WHERE number = $1 AND starts_at >= $2 AND starts_at < $3""",  # nosec B608 # noqa: S608 - all written here
        *(number, since, until),
    )


def _point(at: datetime, sums: Sums, passed: timedelta) -> Point:
    return Point(
        at=at,
        uptime=sums.uptime,
        known=min(sums.known / passed.total_seconds(), 1.0),
        down_seconds=sums.down,
        response_ms=sums.response,
        response_min=sums.ping_min,
        response_max=sums.ping_max,
    )


async def _of_beats(q: Queries, number: int, start: datetime, end: datetime) -> list[Point]:
    rows = await q.fetch(
        """(SELECT at, status, ping, hold FROM plugin_uptime_kuma.beat
             WHERE number = $1 AND at < $2 ORDER BY at DESC LIMIT 1)
           UNION ALL
           (SELECT at, status, ping, hold FROM plugin_uptime_kuma.beat
             WHERE number = $1 AND at >= $2 AND at < $3 ORDER BY at LIMIT $4)
           ORDER BY at""",
        *(number, start, end, MOST_POINTS + 1),
    )
    points = list(_told(rows, start, end))
    if len(points) > MOST_POINTS:
        raise _too_many()
    return points


def _told(rows: Sequence[Record], start: datetime, end: datetime) -> Iterator[Point]:
    """Each beat, and each moment from which on nobody knows; at `start` one of the two."""
    if not rows or rows[0]["at"] > start:
        yield _moment(start, Status.UNKNOWN, None, timedelta())
    ends = [*(row["at"] for row in rows), end][1:]
    for row, until in zip(rows, ends, strict=True):
        began, status = row["at"], Status.of(row["status"])
        ceases = began + timedelta(seconds=row["hold"])
        at = max(began, start)
        if ceases > at or began >= start:
            # What is from before the start was not measured here.
            yield _moment(at, status, row["ping"] if began >= start else None, min(ceases, until) - at)
        if max(ceases, at) < until and status is not Status.UNKNOWN:
            yield _moment(max(ceases, at), Status.UNKNOWN, None, timedelta())


def _moment(at: datetime, status: Status, ping: float | None, lasted: timedelta) -> Point:
    return Point(
        at=at,
        status=status,
        uptime=float(status is Status.UP) if status in _COUNTED else None,
        known=float(status is not Status.UNKNOWN),
        down_seconds=lasted.total_seconds() if status is Status.DOWN else 0,
        response_ms=ping,
        response_min=ping,
        response_max=ping,
    )


async def response_chart(
    q: Queries, numbers: Sequence[int], end: datetime, hours: int = 24
) -> dict[int, list[tuple[datetime, float | None]]]:
    """Mean response times in ms of the last `hours` hours, that of `end` included: by monitor, pairs of hour and mean.

    None where nothing is known. One query for all; where the last hour is not added up yet, it is read from beats.
    """
    last = hour_of(end)
    rows = await q.fetch(
        """SELECT n.number, t.at, CASE WHEN h.number IS NULL THEN b.mean ELSE h.ping_sum / nullif(h.pings, 0) END AS mean
             FROM unnest($1::integer[]) AS n (number)
                  CROSS JOIN generate_series($2::timestamptz, $3::timestamptz, interval '1 hour') AS t (at)
                  LEFT JOIN plugin_uptime_kuma.hourly h
                       ON h.number = n.number AND h.starts_at = t.at AND h.starts_at >= $2 AND h.starts_at <= $3
                  LEFT JOIN LATERAL (
                      SELECT avg(ping::double precision) AS mean FROM plugin_uptime_kuma.beat
                       WHERE h.number IS NULL AND t.at = $3 AND number = n.number AND at >= $3 AND at <= $4 AND status = 1
                  ) b ON true
            ORDER BY t.at""",
        *(sorted(set(numbers)), last - HOUR * (hours - 1), last, end),
    )
    found: dict[int, list[tuple[datetime, float | None]]] = {number: [] for number in numbers}
    for row in rows:
        found[row["number"]].append((row["at"], row["mean"]))
    return found


def _utc(at: datetime, field: str) -> datetime:
    try:
        # A week's room to both sides for reckoning with it.
        at = at.astimezone(UTC)
        _ = (at - timedelta(days=7), at + timedelta(days=7))
    except OverflowError:
        raise _bad(field, "bad_time", "This time lies outside of what can be reckoned with.") from None
    return at


def _too_many() -> errors.BadInput:
    return _bad(
        "step", "too_many_points", f"That makes more than {MOST_POINTS:,} points. Ask for less time or longer steps."
    )


def _bad(field: str, code: str, message: str) -> errors.BadInput:
    return errors.BadInput(message, fields=[errors.FieldProblem(field=f"query.{field}", code=code, message=message)])
