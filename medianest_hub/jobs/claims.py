"""The worker's side of the jobs table: claim, heartbeat, settle. Every write is fenced by the attempt's token.

Which job is next is decided here, in one statement, and not by the order of tokens in Redis: of each *lane* (one person's
jobs of one task) the first ones are looked at, and the person with the least at work goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from medianest_hub.infrastructure.database import Database
from medianest_hub.jobs.documents import to_document
from medianest_hub.jobs.rows import ClaimedJob, Settled
from medianest_hub.plugin_api.tasks import JobState, Progress

NOBODY = UUID(int=0)
"""Stands for "no person" where jobs are counted by person."""

# The first part walks the index from lane to lane, so ten thousand jobs in one lane cost as much as one. A task with a
# limit gets the lowest free place; the index `jobs_slot` refuses the second of two workers that chose the same.
_CLAIM = """
WITH RECURSIVE lanes(lane) AS (
    (SELECT lane FROM medianest.jobs WHERE state = 'queued' ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT j.lane FROM medianest.jobs j WHERE j.state = 'queued' AND j.lane > l.lane ORDER BY j.lane LIMIT 1)
    FROM lanes l WHERE l.lane IS NOT NULL
),
known AS (SELECT * FROM unnest($1::text[], $2::text[], $3::int[]) AS k(plugin, task, cap)),
busy AS MATERIALIZED (
    SELECT plugin, task, coalesce(person_id, $7) AS person, slot FROM medianest.jobs WHERE state = 'running'
),
places AS (
    SELECT k.plugin, k.task, k.cap, CASE WHEN k.cap IS NOT NULL THEN (
        SELECT min(place) FROM generate_series(1, k.cap) place
        WHERE NOT EXISTS (SELECT FROM busy b WHERE b.plugin = k.plugin AND b.task = k.task AND b.slot = place)
    ) END AS slot
    FROM known k
),
heads AS (
    SELECT h.id, h.priority, h.run_at, coalesce(h.person_id, $7) AS person, p.slot
    FROM lanes l
    CROSS JOIN LATERAL (
        SELECT j.id, j.plugin, j.task, j.person_id, j.priority, j.run_at FROM medianest.jobs j
        WHERE j.state = 'queued' AND j.lane = l.lane AND j.run_at <= now()
        ORDER BY j.priority DESC, j.run_at, j.id LIMIT 8
    ) h
    JOIN places p ON p.plugin = h.plugin AND p.task = h.task
    WHERE p.cap IS NULL OR p.slot IS NOT NULL
),
pick AS (
    SELECT j.id, h.slot FROM heads h JOIN medianest.jobs j ON j.id = h.id
    WHERE j.state = 'queued'
    ORDER BY h.priority DESC, (SELECT count(*) FROM busy b WHERE b.person = h.person),
        coalesce(array_position($4::uuid[], h.person), 0), h.run_at, h.id
    LIMIT 1
    FOR UPDATE OF j SKIP LOCKED
)
UPDATE medianest.jobs j
SET state = 'running', attempt = j.attempt + 1, attempt_token = $5, worker = $6, slot = pick.slot,
    started_at = now(), heartbeat_at = now(), progress = '{}', error_code = NULL, error_message = NULL
FROM pick WHERE j.id = pick.id
RETURNING j.*
"""

_NEXT_DUE = """
SELECT extract(epoch FROM min(run_at) - now())::float8 FROM medianest.jobs WHERE state = 'queued' AND run_at > now()
"""

_HEARTBEAT = """
UPDATE medianest.jobs j SET heartbeat_at = now()
FROM unnest($1::uuid[], $2::uuid[]) AS mine(id, token)
WHERE j.id = mine.id AND j.attempt_token = mine.token AND j.state = 'running'
RETURNING j.id, j.cancel_requested
"""

_PROGRESS = """
UPDATE medianest.jobs SET progress = $3 WHERE id = $1 AND attempt_token = $2 AND state = 'running'
"""

_FINISH = """
UPDATE medianest.jobs
SET state = $3, result = $4, error_code = $5, error_message = $6, finished_at = now(), slot = NULL
WHERE id = $1 AND attempt_token = $2 AND state = 'running'
RETURNING id, plugin, instance, task, state, person_id, error_code, error_message
"""

# A job somebody asked to cancel is not queued again, whatever its attempt came to.
_REQUEUE = """
UPDATE medianest.jobs
SET state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'queued' END,
    finished_at = CASE WHEN cancel_requested THEN now() END,
    attempt = CASE WHEN $4 THEN attempt ELSE attempt - 1 END,
    queued_at = now(), run_at = now() + make_interval(secs => $3), slot = NULL, error_code = $5, error_message = $6
WHERE id = $1 AND attempt_token = $2 AND state = 'running'
RETURNING id, plugin, instance, task, state, person_id, error_code, error_message
"""

_LOOK = """
SELECT id, plugin, instance, task, state, person_id, error_code, error_message
FROM medianest.jobs WHERE id = $1 AND attempt_token = $2 AND state <> 'running'
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What this worker can run now, as three columns: plugin, task, and how many of it at once in the cluster (or None)."""

    plugins: Sequence[str]
    tasks: Sequence[str]
    limits: Sequence[int | None]


class ClaimStore:
    """SQL of one worker, named `worker` in the rows it claims. All calls may raise `DatabaseAway`."""

    def __init__(self, db: Database, worker: str) -> None:
        self._db = db
        self.worker = worker

    async def claim(self, known: Known, recent: Sequence[UUID]) -> ClaimedJob | None:
        """Take the next job among those known, or None. `recent`: persons served lately, the last one at the end."""
        if not known.plugins:
            return None
        for _ in range(5):
            try:
                row = await self._db.fetchrow(
                    _CLAIM, known.plugins, known.tasks, known.limits, recent, uuid4(), self.worker, NOBODY
                )
            except asyncpg.UniqueViolationError:
                continue  # another worker took the same place of a limited task
            return ClaimedJob.of(row) if row is not None else None
        return None

    async def next_due(self) -> float | None:
        """Seconds until the next delayed job may run, or None."""
        seconds: float | None = await self._db.fetchval(_NEXT_DUE)
        return seconds

    async def heartbeat(self, running: Sequence[ClaimedJob]) -> dict[UUID, bool]:
        """Say that these are being worked on. Those still ours come back, with whether they are to be cancelled."""
        rows = await self._db.fetch(_HEARTBEAT, [job.id for job in running], [job.token for job in running])
        return {row["id"]: row["cancel_requested"] for row in rows}

    async def progress(self, job: ClaimedJob, progress: Progress) -> None:
        """Keep how far it is."""
        await self._db.execute(_PROGRESS, job.id, job.token, to_document(progress))

    async def give_back(self, job: ClaimedJob) -> None:
        """It cannot be run here after all; not counted as an attempt."""
        await self.settle(job, Settled(JobState.QUEUED, counted=False))

    async def settle(self, job: ClaimedJob, settled: Settled, *, again: bool = False) -> Any | None:
        """Write what the attempt came to and return the row, or None when the job was no longer ours.

        `again`: an earlier try ended in the dark; if it did arrive after all, its row is returned.
        """
        if settled.state is JobState.QUEUED:
            row = await self._db.fetchrow(
                _REQUEUE,
                *(job.id, job.token, settled.delay, settled.counted, settled.error_code, settled.error_message),
            )
        else:
            row = await self._db.fetchrow(
                _FINISH,
                *(job.id, job.token, settled.state.value, settled.result, settled.error_code, settled.error_message),
            )
        if row is None and again:
            row = await self._db.fetchrow(_LOOK, job.id, job.token)
        return row
