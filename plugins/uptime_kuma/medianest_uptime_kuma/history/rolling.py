"""Adds up beats into hours, and hours into days; deletes no history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from medianest_hub.plugin_api import Database, Queries
from medianest_uptime_kuma.history.beats import HOUR, hour_of
from medianest_uptime_kuma.history.sums import COLUMNS, hour_from_beats

DAY: Final = timedelta(days=1)
BEATS_KEPT: Final = timedelta(days=2)
"""The least that settings allow: since then every beat is there, and what they add up to is the truth."""

_HOURS_KEPT: Final = timedelta(days=30)
"""The same for hours."""

_FARTHEST: Final = timedelta(days=30)
"""The most that settings allow for beats: farther back only late ones can change anything, and their hours are noted."""

_MARK_EVERY: Final = 24
_KNOWN: Final = "({0}.up + {0}.down + {0}.pending + {0}.maintenance + {0}.paused)"


def _replacing(table: str, sums: str, whole: str) -> str:
    """A statement that makes the rows of `table` that start at `$1` those of the query `sums`.

    Where `whole` is false, what was added up is not all there any more: rows may then only come to know more.
    """
    columns = ", ".join(COLUMNS)
    better = f"excluded.beats >= was.beats AND {_KNOWN.format('excluded')} >= {_KNOWN.format('was')}"
    return f"""
        WITH sums AS ({sums}), written AS (
            INSERT INTO plugin_uptime_kuma.{table} AS was ({columns}) SELECT {columns} FROM sums
            ON CONFLICT (number, starts_at) DO UPDATE
               SET ({columns}) = ({", ".join(f"excluded.{column}" for column in COLUMNS)})
             WHERE was IS DISTINCT FROM excluded AND ({whole} OR ({better}))
        )
        DELETE FROM plugin_uptime_kuma.{table} old
         WHERE old.starts_at = $1 AND {whole} AND NOT EXISTS (SELECT FROM sums WHERE sums.number = old.number)
    """  # nosec B608 # noqa: S608 - every part is written in this package


_HOUR: Final = _replacing("hourly", hour_from_beats(""), "$3::boolean")
_DAY: Final = _replacing(
    "daily",
    """SELECT number, $1::timestamptz AS starts_at, sum(up) AS up, sum(down) AS down, sum(pending) AS pending,
              sum(maintenance) AS maintenance, sum(paused) AS paused, sum(beats)::integer AS beats,
              sum(pings)::integer AS pings, sum(ping_sum) AS ping_sum, min(ping_min) AS ping_min, max(ping_max) AS ping_max
         FROM plugin_uptime_kuma.hourly
        WHERE starts_at >= $1 AND starts_at < $1 + interval '24 hours' GROUP BY number""",
    "$2::boolean",
)


async def hold_sums(q: Queries) -> None:
    """Until the transaction ends nobody else writes sums or removes monitors."""
    await q.execute("SELECT pg_advisory_xact_lock(hashtextextended('plugin_uptime_kuma:sums', 7))")


async def roll_up(db: Database, now: datetime) -> int:
    """Add up again all noted hours, and each from an hour before the last time to the running one; returns how many.

    Those of all monitors, whatever instance they are of: an hour is noted for all of them. Each hour and its day are one
    short transaction, so that a run that is cut off loses nothing, and nobody who stores beats waits for long. Of hours
    more than two days old some beats may have been deleted; they are only ever replaced by sums that know more.
    """
    running = hour_of(now)
    first = await _first(db, now)
    noted = await db.fetch("SELECT starts_at FROM plugin_uptime_kuma.touched WHERE starts_at <= $1", running)
    hours = {row["starts_at"] for row in noted}
    hours.update(first + HOUR * step for step in range((running - first) // HOUR + 1))
    for position, hour in enumerate(sorted(hours), 1):
        await _add_up(db, hour, now)
        if position % _MARK_EVERY == 0 and first < hour < running:
            await _mark(db, hour + HOUR)
    await _mark(db, now)
    return len(hours)


async def _first(db: Database, now: datetime) -> datetime:
    """The hour to begin with: that before the last run's, the first beat's, or at most a month back."""
    since = await db.fetchval(
        """SELECT coalesce(
               (SELECT min(rolled_until) - interval '1 hour' FROM plugin_uptime_kuma.source),
               (SELECT min(b.at) FROM plugin_uptime_kuma.monitor m CROSS JOIN LATERAL (
                    SELECT at FROM plugin_uptime_kuma.beat WHERE number = m.number ORDER BY at LIMIT 1) b))"""
    )
    # A clock that was ahead once must not leave hours out.
    latest = now - HOUR
    return hour_of(latest if since is None else max(min(since, latest), now - _FARTHEST))


async def _add_up(db: Database, hour: datetime, now: datetime) -> None:
    day = hour.replace(hour=0)
    async with db.transaction() as tx:
        await hold_sums(tx)
        # First of all: whoever noted it has stored their beats by then, and whoever notes it from here on is not heard yet
        # and waits until this ends. No more than one is ever held, so it does not matter in what order others note them.
        await tx.execute("DELETE FROM plugin_uptime_kuma.touched WHERE starts_at = $1", hour)
        await tx.execute(_HOUR, hour, min(hour + HOUR, now), hour >= hour_of(now) - BEATS_KEPT)
        await tx.execute(_DAY, day, day >= now - _HOURS_KEPT)


async def _mark(db: Database, until: datetime) -> None:
    # By itself: those who store beats hold the row while they do.
    await db.execute("UPDATE plugin_uptime_kuma.source SET rolled_until = $1", until)
