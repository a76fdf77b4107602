"""Queues periodic tasks, each once per period over all workers: whoever moves the row's `next_at` on queues the job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.jobs.handlers import Catalogue, Work
from medianest_hub.jobs.loops import Loop

MAIN = "main"
UNIQUE = "every"
"""The unique text of periodic jobs: a period whose predecessor is still at work adds none."""

LONGEST_PAUSE = 5.0

_INTRODUCE = """
INSERT INTO medianest.schedules AS s (plugin, instance, task, every, next_at)
SELECT k.plugin, $5, k.task, make_interval(secs => k.every), coalesce($4::timestamptz, now())
FROM unnest($1::text[], $2::text[], $3::float8[]) AS k(plugin, task, every)
ON CONFLICT (plugin, instance, task) DO UPDATE SET every = excluded.every WHERE s.every <> excluded.every
"""

# `next_at` is never more than one period ahead: where it is, the clock was set back or the period was shortened, and the
# task shall not rest for longer than a period. A period missed while nobody worked is made up for once.
_FIRE = """
WITH clock AS (SELECT coalesce($3::timestamptz, now()) AS at),
due AS (
    UPDATE medianest.schedules s
    SET next_at = CASE
            WHEN s.next_at > c.at OR s.next_at + s.every <= c.at THEN c.at + s.every
            ELSE s.next_at + s.every
        END,
        last_run_at = CASE WHEN s.next_at <= c.at THEN c.at ELSE s.last_run_at END,
        runs = s.runs + CASE WHEN s.next_at <= c.at THEN 1 ELSE 0 END
    FROM clock c, unnest($1::text[], $2::text[]) AS k(plugin, task)
    WHERE s.plugin = k.plugin AND s.task = k.task AND s.instance = $4
      AND (s.next_at <= c.at OR s.next_at > c.at + s.every)
    RETURNING s.plugin, s.task, s.last_run_at = c.at AS fires
)
INSERT INTO medianest.jobs (id, plugin, instance, task, unique_key)
SELECT ids.id, due.plugin, $4, due.task, $5
FROM due JOIN unnest($1::text[], $2::text[], $6::uuid[]) AS ids(plugin, task, id) USING (plugin, task)
WHERE due.fires
ON CONFLICT (plugin, instance, task, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('queued', 'running') AND NOT cancel_requested
    DO NOTHING
RETURNING id
"""

_NEXT = """
SELECT extract(epoch FROM min(s.next_at) - coalesce($3::timestamptz, now()))::float8
FROM medianest.schedules s JOIN unnest($1::text[], $2::text[]) AS k(plugin, task) USING (plugin, task)
WHERE s.instance = $4
"""


class Scheduler:
    """Runs in every worker. `queued` is called when jobs were added. `clock` replaces Postgres' clock in tests."""

    def __init__(
        self,
        db: Database,
        catalogue: Catalogue,
        queued: Callable[[], None],
        clock: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._db = db
        self._catalogue = catalogue
        self._queued = queued
        self._clock = clock
        self._introduced: frozenset[tuple[str, str, float]] = frozenset()
        self.loop = Loop("scheduler", self.tick)

    async def tick(self) -> float:
        """Queue what is due; returns seconds until the next look."""
        periodic = self._catalogue.periodic()
        if not periodic:
            return LONGEST_PAUSE
        now = self._clock()
        plugins, tasks = [work.plugin for work in periodic], [work.task for work in periodic]
        await self._introduce(periodic, now)
        ids = [new_id() for _ in periodic]
        if await self._db.fetch(_FIRE, plugins, tasks, now, MAIN, UNIQUE, ids):
            self._queued()
        wait: float | None = await self._db.fetchval(_NEXT, plugins, tasks, now, MAIN)
        return LONGEST_PAUSE if wait is None else min(max(wait, 0.05), LONGEST_PAUSE)

    async def _introduce(self, periodic: list[Work], now: datetime | None) -> None:
        """Make rows for tasks seen for the first time (due at once), and tell changed periods."""
        entries = frozenset((w.plugin, w.task, w.every.total_seconds()) for w in periodic if w.every is not None)
        if entries <= self._introduced:
            return
        plugins, tasks, seconds = zip(*sorted(entries), strict=True)
        await self._db.execute(_INTRODUCE, list(plugins), list(tasks), list(seconds), now, MAIN)
        self._introduced |= entries
