"""Finds entries again: filters as SQL that an index answers, pages, the whole log piece by piece. Writes nothing."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.audit.entry import ActorKind, IpAddress, Result
from medianest_hub.infrastructure.database import Database

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PIECE: Final = 500
"""Entries held at once while the log is read whole."""

_SLACK: Final = timedelta(seconds=5)
_EARLIEST: Final = datetime(1971, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
_LAST_CHARACTER: Final = "\U0010ffff"
_FIELDS: Final = (
    "id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name, host(address) AS address, "
    "result, code, request_id, details"
)
# A distinct that jumps from one action to the next by the index, however many rows each has.
_ACTIONS: Final = """
WITH RECURSIVE found AS (
    (SELECT action FROM medianest.audit ORDER BY action USING ~<~ LIMIT 1)
    UNION ALL
    SELECT (SELECT a.action FROM medianest.audit a WHERE a.action ~>~ f.action ORDER BY a.action USING ~<~ LIMIT 1)
    FROM found f WHERE f.action IS NOT NULL
)
SELECT action FROM found WHERE action IS NOT NULL
"""


class AuditEntry(BaseModel):
    """One entry as it is shown. `address` is where the request came from, empty where there was none."""

    id: UUID
    at: datetime
    actor_kind: ActorKind
    actor_id: UUID | None
    actor_name: str
    action: str
    target_kind: str
    target_id: str
    target_name: str
    address: str
    result: Result
    code: str
    request_id: str
    details: dict[str, str | int | float | bool | list[str] | None]


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must fit. `action` also fits every action that begins with it; `since` is in, `until` is not."""

    actor: UUID | None = None
    action: str = ""
    target: str = ""
    address: IpAddress | None = None
    result: Result | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self, first: int) -> tuple[str, list[Any]]:
        """SQL and its arguments, numbered from `$first`."""
        conditions, arguments = ["true"], list[Any]()

        def add(condition: str, value: object) -> None:
            conditions.append(condition.format(f"${first + len(arguments)}"))
            arguments.append(value)

        if self.actor is not None:
            add("actor_id = {}", self.actor)
        if self.action:
            # A range rather than LIKE: it takes the index also where the plan is made before the value is known.
            add("action ~>=~ {}", self.action)
            add("action ~<~ {}", self.action + _LAST_CHARACTER)
        if self.target:
            add("target_id = {}", self.target)
        if self.address is not None:
            add("address = {}", ipaddress.ip_address(self.address.packed))  # without a zone, which is not stored
        if self.result is not None:
            # Written out, not a parameter, so that the planner may use the index of what did not go well.
            conditions.append(
                {"ok": "result = 'ok'", "refused": "result = 'refused'", "failed": "result = 'failed'"}[self.result]
            )
        # Ids are in order of time: they find the place, `at` then says exactly.
        if self.since is not None:
            since = _storable(self.since)
            add("id >= {}", _least_id(since - _SLACK))
            add("at >= {}", since)
        if self.until is not None:
            until = _storable(self.until)
            add("id < {}", _least_id(until + _SLACK))
            add("at < {}", until)
        return " AND ".join(conditions), arguments


class Reader:
    """Reads by pages, so that no connection is held while somebody takes their time over one."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, wanted: Filter, before: UUID | None, limit: int) -> list[AuditEntry]:
        """At most `limit` entries older than the one of that id, newest first."""
        where, arguments = wanted.where(2)
        if before is not None:
            where, arguments = f"{where} AND id < ${len(arguments) + 2}", [*arguments, before]
        # No value is in it: all are arguments.
        sql = f"SELECT {_FIELDS} FROM medianest.audit WHERE {where} ORDER BY id DESC LIMIT $1"  # nosec B608 # noqa: S608
        return [_entry(row) for row in await self._db.fetch(sql, limit, *arguments)]

    async def pieces(self, wanted: Filter, size: int = PIECE) -> AsyncIterator[list[AuditEntry]]:
        """Every entry there is now, newest first, `size` at a time."""
        before: UUID | None = None
        while entries := await self.page(wanted, before, size):
            yield entries
            if len(entries) < size:
                return
            before = entries[-1].id

    async def actions(self) -> list[str]:
        """Every action there is an entry of, in order."""
        return [row["action"] for row in await self._db.fetch(_ACTIONS)]


def _entry(row: Any) -> AuditEntry:
    fields = dict(row)
    fields["details"] = json.loads(fields["details"])
    fields["address"] = fields["address"] or ""
    return AuditEntry.model_construct(**fields)


def _least_id(at: datetime) -> UUID:
    """The least UUIDv7 of that millisecond."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _storable(at: datetime) -> datetime:
    """That time in UTC; one that nothing can have happened at becomes the nearest that every type here can hold."""
    try:
        moment = at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except OverflowError:
        moment = _EARLIEST if at.year < _LATEST.year else _LATEST
    return min(max(moment, _EARLIEST), _LATEST)
