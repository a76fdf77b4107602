"""The log of events for open pages: kept in Postgres under a growing cursor, announced on Redis; sends to no socket itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.plugin_api.services import Queries

CHANNEL = "mn:realtime"
_SELECT = "SELECT seq, event, person_id, permission, data, at FROM medianest.realtime_events"
_LATEST = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM medianest.realtime_events_seq_seq"
_INSERT = """
INSERT INTO medianest.realtime_events (event, person_id, permission, data) VALUES ($1, $2, $3, $4) RETURNING seq
"""
_NUMBERS = "SELECT nextval('medianest.realtime_events_seq_seq') AS seq FROM generate_series(1, $1::integer) ORDER BY 1"
_INSERT_MANY = """
INSERT INTO medianest.realtime_events (seq, event, person_id, data)
SELECT t.seq, $2, t.person_id, t.data FROM unnest($1::bigint[], $3::uuid[], $4::jsonb[]) AS t (seq, person_id, data)
"""
_OLDEST = "SELECT coalesce((SELECT min(seq) FROM medianest.realtime_events), $1)"


@dataclass(frozen=True, slots=True)
class RealtimeEvent:
    """One event. `seq` is its cursor, None when it was not kept; exactly one of `person` and `permission` is set."""

    seq: int | None
    event: str
    data: dict[str, Any]
    person: UUID | None
    permission: str | None
    at: datetime | None = None

    def message(self) -> dict[str, Any]:
        """As sent over Redis."""
        return {
            "seq": self.seq,
            "event": self.event,
            "data": self.data,
            "person": str(self.person) if self.person else None,
            "permission": self.permission,
        }

    @classmethod
    def of_message(cls, message: Mapping[str, Any]) -> RealtimeEvent:
        """The reverse of `message`."""
        person = message.get("person")
        return cls(
            message["seq"],
            message["event"],
            message["data"],
            UUID(person) if person else None,
            message.get("permission"),
        )


class RealtimeLog:
    """Append with `send`, read again with `since`."""

    def __init__(self, db: Database, redis: RedisLink) -> None:
        self._db = db
        self._redis = redis

    async def send(
        self,
        event: str,
        data: Mapping[str, Any],
        *,
        person: UUID | None = None,
        permission: str | None = None,
        keep: bool = True,
    ) -> int | None:
        """Tell the person, or all with the permission; returns the cursor when kept."""
        if (person is None) == (permission is None):
            raise ValueError("an event goes to one person or to all with one permission")
        content = json.dumps(data, separators=(",", ":"), default=str)
        seq: int | None = None
        if keep:
            seq = await self._db.fetchval(
                _INSERT,
                event,
                person,
                permission,
                content,
            )
        await self._redis.publish(CHANNEL, RealtimeEvent(seq, event, json.loads(content), person, permission).message())
        return seq

    async def keep(
        self, event: str, told: Sequence[tuple[UUID, Mapping[str, Any]]], tx: Queries
    ) -> list[RealtimeEvent]:
        """Keep one event for each of these people, in that transaction; `publish` them when it has committed."""
        if not told:
            return []
        rows = await tx.fetch(_NUMBERS, len(told))
        content = [json.dumps(data, separators=(",", ":"), default=str) for _, data in told]
        numbers = [row["seq"] for row in rows]
        await tx.execute(_INSERT_MANY, numbers, event, [person for person, _ in told], content)
        return [
            RealtimeEvent(seq, event, json.loads(text), person, None)
            for seq, text, (person, _) in zip(numbers, content, told, strict=True)
        ]

    async def publish(self, event: RealtimeEvent) -> None:
        """Announce one that was kept."""
        await self._redis.publish(CHANNEL, event.message())

    async def since(self, seq: int, limit: int = 500) -> list[RealtimeEvent]:
        """Events after that cursor, oldest first, for everybody: the caller picks whom they may reach."""
        rows = await self._db.fetch(
            f"{_SELECT} WHERE seq > $1 ORDER BY seq LIMIT $2",
            seq,
            limit,
        )
        return [
            RealtimeEvent(r["seq"], r["event"], json.loads(r["data"]), r["person_id"], r["permission"], r["at"])
            for r in rows
        ]

    async def since_for(self, seq: int, person: UUID, permissions: list[str], limit: int = 500) -> list[RealtimeEvent]:
        """As `since`, only what this person may have."""
        rows = await self._db.fetch(
            f"{_SELECT} WHERE seq > $1 AND (person_id = $2 OR permission = ANY($3)) ORDER BY seq LIMIT $4",
            seq,
            person,
            permissions,
            limit,
        )
        return [
            RealtimeEvent(r["seq"], r["event"], json.loads(r["data"]), r["person_id"], r["permission"], r["at"])
            for r in rows
        ]

    async def latest_seq(self) -> int:
        """The newest cursor given out, 0 when there is none. Survives pruning."""
        return int(
            await self._db.fetchval(
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM medianest.realtime_events_seq_seq"
            )
        )

    async def oldest_seq(self) -> int:
        """The oldest cursor still kept; one past the newest when nothing is."""
        return int(await self._db.fetchval(_OLDEST, await self.latest_seq() + 1))

    async def prune(self, hours: float) -> None:
        """Forget events older than that."""
        await self._db.execute(
            "DELETE FROM medianest.realtime_events WHERE at < now() - make_interval(secs => $1)", hours * 3600.0
        )

    async def close_session(self, session_id: UUID) -> None:
        """Ask every web process to close that session's sockets."""
        await self._redis.publish(CHANNEL, {"close_session": str(session_id)})

    async def close_person(self, person_id: UUID) -> None:
        """Ask every web process to close all sockets of that person."""
        await self._redis.publish(CHANNEL, {"close_person": str(person_id)})
