"""Takes events from the outbox: one job for each listener, and word on Redis for those that listen in every process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import structlog

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs.handlers import LISTENER, Host
from medianest_hub.jobs.loops import Loop
from medianest_hub.jobs.outbox import CHANNEL
from medianest_hub.plugin_api.events import Listener

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0
BATCH = 100

_TAKE = """
SELECT seq, id, type, v, source, instance, person_id, data, request_id, at FROM medianest.outbox
WHERE dispatched_at IS NULL ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED
"""

_JOB = """
INSERT INTO medianest.jobs (id, plugin, instance, task, args, person_id, event_id, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (event_id, plugin, task) WHERE event_id IS NOT NULL DO NOTHING
"""

_TAKEN = "UPDATE medianest.outbox SET dispatched_at = now() WHERE seq = ANY ($1)"


class Deliveries:
    """Runs in every worker; `queued` is called with the ids of jobs that were added."""

    def __init__(self, db: Database, host: Host, redis: RedisLink, queued: Callable[[Iterable[UUID]], None]) -> None:
        self._db = db
        self._host = host
        self._redis = redis
        self._queued = queued
        self.loop = Loop("deliveries", self.deliver)
        redis.subscribe(CHANNEL, self._hinted)

    async def deliver(self) -> float:
        """Take one batch; returns seconds until the next look."""
        async with self._db.transaction() as tx:
            rows = await tx.fetch(_TAKE, BATCH)
            if not rows:
                return POLL_SECONDS
            jobs = [job for row in rows for job in self._jobs(row)]
            await tx.executemany(_JOB, jobs)
            await tx.execute(_TAKEN, [row["seq"] for row in rows])
        self._queued([job[0] for job in jobs])
        for row in rows:
            await self._redis.publish(CHANNEL, {"event": envelope(row)})
        return 0.0 if len(rows) == BATCH else POLL_SECONDS

    def _jobs(self, row: Any) -> Iterator[tuple[Any, ...]]:
        content = json.dumps(envelope(row))
        for plugin, instance, listener in self._listeners(row["type"], row["v"]):
            yield (
                *(new_id(), plugin, instance, LISTENER + listener.name, content),
                *(row["person_id"], row["id"], row["request_id"]),
            )

    def _listeners(self, type: str, version: int) -> Iterator[tuple[str, str, Listener]]:
        """Of all plugins that are switched on; one that is still starting gets its job later."""
        for name, runtime in self._host.runtimes.items():
            if runtime.plugin is None or runtime.state.is_hidden:
                continue
            for listener in runtime.plugin.listeners:
                if listener.every_process or listener.model.type != type:
                    continue
                if listener.model.version == version:
                    yield name, runtime.instance, listener
                else:
                    log.warning("event_of_other_version", plugin=name, type=type, version=version)

    async def _hinted(self, message: dict[str, Any]) -> None:
        if message.get("hint"):
            self.loop.wake()


def envelope(row: Any) -> dict[str, Any]:
    """An outbox row as the JSON of `plugin_api.events.Event`."""
    return {
        "id": str(row["id"]),
        "v": row["v"],
        "type": row["type"],
        "source": row["source"],
        "instance": row["instance"],
        "at": row["at"].isoformat(),
        "person": str(row["person_id"]) if row["person_id"] else None,
        "data": json.loads(row["data"]),
    }
