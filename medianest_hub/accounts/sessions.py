"""Sessions: Postgres holds the truth, Redis a short-lived hint of it; ending one writes a tombstone and never deletes."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from medianest_hub.accounts.account import account_inactive, wrong_credentials
from medianest_hub.infrastructure.addresses import read_address
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisAway, RedisLink
from medianest_hub.plugin_api.services import Queries

log = structlog.get_logger(__name__)

KEY_PREFIX: Final = "mn:session:"
LIVE: Final = b"1"
ENDED: Final = b"0"
LIVE_SECONDS: Final = 60
"""How long a live verdict stands in Redis before Postgres is asked again, which also notes that the session is in use."""

TOMBSTONE_SECONDS: Final = 3600
"""Longer than any live verdict can still stand or be on its way."""

REFRESH_REUSED: Final = "refresh_reused"
IDENTITY_WITHDRAWN: Final = "identity_withdrawn"
WORTH_TELLING: Final = (REFRESH_REUSED, IDENTITY_WITHDRAWN)
"""Reasons for which the hub itself ends sessions; their people are told, and what says so is kept until they have seen it."""

ALONE_SECONDS: Final = 0.5
"""How long a process keeps verdicts to itself while Redis is away."""

_KEPT = 10_000
LONGEST_USER_AGENT: Final = 400

IDLE_SECONDS: Final = {False: 24 * 3600, True: 90 * 24 * 3600}
"""How long an unused session lasts, by whether it is to be remembered."""

IDLE: Final = "CASE WHEN {} THEN interval '90 days' ELSE interval '1 day' END"
"""The same as SQL."""

_COLUMNS = """id, user_id, provider, remember, user_agent, host(address) AS address,
              created_at, last_used_at, expires_at, ended_at"""
# By the row of its person, which a change of their password or status takes, too: whichever comes second sees the first.
_START = f"""
WITH seen AS (
    UPDATE medianest.users SET last_seen_at = now()
    WHERE id = $2 AND status = 'active' AND ($7::text IS NULL OR password_hash = $7) RETURNING id
)
INSERT INTO medianest.sessions (id, user_id, provider, remember, user_agent, address, signed_in_from, expires_at)
SELECT $1, id, $3, $4::boolean, $5, $6::inet, $6::inet, now() + {IDLE.format("$4::boolean")} FROM seen RETURNING {_COLUMNS}
"""  # nosec B608 # noqa: S608 - constants of this module only
# An API key lives like a session whose id is the key's; ids are never given twice.
_VERDICT = """
SELECT extract(epoch FROM s.expires_at - now())::float8 AS seconds_left,
       s.last_used_at < now() - interval '5 minutes' AS stale
FROM medianest.sessions s JOIN medianest.users u ON u.id = s.user_id
WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > now() AND u.status = 'active'
UNION ALL
SELECT coalesce(extract(epoch FROM k.expires_at - now())::float8, 86400),
       k.last_used_at IS NULL OR k.last_used_at < now() - interval '5 minutes'
FROM medianest.api_keys k JOIN medianest.users u ON u.id = k.user_id
WHERE k.id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.status = 'active'
"""
_USED = f"""
WITH used AS (
    UPDATE medianest.sessions SET last_used_at = now(), expires_at = now() + {IDLE.format("remember")}
    WHERE id = $1 AND ended_at IS NULL RETURNING user_id
), key AS (
    UPDATE medianest.api_keys SET last_used_at = now() WHERE id = $1 RETURNING user_id
)
UPDATE medianest.users SET last_seen_at = now() WHERE id IN (SELECT user_id FROM used UNION ALL SELECT user_id FROM key)
"""  # nosec B608 # noqa: S608 - names are constants of ours
_END = """
UPDATE medianest.sessions SET ended_at = now(), end_reason = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id
"""
_END_ALL = """
UPDATE medianest.sessions SET ended_at = now(), end_reason = $2
WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $3 RETURNING id
"""
_END_OF_PROVIDER = """
UPDATE medianest.sessions SET ended_at = now(), end_reason = $3
WHERE user_id = $1 AND provider = $2 AND ended_at IS NULL AND id IS DISTINCT FROM $4 RETURNING id
"""
_LIVE_AMONG = """
SELECT s.id FROM medianest.sessions s JOIN medianest.users u ON u.id = s.user_id
WHERE s.id = ANY($1) AND s.ended_at IS NULL AND s.expires_at > now() AND u.status = 'active'
UNION ALL
SELECT k.id FROM medianest.api_keys k JOIN medianest.users u ON u.id = k.user_id
WHERE k.id = ANY($1) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND u.status = 'active'
"""
_CONFIRM = "UPDATE medianest.sessions SET authenticated_at = now() WHERE id = $1 AND ended_at IS NULL"
_FRESH = """
SELECT true FROM medianest.sessions WHERE id = $1 AND ended_at IS NULL AND expires_at > now()
AND authenticated_at > now() - make_interval(secs => $2)
"""
_PRUNE = """
DELETE FROM medianest.sessions
WHERE expires_at < now() - interval '1 day' AND NOT (
    end_reason IS NOT NULL AND end_reason = ANY($1) AND end_seen_at IS NULL AND ended_at > now() - interval '90 days')
"""
_LATELY_ENDED = """
SELECT id FROM medianest.sessions WHERE ended_at > now() - interval '5 minutes'
UNION ALL SELECT id FROM medianest.api_keys WHERE revoked_at > now() - interval '5 minutes'
"""


LastWords: TypeAlias = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one person. Times are the database's; `ended_at` is None while it lives.

    `user_agent` and `address` are those of its latest refresh.
    """

    id: UUID
    person_id: UUID
    provider: str
    remember: bool
    user_agent: str
    address: str | None
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None


def session_key(session_id: UUID | str) -> str:
    """The Redis key of its verdict: `1` live, `0` ended, absent: ask `Sessions.verdict`."""
    return f"{KEY_PREFIX}{session_id}"


class Sessions:
    """Start, end, and say which still live. A gate reads `session_key` itself and comes here when it finds nothing."""

    def __init__(
        self,
        db: Database,
        redis: RedisLink,
        realtime: RealtimeLog,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._redis = redis
        self._realtime = realtime
        self._monotonic = monotonic
        self._alone: OrderedDict[UUID, tuple[bool, float]] = OrderedDict()
        self._unsaid: set[UUID] = set()
        redis.on_back(self._catch_up)

    async def start(
        self,
        person_id: UUID,
        *,
        user_agent: str = "",
        address: str | None = None,
        remember: bool = False,
        provider: str = "local",
        password_hash: str | None = None,
        tx: Queries | None = None,
    ) -> Session:
        """A new session; idle for 1 day (90 with `remember`) it expires.

        Only while the person is active (`Forbidden` `account_inactive`) and, where `password_hash` is given, that is still
        the hash of their password (`Unauthorized` `wrong_credentials`).
        """
        row = await (tx or self._db).fetchrow(
            _START,
            new_id(),
            person_id,
            provider,
            remember,
            user_agent[:LONGEST_USER_AGENT],
            read_address(address or ""),
            password_hash,
        )
        if row is None:
            raise wrong_credentials() if password_hash is not None else account_inactive()
        return _session(row)

    async def verdict(self, session_id: UUID) -> bool:
        """Whether it (or the API key of that id) lives and its person is active.

        Asks Postgres and leaves the answer in Redis for the next to ask.

        Raises `DatabaseAway` (503): what cannot be known is not let through.
        """
        if self._redis.is_away:
            kept = self._alone.get(session_id)
            if kept is not None and kept[1] > self._monotonic():
                return kept[0]
        row = await self._db.fetchrow(_VERDICT, session_id)
        if row is not None and row["stale"]:
            await self._db.execute(_USED, session_id)
        await self._leave_hint(session_id, row["seconds_left"] if row is not None else None)
        return row is not None

    async def over(self, session_ids: Collection[UUID]) -> set[UUID]:
        """Those of them that do not live any more: one question to Postgres for many, without hints."""
        if not session_ids:
            return set()
        rows = await self._db.fetch(_LIVE_AMONG, list(session_ids))
        return set(session_ids) - {row["id"] for row in rows}

    async def end(self, session_id: UUID, *, reason: str = "signed_out", first: LastWords | None = None) -> bool:
        """End it everywhere: tombstone, then the hint, then its open sockets. False if it had ended already.

        `first` is awaited before its sockets close, if it ends now.
        """
        ended = await self._db.fetchval(_END, session_id, reason) is not None
        try:
            if ended and first is not None:
                await first()
        finally:
            await self.tell_ended([session_id])
        return ended

    async def end_all(self, person_id: UUID, *, keep: UUID | None = None, reason: str = "signed_out") -> int:
        """End every session of that person but `keep`; returns how many."""
        rows = await self._db.fetch(_END_ALL, person_id, reason, keep)
        await self.tell_ended([row["id"] for row in rows])
        return len(rows)

    async def end_of_provider(
        self,
        person_id: UUID,
        provider: str,
        *,
        keep: UUID | None = None,
        reason: str,
        first: LastWords | None = None,
    ) -> int:
        """End every session of that person that began by that provider, but `keep`; returns how many.

        `first` is awaited before their sockets close, if any end now.
        """
        rows = await self._db.fetch(_END_OF_PROVIDER, person_id, provider, reason, keep)
        try:
            if rows and first is not None:
                await first()
        finally:
            await self.tell_ended([row["id"] for row in rows])
        return len(rows)

    async def confirm(self, session_id: UUID) -> None:
        """The person has just proven again, in this session, who they are."""
        await self._db.execute(_CONFIRM, session_id)

    async def fresh(self, session_id: UUID, within: float = 300, *, tx: Queries | None = None) -> bool:
        """Whether they proved it in the last `within` seconds; an API key never did. With `tx` it cannot end before that."""
        if tx is not None:
            return bool(await tx.fetchval(f"{_FRESH} FOR SHARE", session_id, within))
        return bool(await self._db.fetchval(_FRESH, session_id, within))

    async def of_person(self, person_id: UUID) -> list[Session]:
        """The live ones, lately used first."""
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} FROM medianest.sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > now() "  # nosec B608 # noqa: S608 - names are constants of ours
            "ORDER BY last_used_at DESC LIMIT 200",
            person_id,
        )
        return [_session(row) for row in rows]

    async def owner(self, session_id: UUID) -> UUID | None:
        """Whose session it is or was; None for one that is not known."""
        found: UUID | None = await self._db.fetchval("SELECT user_id FROM medianest.sessions WHERE id = $1", session_id)
        return found

    async def prune(self) -> None:
        """Forget sessions that would have expired by now, and keys long revoked; until then a tombstone stands.

        One whose end its person should hear of stays until they have, for 90 days at most.
        """
        await self._db.execute(_PRUNE, WORTH_TELLING)
        await self._db.execute("DELETE FROM medianest.api_keys WHERE revoked_at < now() - interval '1 day'")

    async def _leave_hint(self, session_id: UUID, seconds_left: float | None) -> None:
        if self._redis.is_away:
            self._alone[session_id] = (seconds_left is not None, self._monotonic() + ALONE_SECONDS)
            self._alone.move_to_end(session_id)
            if len(self._alone) > _KEPT:
                self._alone.popitem(last=False)
            return
        if seconds_left is None:
            command: tuple[Any, ...] = ("SET", session_key(session_id), ENDED, "EX", LIVE_SECONDS)
        else:
            # NX: a tombstone written since Postgres was asked must not be overwritten.
            seconds = max(1, min(LIVE_SECONDS, int(seconds_left)))
            command = ("SET", session_key(session_id), LIVE, "EX", seconds, "NX")
        try:
            await self._redis.call(*command)
        except (RedisAway, RedisError):
            return

    async def tell_ended(self, session_ids: Iterable[UUID]) -> None:
        """Write the tombstones into Redis and close the sockets; what cannot be said now is said when Redis is back."""
        ended = list(session_ids)
        for session_id in ended:
            self._alone[session_id] = (False, self._monotonic() + ALONE_SECONDS)
        self._unsaid.update(ended)
        if await self._write_tombstones(ended):
            self._unsaid.difference_update(ended)
        await asyncio.gather(*(self._realtime.close_session(session_id) for session_id in ended))

    async def _write_tombstones(self, session_ids: list[UUID]) -> bool:
        try:
            await asyncio.gather(
                *(
                    self._redis.call("SET", session_key(session_id), ENDED, "EX", TOMBSTONE_SECONDS)
                    for session_id in session_ids
                )
            )
        except (RedisAway, RedisError):
            return False
        return True

    async def _catch_up(self) -> None:
        """After an outage Redis may still hold live verdicts of sessions that ended meanwhile, here or elsewhere."""
        rows = await self._db.fetch(_LATELY_ENDED)
        lately = {row["id"] for row in rows} | self._unsaid
        if await self._write_tombstones(list(lately)):
            unsaid, self._unsaid = self._unsaid, set()
            await asyncio.gather(*(self._realtime.close_session(session_id) for session_id in unsaid))
        self._alone.clear()


def _session(row: Any) -> Session:
    return Session(
        id=row["id"],
        person_id=row["user_id"],
        provider=row["provider"],
        remember=row["remember"],
        user_agent=row["user_agent"],
        address=row["address"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
    )
