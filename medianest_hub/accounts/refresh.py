"""Refresh tokens: each is good once, and one that comes back ends its session; knows no request and no cookie.

A token is `mnr_` and the base64url of session id, 32 random bytes and a MAC over both. Only its hash is kept, and a used
one's not for long: the MAC still says of a forgotten token that it was issued here, and so that it is used again.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets as random_secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_hub.accounts.sessions import IDLE, LONGEST_USER_AGENT, REFRESH_REUSED, Sessions
from medianest_hub.infrastructure.addresses import read_address
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.one_time import token_hash
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Conflict, Unauthorized
from medianest_hub.plugin_api.notifiers import Notification
from medianest_hub.plugin_api.services import Queries

PREFIX: Final = "mnr_"
PURPOSE: Final = "refresh-token"
OLDEST_REQUEST: Final = 5.0
"""Seconds: no request is believed to have come longer ago, or a held-back one would excuse any re-use."""

_ID_BYTES, _RANDOM_BYTES, _MAC_BYTES = 16, 32, 16
_LENGTH = len(PREFIX) + (_ID_BYTES + _RANDOM_BYTES + _MAC_BYTES + 2) // 3 * 4 - 2

_LOOKS = 3

_ISSUE = "INSERT INTO medianest.refresh_tokens (token_hash, session_id) VALUES ($1, $2)"
# One statement: of two at once the second waits for the first and then finds nothing to use. `held` is of before that, so
# that one whose statement began before the other's was in force still sees the token unused.
_ROTATE = f"""
WITH held AS (
    SELECT t.token_hash, t.session_id, t.used_at, s.user_id, s.remember,
           s.ended_at IS NULL AND s.expires_at > now() AND u.status = 'active' AS good
    FROM medianest.refresh_tokens t
    JOIN medianest.sessions s ON s.id = t.session_id JOIN medianest.users u ON u.id = s.user_id
    WHERE t.token_hash = $1
), used AS (
    UPDATE medianest.refresh_tokens t SET used_at = clock_timestamp() FROM held
    WHERE t.token_hash = held.token_hash AND held.good AND t.used_at IS NULL RETURNING t.session_id
), fresh AS (
    INSERT INTO medianest.refresh_tokens (token_hash, session_id) SELECT $2, session_id FROM used
), extended AS (
    UPDATE medianest.sessions s SET last_used_at = now(), address = coalesce($3, s.address),
        user_agent = coalesce(nullif($4, ''), s.user_agent), expires_at = now() + {IDLE.format("s.remember")}
    FROM used WHERE s.id = used.session_id AND s.ended_at IS NULL
), forgotten AS (
    DELETE FROM medianest.refresh_tokens t USING used
    WHERE t.session_id = used.session_id AND t.used_at < now() - interval '10 minutes'
)
SELECT held.session_id, held.user_id, held.remember, held.good, held.used_at, used.session_id IS NOT NULL AS rotated
FROM held LEFT JOIN used ON true
"""  # nosec B608 # noqa: S608 - constants of this package only
_LIVE_OWNER = """
SELECT s.user_id FROM medianest.sessions s JOIN medianest.users u ON u.id = s.user_id
WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > now() AND u.status = 'active'
"""
_SESSION_OF = "SELECT session_id FROM medianest.refresh_tokens WHERE token_hash = $1"


@dataclass(frozen=True, slots=True)
class Renewed:
    """A session that goes on, and the token by which it goes on after the next time."""

    person_id: UUID
    session_id: UUID
    remember: bool
    refresh_token: str


class RefreshReused(Unauthorized):
    """A token was used again; its session has just ended."""

    code = REFRESH_REUSED

    def __init__(self, person_id: UUID, session_id: UUID) -> None:
        super().__init__("This sign-in was used from two places, so it has been ended; sign in again.")
        self.person_id = person_id
        self.session_id = session_id


class RefreshTokens:
    """A session is a family of these: `issue` the first, `rotate` for each further one."""

    def __init__(
        self,
        db: Database,
        secrets: SecretBox,
        sessions: Sessions,
        realtime: RealtimeLog,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._secrets = secrets
        self._sessions = sessions
        self._realtime = realtime
        self._monotonic = monotonic

    async def issue(self, session_id: UUID, tx: Queries | None = None) -> str:
        """The first token of a session; it is nowhere to be read again."""
        token = self._make(session_id)
        await (tx or self._db).execute(_ISSUE, token_hash(token), session_id)
        return token

    async def rotate(self, token: str, arrived: float, *, address: str | None = None, user_agent: str = "") -> Renewed:
        """Use the token, and get the next. The session's idle time begins anew, and it is where the request came from.

        `arrived`: when the request came, on the monotonic clock.
        Raises `Unauthorized` `refresh_invalid` for a token of no live session of an active person, `RefreshReused` for
        one that was used before, `Conflict` `refresh_raced` for one of two at once: the other has the next token.
        """
        session_id = _session_in(token)
        if session_id is None:
            raise refresh_invalid()
        fresh = self._make(session_id)
        async with self._db.connection() as connection:
            row = await connection.fetchrow(
                _ROTATE,
                token_hash(token),
                token_hash(fresh),
                read_address(address or ""),
                user_agent[:LONGEST_USER_AGENT],
            )
            used_at = row["used_at"] if row is not None else None
            raced = used_at is None or await self._came_before(connection, used_at, arrived)
        if row is None:
            raise await self._unknown(token, session_id)
        if not row["good"]:
            raise refresh_invalid()
        if row["rotated"]:
            return Renewed(row["user_id"], row["session_id"], row["remember"], fresh)
        if raced:
            raise Conflict(
                "Another request has refreshed this session just now; use what it was given.", code="refresh_raced"
            )
        raise await self._reused(row["user_id"], row["session_id"])

    async def session_of(self, token: str) -> UUID | None:
        """The session whose token this is or was, whether or not it lives; None for a token that was not issued here."""
        session_id = _session_in(token)
        if session_id is None:
            return None
        known: UUID | None = await self._db.fetchval(_SESSION_OF, token_hash(token))
        return session_id if known is not None or self._is_ours(token) else None

    async def _came_before(self, connection: Queries, used_at: datetime, arrived: float) -> bool:
        """Whether the request came before `used_at`, which is on the database's clock.

        Each look at that clock was taken between asking and hearing, which bounds when the request came; the middle counts.
        """
        earliest, latest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        for _ in range(_LOOKS):
            asked = self._monotonic()
            now: datetime = await connection.fetchval("SELECT clock_timestamp()")
            heard = self._monotonic()
            earliest = max(earliest, now - _age(heard - arrived))
            latest = min(latest, now - _age(asked - arrived))
        return earliest + (latest - earliest) / 2 < used_at

    async def _unknown(self, token: str, session_id: UUID) -> Unauthorized:
        """What becomes of a token without a row: forgotten since it was used, or never issued."""
        person_id = await self._db.fetchval(_LIVE_OWNER, session_id) if self._is_ours(token) else None
        if person_id is None:
            return refresh_invalid()
        return await self._reused(person_id, session_id)

    async def _reused(self, person_id: UUID, session_id: UUID) -> RefreshReused:
        told = Notification(
            kind="hub.refresh_reused",
            title="One of your sign-ins was ended",
            body="It was used from two places at once, as happens when somebody has copied it. "
            "Sign in again, and look through your sessions if you do not know why.",
            href="/account",
        )
        content = told.model_dump(mode="json")
        # First, so that the pages of that session itself hear it as well.
        await self._sessions.end(
            session_id,
            reason=REFRESH_REUSED,
            first=lambda: self._realtime.send("notification:new", content, person=person_id),
        )
        return RefreshReused(person_id, session_id)

    def _make(self, session_id: UUID) -> str:
        content = session_id.bytes + random_secrets.token_bytes(_RANDOM_BYTES)
        mac = self._mac(content, self._secrets.current)
        return PREFIX + base64.urlsafe_b64encode(content + mac).rstrip(b"=").decode()

    def _is_ours(self, token: str) -> bool:
        """Whether a key of the ring signed it. Not asked of a token that has a row, which outlives the keys."""
        raw = _raw(token)
        content, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        return any(hmac.compare_digest(mac, self._mac(content, key_id)) for key_id in self._secrets.key_ids)

    def _mac(self, content: bytes, key_id: str) -> bytes:
        return hmac.digest(self._secrets.derive(PURPOSE, key_id), content, "sha256")[:_MAC_BYTES]


def _age(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 0.0), OLDEST_REQUEST))


def refresh_invalid() -> Unauthorized:
    """The refusal of anything that refreshes no session."""
    return Unauthorized("This sign-in is over; sign in again.", code="refresh_invalid")


def _session_in(token: str) -> UUID | None:
    """The session a token speaks of; None for what cannot be one."""
    if len(token) != _LENGTH or not token.startswith(PREFIX) or not token.isascii():
        return None
    try:
        return UUID(bytes=_raw(token)[:_ID_BYTES])
    except (binascii.Error, ValueError):
        return None


def _raw(token: str) -> bytes:
    text = token.removeprefix(PREFIX)
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
