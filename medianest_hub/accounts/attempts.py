"""Sign-ins by outside providers that are under way: begun, claimed by one at a time, good once. Calls no provider."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.one_time import token_hash
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Conflict, Gone

LIFE_SECONDS: Final = 15 * 60
"""How long somebody may take at the provider."""

CLAIM_SECONDS: Final = 60
"""Longer than completing can take: what is still claimed after that was left behind by a process that died."""

MOST: Final = 10_000
"""Attempts kept at once; beyond them the oldest is forgotten, so that a crowd of strangers cannot fill the table."""

_PURPOSE: Final = "sign-in-attempt"
_LONGEST_TOKEN: Final = 128

_BEGIN = """
INSERT INTO medianest.sign_in_attempts (token_hash, provider, sealed, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4))
"""
_MAKE_ROOM = """
DELETE FROM medianest.sign_in_attempts WHERE token_hash IN (
    SELECT token_hash FROM medianest.sign_in_attempts ORDER BY expires_at DESC OFFSET $1 FOR UPDATE SKIP LOCKED
)
"""
_CLAIM = """
UPDATE medianest.sign_in_attempts SET claimed_until = clock_timestamp() + make_interval(secs => $3)
WHERE token_hash = $1 AND provider = $2 AND expires_at > now()
  AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
RETURNING sealed, claimed_until
"""
_EXISTS = """
SELECT EXISTS (
    SELECT FROM medianest.sign_in_attempts WHERE token_hash = $1 AND provider = $2 AND expires_at > now()
)
"""
_RELEASE = "UPDATE medianest.sign_in_attempts SET claimed_until = NULL WHERE token_hash = $1 AND claimed_until = $2"
_FINISH = "DELETE FROM medianest.sign_in_attempts WHERE token_hash = $1 AND claimed_until = $2 RETURNING provider"


class Wishes(BaseModel):
    """What somebody asked for when they began. `link` is the person to link to and `link_session` the session they asked in.

    `return_to` is a path on this hub to show afterwards. `native` clients hold the attempt themselves, not in a cookie.
    """

    remember: bool = False
    invite: str | None = None
    link: UUID | None = None
    link_session: UUID | None = None
    return_to: str = "/"
    native: bool = False
    poll_seconds: float | None = None


class _Sealed(BaseModel):
    """What lies in the row. `row` ties it to its row: copied to another it is worth nothing."""

    row: str
    state: dict[str, str]
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that is claimed: `release` or `finish` it. `state` is the provider's own."""

    token_hash: bytes
    provider: str
    state: dict[str, str]
    wishes: Wishes
    claimed_until: datetime


class Attempts:
    """Rows of `sign_in_attempts`; their tokens exist only in the browser, or with a native client."""

    def __init__(self, db: Database, box: SecretBox) -> None:
        self._db = db
        self._box = box

    async def begin(self, provider: str, state: dict[str, str], wishes: Wishes) -> str:
        """Keep it; returns the token, good for 15 minutes and for one completion."""
        token = secrets.token_urlsafe(32)
        digest = token_hash(token)
        sealed = _Sealed(row=digest.hex(), state=state, wishes=wishes).model_dump_json()
        await self._db.execute(_BEGIN, digest, provider, self._box.seal(_PURPOSE, sealed.encode()), float(LIFE_SECONDS))
        await self._db.execute(_MAKE_ROOM, MOST)
        return token

    async def claim(self, token: str, provider: str) -> Attempt:
        """Take it for oneself. `Gone` when it is unknown, over or another provider's; `Conflict` while it is taken."""
        if not token or len(token) > _LONGEST_TOKEN:
            raise over()
        digest = token_hash(token)
        row = await self._db.fetchrow(_CLAIM, digest, provider, float(CLAIM_SECONDS))
        if row is None:
            if await self._db.fetchval(_EXISTS, digest, provider):
                raise Conflict("This sign-in is being completed already.", code="attempt_busy", retry_after=1)
            raise over()
        sealed = self._open(digest, row["sealed"])
        return Attempt(digest, provider, sealed.state, sealed.wishes, row["claimed_until"])

    async def release(self, attempt: Attempt) -> None:
        """It is not finished: it may be tried again."""
        await self._db.execute(_RELEASE, attempt.token_hash, attempt.claimed_until)

    async def finish(self, attempt: Attempt) -> None:
        """It is used up. `Gone` when it was no longer ours: whoever has it now goes on, and we do not."""
        if await self._db.fetchval(_FINISH, attempt.token_hash, attempt.claimed_until) is None:
            raise over()

    def _open(self, digest: bytes, text: str) -> _Sealed:
        try:
            sealed = _Sealed.model_validate_json(self._box.open(_PURPOSE, text))
        except (ValueError, ValidationError):  # sealed under a key that has left the ring
            raise over() from None
        if not hmac.compare_digest(sealed.row, digest.hex()):
            raise over()
        return sealed


def over() -> Gone:
    """What is said of an attempt that cannot be completed (any more)."""
    return Gone("This sign-in is over or was begun in another browser; begin again.", code="attempt_over")
