"""The event outbox: an event is written in the transaction of what it tells of, so it is told exactly when that happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from structlog.contextvars import get_contextvars

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs.documents import to_document
from medianest_hub.plugin_api.events import EventData

CHANNEL = "mn:events"
"""Redis channel of `{"hint": true}` (look into the outbox) and `{"event": …}` (for `every_process` listeners)."""

NOTIFY = "mn_events"
"""Postgres channel that hints at the outbox when a transaction commits."""

_INSERT = """
INSERT INTO medianest.outbox (id, type, v, source, instance, person_id, data, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


class Outbox:
    """Where events are written; workers take them from there (`deliveries.py`)."""

    def __init__(self, db: Database, redis: RedisLink) -> None:
        self._db = db
        self._redis = redis

    async def emit(
        self,
        type: str,
        version: int,
        source: str,
        instance: str,
        data: Mapping[str, Any],
        person: UUID | None = None,
        tx: Any = None,
    ) -> UUID:
        """Write one event and return its id; with `tx` it exists once that transaction commits.

        Its listeners are those of the plugins that are switched on when a worker takes it, moments later: a plugin that
        is switched off then never hears of it.
        """
        event_id = new_id()
        request_id = str(get_contextvars().get("request_id", ""))
        await (tx or self._db).execute(
            _INSERT, event_id, type, version, source, instance, person, to_document(data), request_id
        )
        if tx is not None:
            await tx.execute("SELECT pg_notify($1, '')", NOTIFY)
        elif not await self._redis.publish(CHANNEL, {"hint": True}):
            await self._db.execute("SELECT pg_notify($1, '')", NOTIFY)
        return event_id

    async def emit_own(self, data: EventData, *, person: UUID | None = None, tx: Any = None) -> UUID:
        """Write an event of the hub itself (`hub:…`)."""
        return await self.emit(
            data.type, data.version, "hub", "main", data.model_dump(mode="json"), person=person, tx=tx
        )
