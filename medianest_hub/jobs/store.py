"""Jobs as every process may use them: queue, look up, list, cancel. Claiming and finishing are the worker's (`claims.py`)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs.announcements import send_done
from medianest_hub.jobs.dispatch import Dispatcher
from medianest_hub.jobs.documents import clean_text, to_document
from medianest_hub.jobs.rows import VIEW_COLUMNS, view_of
from medianest_hub.plugin_api.errors import Conflict, TooMany
from medianest_hub.plugin_api.services import JobView
from medianest_hub.plugin_api.tasks import JobState

CHANNEL = "mn:jobs"
"""Redis channel of `{"cancel": id}` and `{"leases": "free"}`."""

NOTIFY = "mn_jobs"
"""Postgres channel for the same where Redis cannot serve: empty to wake, or `cancel:<id>`."""

COUNT_SECONDS = 1.0
"""How long a count of waiting jobs is believed; so `max_queued` is kept to within what comes in that time."""

_ALIVE = "state IN ('queued', 'running') AND NOT cancel_requested"

_INSERT = f"""
WITH new AS (
    INSERT INTO medianest.jobs (id, plugin, instance, task, args, person_id, unique_key, request_id, priority, run_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))
    ON CONFLICT (plugin, instance, task, unique_key)
        WHERE unique_key IS NOT NULL AND {_ALIVE}
        DO NOTHING
    RETURNING id
)
SELECT id, true AS fresh FROM new
UNION ALL
SELECT id, false FROM medianest.jobs
WHERE NOT EXISTS (SELECT FROM new)
  AND plugin = $2 AND instance = $3 AND task = $4 AND unique_key = $7 AND {_ALIVE}
LIMIT 1
"""  # nosec B608 # noqa: S608 - constants of this module

_CANCEL = """
UPDATE medianest.jobs
SET cancel_requested = true,
    state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
    finished_at = CASE state WHEN 'queued' THEN now() END
WHERE id = $1 AND state IN ('queued', 'running')
RETURNING id, plugin, instance, task, state, person_id, error_code, error_message
"""

_COUNT = "SELECT count(*) FROM medianest.jobs WHERE state = 'queued' AND plugin = $1 AND task = $2"


class JobStore:
    """The jobs of the whole cluster, in Postgres. All calls may raise `DatabaseAway`."""

    def __init__(self, db: Database, redis: RedisLink, realtime: RealtimeLog) -> None:
        self._db = db
        self._redis = redis
        self._realtime = realtime
        self._counts: dict[tuple[str, str], tuple[int, float]] = {}
        self.dispatcher = Dispatcher(redis, lambda: self._notify(db))

    async def enqueue(
        self,
        plugin: str,
        instance: str,
        task: str,
        args: Mapping[str, Any],
        *,
        person: UUID | None = None,
        delay: float = 0.0,
        unique: str | None = None,
        request_id: str | None = None,
        max_queued: int | None = None,
        priority: int = 0,
        tx: Any = None,
    ) -> UUID:
        """Queue one job and return its id; with `unique`, perhaps that of one still alive.

        `delay` in seconds. `max_queued`: `TooMany` when about that many of this task wait already. With `tx` (an object
        with asyncpg's calls) the job exists once that transaction commits. Jobs of a higher `priority` go first.
        """
        if max_queued is not None:
            await self._check_room(plugin, task, max_queued)
        values = (
            *(new_id(), plugin, instance, task, to_document(args), person, unique and clean_text(unique)),
            *(clean_text(request_id or "", 200), priority, max(0.0, delay)),
        )
        queries = tx or self._db
        for _ in range(10):
            # Both halves find nothing when the job in the way ended in between.
            row = await queries.fetchrow(_INSERT, *values)
            if row is not None:
                break
        else:
            raise Conflict("The same work keeps starting and ending; try again.", code="job_busy")
        job_id: UUID = row["id"]
        if row["fresh"] and delay <= 0:
            await self._wake(job_id, tx)
        return job_id

    async def get(self, job_id: UUID) -> JobView | None:
        """One job, or None."""
        row = await self._db.fetchrow(f"SELECT {VIEW_COLUMNS} FROM medianest.jobs WHERE id = $1", job_id)  # nosec B608 # noqa: S608 - names are constants of ours
        return view_of(row) if row is not None else None

    async def list(
        self,
        *,
        person: UUID | None = None,
        plugin: str | None = None,
        state: JobState | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> list[JobView]:
        """Jobs, newest first: of that person (None: of all and of nobody), older than the job `before`."""
        wanted = [
            ("person_id = ", person),
            ("plugin = ", plugin),
            ("state = ", state and state.value),
            ("id < ", before),
        ]
        given = [(text, value) for text, value in wanted if value is not None]
        where = " AND ".join(f"{text}${number}" for number, (text, _) in enumerate(given, 1)) or "true"
        rows = await self._db.fetch(
            f"SELECT {VIEW_COLUMNS} FROM medianest.jobs WHERE {where} ORDER BY id DESC LIMIT {int(limit)}",  # nosec B608 # noqa: S608 - names are constants of ours
            *(value for _, value in given),
        )
        return [view_of(row) for row in rows]

    async def cancel(self, job_id: UUID) -> bool:
        """Cancel it wherever it is; a running one ends within about a second. False if it had ended already."""
        row = await self._db.fetchrow(_CANCEL, job_id)
        if row is None:
            return False
        if row["state"] == JobState.CANCELLED:
            await send_done(self._realtime, row)
        elif not await self._redis.publish(CHANNEL, {"cancel": str(job_id)}):
            await self._db.execute("SELECT pg_notify($1, $2)", NOTIFY, f"cancel:{job_id}")
        return True

    async def close(self) -> None:
        """Let what is under way to Redis leave."""
        await self.dispatcher.close()

    async def _wake(self, job_id: UUID, tx: Any) -> None:
        if tx is not None:
            await self._notify(tx)
        else:
            self.dispatcher.push_soon([job_id])

    @staticmethod
    async def _notify(queries: Any) -> None:
        """Wake workers through Postgres: when the transaction commits, and only then."""
        await queries.execute("SELECT pg_notify($1, '')", NOTIFY)

    async def _check_room(self, plugin: str, task: str, most: int) -> None:
        now = time.monotonic()
        count, counted_at = self._counts.get((plugin, task), (0, float("-inf")))
        if now - counted_at > COUNT_SECONDS:
            count, counted_at = int(await self._db.fetchval(_COUNT, plugin, task)), now
        if count >= most:
            raise TooMany(
                "Too much of this is waiting already; try again later.",
                code="queue_full",
                params={"plugin": plugin, "task": task, "waiting": count},
                retry_after=30.0,
            )
        self._counts[plugin, task] = (count + 1, counted_at)
