"""Takes beats in, and notes which hours have to be added up again for them; adds nothing up itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from medianest_hub.plugin_api import Queries
from medianest_uptime_kuma.models import Status

LONGEST_HOLD: Final = timedelta(days=2)
"""A longer one is cut: a monitor nobody heard of for two days is unknown, however seldom it is checked."""

HOUR: Final = timedelta(hours=1)
_AHEAD: Final = timedelta(minutes=1)
_AT_ONCE: Final = 5000
_LONGEST_PING: Final = 1e9

_PUT: Final = """
    WITH given AS (
        SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::smallint[], $4::real[], $5::real[])
                   AS g (number, at, status, ping, hold)
    ), put AS (
        INSERT INTO plugin_uptime_kuma.beat AS b (number, at, status, ping, hold)
        SELECT number, at, status, ping, hold FROM given
        ON CONFLICT (number, at) DO {} RETURNING b.number, b.at, b.hold
    )
    SELECT DISTINCT hour
      FROM put
           -- As the table was before: the beat in this place, or the one this cuts short.
           LEFT JOIN LATERAL (SELECT o.at, o.hold FROM plugin_uptime_kuma.beat o
                               WHERE o.number = put.number AND o.at <= put.at ORDER BY o.at DESC LIMIT 1) was ON true
           CROSS JOIN LATERAL generate_series(
               date_trunc('hour', put.at, 'UTC'),
               least($6::timestamptz - interval '1 hour',
                     greatest(put.at + make_interval(secs => put.hold), was.at + make_interval(secs => was.hold))),
               interval '1 hour') AS hour
     WHERE put.at < $6
"""
_NEW_ALONE: Final = _PUT.format("NOTHING")
_ALL: Final = _PUT.format(
    """UPDATE SET status = excluded.status, ping = excluded.ping, hold = excluded.hold
        WHERE (b.status, b.ping, b.hold) IS DISTINCT FROM (excluded.status, excluded.ping, excluded.hold)"""
)


@dataclass(frozen=True, slots=True)
class Beat:
    """What the monitor `number` was found to be at `at`; `ping` in ms. Believed until its next beat, `hold` seconds at most."""

    number: int
    at: datetime
    status: Status
    ping: float | None
    hold: float


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour `at` lies in, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


async def add(q: Queries, rows: Sequence[Beat], now: datetime, *, keep_known: bool = False) -> None:
    """Store beats; a monitor has one for each moment: the last of `rows`, or with `keep_known` what was stored before.

    Hours before the running one that come out differently are noted for `roll_up`. A beat dated more than a minute ahead
    of `now` is put at `now`; `hold` is cut to `LONGEST_HOLD`. Call it in a transaction, once: it locks what it notes, in the
    order of time. Lock monitors before `FOR NO KEY UPDATE`: with `FOR UPDATE` you and `roll_up` may wait for each other.
    One statement for up to 5,000 beats, a second one where hours are noted.
    """
    clean = {(beat.number, beat.at): beat for beat in (_sound(row, now) for row in rows)}
    # In one order whoever writes, so that two never wait for each other; and by time, which keeps the index on it small.
    beats = sorted(clean.values(), key=lambda beat: (beat.at, beat.number))
    hours: set[datetime] = set()
    for first in range(0, len(beats), _AT_ONCE):
        chunk = beats[first : first + _AT_ONCE]
        found = await q.fetch(
            _NEW_ALONE if keep_known else _ALL,
            [beat.number for beat in chunk],
            [beat.at for beat in chunk],
            [beat.status.number for beat in chunk],
            [beat.ping for beat in chunk],
            [beat.hold for beat in chunk],
            hour_of(now),
        )
        hours.update(row["hour"] for row in found)
    if hours:
        # An update where it is noted already: that waits for a roll_up under way, which may have read too early for us.
        await q.execute(
            """INSERT INTO plugin_uptime_kuma.touched (starts_at) SELECT unnest($1::timestamptz[])
               ON CONFLICT (starts_at) DO UPDATE SET starts_at = excluded.starts_at""",
            sorted(hours),
        )


def _sound(beat: Beat, now: datetime) -> Beat:
    """The beat with a time that has been and numbers that are some."""
    at = now if beat.at > now + _AHEAD else beat.at
    ping = beat.ping if beat.ping is not None and 0 <= beat.ping < _LONGEST_PING else None
    hold = 0.0 if math.isnan(beat.hold) else min(max(beat.hold, 0.0), LONGEST_HOLD.total_seconds())
    return replace(beat, at=at, ping=ping, hold=hold)
