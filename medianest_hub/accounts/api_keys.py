"""API keys: made, shown once, found again by their hash, revoked; knows no request and counts no limits.

A key lives as a session does whose id is the key's: `Sessions.verdict` answers for both, and so do the tombstones.
"""

from __future__ import annotations

import asyncio
import re
import secrets as random_secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from medianest_hub.accounts.acting import still_active
from medianest_hub.accounts.own_news import TellOwn
from medianest_hub.accounts.permissions import NOT_FOR_KEYS
from medianest_hub.accounts.sessions import Sessions
from medianest_hub.accounts.tokens import Claims
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.one_time import token_hash
from medianest_hub.plugin_api.errors import BadInput, Conflict, FieldProblem, Forbidden, TooMany, Unauthorized
from medianest_hub.plugin_api.people import Person

PREFIX: Final = "mn_"
MOST_PER_PERSON: Final = 50
NEVER: Final = 253402300799.0
"""The end of the year 9999 in Unix seconds: when a key without an end expires."""

NOT_FOUND_SECONDS: Final = 30.0
"""How long a key that was not found is not looked for again."""

_HINT_CHARACTERS = 8
_KEPT = 4096
_KEPT_BAD = 10_000
_AT_ONCE, _WAITING = 2, 64
"""How many keys nobody here knows are looked for side by side, and how many may wait for that."""

_SHAPE: Final = re.compile(r"mn_[A-Za-z0-9_-]{43}")
_COLUMNS = "id, user_id, name, hint, permissions, created_at, expires_at, last_used_at"
_FIND = """
SELECT id, user_id, permissions, extract(epoch FROM expires_at)::float8 AS expires_at, expires_at <= now() AS expired
FROM medianest.api_keys WHERE key_hash = $1 AND revoked_at IS NULL
"""
_INSERT = f"""
INSERT INTO medianest.api_keys (id, user_id, name, key_hash, hint, permissions, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {_COLUMNS}
"""  # nosec B608 # noqa: S608 - constants of this module only
_OF_PERSON = f"""
SELECT {_COLUMNS} FROM medianest.api_keys WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id DESC LIMIT {MOST_PER_PERSON}
"""  # nosec B608 # noqa: S608 - as above
_OWNER = "SELECT user_id FROM medianest.api_keys WHERE id = $1 AND revoked_at IS NULL"
_REVOKE = "UPDATE medianest.api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING id"
_REVOKE_ALL = "UPDATE medianest.api_keys SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL RETURNING id"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; `hint` is how it begins. Times are the database's."""

    id: UUID
    person_id: UUID
    name: str
    hint: str
    permissions: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


def is_key(token: str) -> bool:
    """Whether a bearer token means to be an API key."""
    return token.startswith(PREFIX)


class ApiKeys:
    """`known` answers without waiting for keys found before, at most 4096 of them; `find` asks Postgres."""

    def __init__(
        self,
        db: Database,
        sessions: Sessions,
        tell: TellOwn,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._sessions = sessions
        self._tell = tell
        self._now = now
        self._monotonic = monotonic
        self._found: OrderedDict[bytes, Claims] = OrderedDict()
        self._bad: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._looking = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    def known(self, token: str) -> Claims | None:
        """The claims of a key found before that has not expired. Whether it was revoked its verdict says."""
        digest = token_hash(token)
        claims = self._found.get(digest)
        if claims is None:
            return None
        if claims.expires_at <= self._now():
            del self._found[digest]
            self._remember_bad(digest, "api_key_expired")
            return None
        self._found.move_to_end(digest)
        return claims

    def refusal(self, token: str) -> Unauthorized | None:
        """Why a key is no good, where that is known without asking."""
        if _SHAPE.fullmatch(token) is None:
            return invalid_key()
        bad = self._bad.get(token_hash(token))
        if bad is None or bad[1] <= self._monotonic():
            return None
        return expired_key() if bad[0] == "api_key_expired" else invalid_key()

    async def find(self, token: str) -> Claims:
        """The claims. Raises `Unauthorized` `api_key_invalid` or `api_key_expired`, `TooMany` where too many ask at once.

        The caller has counted the request before: this asks Postgres for each key that was not asked for lately.
        """
        known = self.known(token)
        if known is not None:
            return known
        if (refused := self.refusal(token)) is not None:
            raise refused
        if self._waiting >= _WAITING:
            raise TooMany("Too many unknown API keys are being looked for; try again shortly.", retry_after=1)
        self._waiting += 1
        try:
            async with self._looking:
                return await self._look_up(token)
        finally:
            self._waiting -= 1

    async def create(
        self,
        person: Person,
        name: str,
        permissions: Collection[str],
        expires_at: datetime | None = None,
        *,
        session_id: UUID | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key of that person, and its text, which is nowhere to be read again; the person's open pages hear of it.

        `session_id`: the session it is asked in, which must be fresh (`Forbidden` `confirm_first`): whoever came by a
        token of somebody else's must not make a way in for good of it.

        Raises `BadInput` for a permission the person lacks or that no key can have, or an end that is past; `Conflict`
        `too_many_api_keys` for the 51st.
        """
        _check(person, permissions, expires_at)
        token = PREFIX + random_secrets.token_urlsafe(32)
        async with self._db.transaction() as tx:
            if session_id is not None and not await self._sessions.fresh(session_id, tx=tx):
                raise Forbidden(
                    "Prove first that it is you: give your password, or sign in again.", code="confirm_first"
                )
            # Two at once must not both see the last free place; somebody being disabled makes none.
            await still_active(tx, person.id)
            count = "SELECT count(*) FROM medianest.api_keys WHERE user_id = $1 AND revoked_at IS NULL"
            if await tx.fetchval(count, person.id) >= MOST_PER_PERSON:
                raise Conflict(
                    f"You have {MOST_PER_PERSON} API keys already; revoke one first.", code="too_many_api_keys"
                )
            row = await tx.fetchrow(
                _INSERT,
                new_id(),
                person.id,
                name,
                token_hash(token),
                token[:_HINT_CHARACTERS],
                sorted(set(permissions)),
                expires_at,
            )
            await self._tell(
                "api_key_made", {"name": name}, key=str(row["id"]), person=person.id, href="/account", tx=tx
            )
        return _key(row), token

    async def of_person(self, person_id: UUID) -> list[ApiKey]:
        """Their keys, newest first; expired ones too, until they are revoked."""
        return [_key(row) for row in await self._db.fetch(_OF_PERSON, person_id)]

    async def owner(self, key_id: UUID) -> UUID | None:
        """Whose key it is; None for one that was revoked or never was."""
        found: UUID | None = await self._db.fetchval(_OWNER, key_id)
        return found

    async def revoke(self, key_id: UUID) -> bool:
        """It ends everywhere at once, its live connections too. False if it had ended already."""
        revoked = await self._db.fetchval(_REVOKE, key_id) is not None
        await self._sessions.tell_ended([key_id])
        return revoked

    async def revoke_all(self, person_id: UUID) -> int:
        """As `revoke`, all of somebody's; returns how many."""
        return await revoke_keys_of(person_id, self._db, self._sessions)

    async def _look_up(self, token: str) -> Claims:
        digest = token_hash(token)
        row = await self._db.fetchrow(_FIND, digest)
        if row is None:
            self._remember_bad(digest, "api_key_invalid")
            raise invalid_key()
        if row["expired"]:
            self._remember_bad(digest, "api_key_expired")
            raise expired_key()
        # Two who asked at once get the same object: what is made for one caller is found again by it.
        claims = self._found.setdefault(
            digest, Claims(row["user_id"], row["id"], row["expires_at"] or NEVER, frozenset(row["permissions"]))
        )
        if len(self._found) > _KEPT:
            self._found.popitem(last=False)
        return claims

    def _remember_bad(self, digest: bytes, code: str) -> None:
        self._bad[digest] = (code, self._monotonic() + NOT_FOUND_SECONDS)
        self._bad.move_to_end(digest)
        if len(self._bad) > _KEPT_BAD:
            self._bad.popitem(last=False)


async def revoke_keys_of(person_id: UUID, db: Database, sessions: Sessions) -> int:
    """End all API keys of somebody, everywhere at once; returns how many."""
    revoked = await db.fetch(_REVOKE_ALL, person_id)
    # As for sessions, a verdict stands in Redis: each key gets a tombstone of its own.
    await sessions.tell_ended([row["id"] for row in revoked])
    return len(revoked)


def invalid_key() -> Unauthorized:
    """The refusal of a key that was revoked or never was."""
    return Unauthorized("This API key is not valid; make a new one.", code="api_key_invalid")


def expired_key() -> Unauthorized:
    """The refusal of a key whose time is over."""
    return Unauthorized("This API key has expired; make a new one.", code="api_key_expired")


def _check(person: Person, permissions: Collection[str], expires_at: datetime | None) -> None:
    problems = []
    if expires_at is not None and expires_at <= datetime.now(UTC):
        problems.append(FieldProblem(field="body.expires_at", code="past", message="Choose a time to come."))
    for name in sorted(set(permissions)):
        if name in NOT_FOR_KEYS:
            words = f"No API key can manage accounts; leave {name} out."
            problems.append(FieldProblem(field="body.permissions", code="not_for_keys", message=words))
        elif not person.can(name):
            words = f"You do not have {name}, or there is no such permission."
            problems.append(FieldProblem(field="body.permissions", code="not_yours", message=words))
    if problems:
        raise BadInput("Such a key cannot be made.", code="api_key_refused", fields=problems[:50])


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row["id"],
        person_id=row["user_id"],
        name=row["name"],
        hint=row["hint"],
        permissions=tuple(row["permissions"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
    )
