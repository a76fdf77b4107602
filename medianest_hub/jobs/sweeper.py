"""Puts right what nobody else does: jobs of dead workers, times a stepped clock made absurd, rows that are too old.

Every step is one statement, so a worker that freezes in the middle holds up nobody; an advisory lock keeps two workers
from doing the same at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog

from medianest_hub.infrastructure.database import Database, is_transient
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.jobs.announcements import send_done
from medianest_hub.jobs.loops import Loop
from medianest_hub.plugin_api.tasks import JobState

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 5.0
DEAD_SECONDS = 15.0
"""A worker that has not been heard of for this long is dead: its jobs are done by another."""

MOST_LOST = 3
"""How many workers may die of (or during) one job before it is given up."""

KEEP_JOBS_DAYS = 30
KEEP_EVENTS_DAYS = 7
_PRUNE_SECONDS = 600.0
_PRUNE_ROWS = 1000
_LOCK = 0x6D6E_7377_6570  # "mnswep"; any constant of ours

_GUARD = f"WITH guard AS MATERIALIZED (SELECT pg_try_advisory_xact_lock({_LOCK}) AS mine)"

# Not within DEAD_SECONDS of Postgres' own start: the workers must have had the time to say that they live.
_LOST = f"""
{_GUARD},
dead AS (
    SELECT j.id FROM medianest.jobs j, guard
    WHERE guard.mine AND j.state = 'running' AND j.heartbeat_at < now() - make_interval(secs => $1)
      AND j.attempt_token <> ALL ($3::uuid[])
      AND pg_postmaster_start_time() NOT BETWEEN now() - make_interval(secs => $1) AND now()
    FOR UPDATE OF j SKIP LOCKED
),
judged AS (
    SELECT j.id, CASE WHEN j.cancel_requested THEN 'cancelled' WHEN j.lost + 1 >= $2 THEN 'failed' ELSE 'queued' END AS fate
    FROM medianest.jobs j JOIN dead USING (id)
)
UPDATE medianest.jobs j
SET state = fate, lost = j.lost + 1, slot = NULL, queued_at = now(), run_at = now(),
    -- A token of nobody's: whatever the dead worker still sends is refused.
    attempt_token = NULL,
    finished_at = CASE WHEN fate <> 'queued' THEN now() END,
    error_code = CASE fate WHEN 'failed' THEN 'worker_lost' WHEN 'cancelled' THEN 'cancelled' END,
    error_message = CASE fate WHEN 'failed' THEN 'The worker stopped ' || (j.lost + 1) || ' times while doing this.' END
FROM judged WHERE j.id = judged.id
RETURNING j.id, j.plugin, j.instance, j.task, j.state, j.person_id, j.error_code, j.error_message
"""  # nosec B608 # noqa: S608 - constants of this module

# The database's clock was set back: what lies in a future nobody chose is brought to the present.
_UNSTEP = (
    f"""
    {_GUARD}
    UPDATE medianest.jobs j SET heartbeat_at = now() FROM guard
    WHERE guard.mine AND j.state = 'running' AND j.heartbeat_at > now() + interval '30 seconds'
    """,  # nosec B608 # noqa: S608 - names are constants of ours
    f"""
    {_GUARD}
    UPDATE medianest.jobs j SET run_at = now() + (j.run_at - j.queued_at), queued_at = now() FROM guard
    WHERE guard.mine AND j.state = 'queued' AND j.run_at > now() + interval '60 seconds'
      AND j.queued_at > now() + interval '60 seconds'
    """,  # nosec B608 # noqa: S608 - names are constants of ours
)

_PRUNE = (
    """
    DELETE FROM medianest.jobs WHERE id IN (
        SELECT id FROM medianest.jobs WHERE finished_at < now() - make_interval(days => $1) LIMIT $2
    )
    """,
    """
    DELETE FROM medianest.outbox WHERE seq IN (
        SELECT seq FROM medianest.outbox WHERE dispatched_at < now() - make_interval(days => $1) LIMIT $2
    )
    """,
)


class Sweeper:
    """Runs in every worker. `requeued` is called with the ids of jobs that may run again.

    `own` gives the tokens of attempts alive in this process: it may have been held up itself, and knows better.
    """

    def __init__(
        self,
        db: Database,
        realtime: RealtimeLog,
        requeued: Callable[[Iterable[UUID]], None],
        own: Callable[[], Sequence[UUID]] = tuple,
        *,
        dead_after: float = DEAD_SECONDS,
        every: float = SWEEP_SECONDS,
    ) -> None:
        self._db = db
        self._realtime = realtime
        self._requeued = requeued
        self._own = own
        self._dead_after = dead_after
        self._every = every
        self._trusted_from = float("-inf")
        self._prune_at = time.monotonic() + 30.0
        self.loop = Loop("sweeper", self.sweep)

    async def sweep(self) -> float:
        """Look once; returns seconds until the next look."""
        try:
            for sql in _UNSTEP:
                await self._db.execute(sql)
            if time.monotonic() >= self._trusted_from:
                await self._take_from_the_dead()
            if time.monotonic() >= self._prune_at:
                await self.prune()
        except Exception as error:
            if is_transient(error):
                # While Postgres was away nobody could be heard of.
                self._trusted_from = time.monotonic() + self._dead_after
            raise
        return self._every

    async def prune(self) -> None:
        """Forget old rows, some at a time; comes again soon while there are more."""
        pause = _PRUNE_SECONDS
        for sql, days in zip(_PRUNE, (KEEP_JOBS_DAYS, KEEP_EVENTS_DAYS), strict=True):
            if (await self._db.execute(sql, days, _PRUNE_ROWS)).endswith(f" {_PRUNE_ROWS}"):
                pause = self._every
        self._prune_at = time.monotonic() + pause

    async def _take_from_the_dead(self) -> None:
        rows = await self._db.fetch(_LOST, self._dead_after, MOST_LOST, list(self._own()))
        if not rows:
            return
        log.warning("jobs_of_dead_workers", count=len(rows))
        self._requeued([row["id"] for row in rows if row["state"] == JobState.QUEUED])
        await self._announce(row for row in rows if row["state"] != JobState.QUEUED)

    async def _announce(self, rows: Iterable[Any]) -> None:
        for row in rows:
            await send_done(self._realtime, row)
