"""Deletes what is older than the settings want it kept, a little at a time; adds nothing up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from medianest_hub.plugin_api import Database
from medianest_uptime_kuma.history.beats import HOUR, hour_of
from medianest_uptime_kuma.history.rolling import DAY, hold_sums
from medianest_uptime_kuma.settings import HistoryRules

_STATEMENTS: Final = 2000
_MONITORS_AT_ONCE: Final = 10
_INCIDENTS_AT_ONCE: Final = 1000

_OLDEST_BEAT: Final = """
    SELECT min(b.at) FROM plugin_uptime_kuma.monitor m
           CROSS JOIN LATERAL (SELECT at FROM plugin_uptime_kuma.beat
                                WHERE number = m.number AND at >= $2 ORDER BY at LIMIT 1) b
     WHERE m.instance = $1
"""
_DELETE_BEATS: Final = """
    DELETE FROM plugin_uptime_kuma.beat WHERE ctid = ANY (ARRAY(
        SELECT b.ctid FROM plugin_uptime_kuma.monitor m CROSS JOIN LATERAL (
            SELECT ctid, at, hold FROM plugin_uptime_kuma.beat
             WHERE number = m.number AND at >= $2 AND at < $3 ORDER BY at OFFSET 0) b
         WHERE m.instance = $1 AND b.at + make_interval(secs => b.hold) <= $4::timestamptz))
"""
_OLDEST_SUMS: Final = """
    SELECT s.starts_at FROM plugin_uptime_kuma.{} s JOIN plugin_uptime_kuma.monitor m ON m.number = s.number
     WHERE m.instance = $1 AND s.starts_at >= $2 ORDER BY s.starts_at LIMIT 1
"""
_DELETE_SUMS: Final = """
    DELETE FROM plugin_uptime_kuma.{} s USING plugin_uptime_kuma.monitor m
     WHERE s.starts_at >= $2 AND s.starts_at < least($3, $4::timestamptz) AND m.number = s.number AND m.instance = $1
"""
_EVER: Final = datetime(1, 1, 2, tzinfo=UTC)


async def tidy_history(
    db: Database, instance: str, rules: HistoryRules, now: datetime, *, most: int = 1_000_000
) -> int:
    """Delete what is too old of one instance; returns how many rows went, of all tables together.

    It goes in steps of well under a second, each a transaction of its own. Of no table are many more than `most` rows
    deleted; the next run goes on.

    Beats stay until they are added up, and as long as they hold into an hour whose beats stay. Hours go by whole days of
    UTC, so that a day is never added up from what is left of it. Monitors gone and incidents closed stay as long as days.
    """
    gone = 0
    day = timedelta(days=rules.day_days)
    beats_until = await _added_up(db, hour_of(now - timedelta(days=rules.beat_days)) - HOUR)
    if beats_until is not None:
        gone += await _delete(db, instance, (_OLDEST_BEAT, _DELETE_BEATS), HOUR, beats_until, most)
    for table, kept, step in (("hourly", timedelta(days=rules.hour_days), DAY), ("daily", day, 30 * DAY)):
        until = hour_of(now - kept).replace(hour=0)
        gone += await _delete(db, instance, (_OLDEST_SUMS.format(table), _DELETE_SUMS.format(table)), step, until, most)
    gone += await _delete_monitors(db, instance, now - day)
    return gone + await _delete_incidents(db, instance, now - day)


async def _added_up(db: Database, until: datetime) -> datetime | None:
    """`until`, or, where roll_up is behind, up to where it needs no beats any more; None before its first run."""
    row = await db.fetchrow(
        """SELECT min(rolled_until) AS rolled, (SELECT min(starts_at) FROM plugin_uptime_kuma.touched) AS noted
             FROM plugin_uptime_kuma.source"""
    )
    if row is None or row["rolled"] is None:
        return None
    behind = hour_of(row["rolled"] - HOUR)
    return min(until, behind, row["noted"] or behind)


async def _delete(
    db: Database, instance: str, statements: tuple[str, str], step: timedelta, until: datetime, most: int
) -> int:
    """Step by step from the oldest on, each a transaction of its own; steps in which nothing is are left out."""
    oldest, delete = statements
    gone, start = 0, _EVER
    for _ in range(_STATEMENTS):
        found = await db.fetchval(oldest, instance, start)
        if found is None or found >= until or gone >= most:
            break
        start = found + step
        gone += _count(await db.execute(delete, instance, found, min(start, until), until))
    return gone


async def _delete_monitors(db: Database, instance: str, before: datetime) -> int:
    """With all their history; what settings keep for longer goes as well."""
    gone = 0
    for _ in range(_STATEMENTS):
        async with db.transaction() as tx:
            # Whoever adds up now would write sums of a monitor that is not there any more.
            await hold_sums(tx)
            tag = await tx.execute(
                """DELETE FROM plugin_uptime_kuma.monitor WHERE id IN (
                       SELECT id FROM plugin_uptime_kuma.monitor WHERE instance = $1 AND gone_at < $2
                        ORDER BY gone_at, id LIMIT $3)""",
                *(instance, before, _MONITORS_AT_ONCE),
            )
        gone += _count(tag)
        if _count(tag) < _MONITORS_AT_ONCE:
            break
    return gone


async def _delete_incidents(db: Database, instance: str, before: datetime) -> int:
    gone = 0
    for _ in range(_STATEMENTS):
        tag = await db.execute(
            """DELETE FROM plugin_uptime_kuma.incident WHERE id IN (
                   SELECT id FROM plugin_uptime_kuma.incident WHERE instance = $1 AND closed_at < $2 LIMIT $3)""",
            *(instance, before, _INCIDENTS_AT_ONCE),
        )
        gone += _count(tag)
        if _count(tag) < _INCIDENTS_AT_ONCE:
            break
    return gone


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])
