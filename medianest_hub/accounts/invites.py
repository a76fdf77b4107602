"""Invitations: links by which people join, each good for some days and some people; knows no request and no provider."""

from __future__ import annotations

import secrets as random_secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from medianest_hub.accounts.acting import still_admin
from medianest_hub.accounts.names import clean_username
from medianest_hub.accounts.password_rules import check_password
from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.one_time import token_hash
from medianest_hub.plugin_api.errors import Forbidden, NotFound
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.plugin_api.services import Queries

DAYS: Final = 7
MOST_DAYS: Final = 90
MOST_USES: Final = 1000

_COLUMNS: Final = "id, role, note, max_uses, uses, created_by, created_at, expires_at, revoked_at"
# Whoever was thrown out must not come back by a link they made before.
_GOOD: Final = """
    token_hash = $1 AND revoked_at IS NULL AND expires_at > now() AND uses < max_uses
    AND (created_by IS NULL
         OR EXISTS (SELECT FROM medianest.users u WHERE u.id = created_by AND u.role = 'admin' AND u.status = 'active'))
"""
_LOOK: Final = f"SELECT {_COLUMNS} FROM medianest.invites WHERE {_GOOD}"  # nosec B608 # noqa: S608 - constants of ours
_CONSUME: Final = f"UPDATE medianest.invites SET uses = uses + 1 WHERE {_GOOD} RETURNING {_COLUMNS}"  # nosec B608 # noqa: S608 - as above
_MAKE: Final = f"""
INSERT INTO medianest.invites (id, token_hash, role, note, max_uses, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(days => $7)) RETURNING {_COLUMNS}
"""  # nosec B608 # noqa: S608 - as above
_LIST: Final = f"""
SELECT {_COLUMNS} FROM medianest.invites
WHERE ($1::uuid IS NULL OR id < $1) AND expires_at > now() - interval '90 days' ORDER BY id DESC LIMIT $2
"""  # nosec B608 # noqa: S608 - as above
_REVOKE: Final = f"""
UPDATE medianest.invites SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING {_COLUMNS}
"""  # nosec B608 # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Invite:
    """One invitation, without its token, which nobody keeps."""

    id: UUID
    role: Role
    note: str
    max_uses: int
    uses: int
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class Invites:
    """Make, look at, use and revoke. A use is taken in the transaction that makes the person, or not at all."""

    def __init__(self, db: Database, people: People) -> None:
        self._db = db
        self._people = people

    async def make(
        self, role: Role, by: UUID | None, *, days: int = DAYS, uses: int = 1, note: str = ""
    ) -> tuple[Invite, str]:
        """A new one, and the token that is shown this once. Raises `Forbidden` if `by` is no active admin any more."""
        token = random_secrets.token_urlsafe(24)
        async with self._db.transaction() as tx:
            await still_admin(tx, by)
            row = await tx.fetchrow(_MAKE, new_id(), token_hash(token), role.value, note, uses, by, days)
        return _invite(row), token

    async def list(self, *, before: UUID | None = None, limit: int = 50) -> list[Invite]:
        """Newest first, those long over left out."""
        return [_invite(row) for row in await self._db.fetch(_LIST, before, limit)]

    async def revoke(self, invite_id: UUID, by: UUID | None = None) -> Invite:
        """Nobody joins by it any more. Raises `NotFound`, `Forbidden` if `by` is no active admin any more."""
        async with self._db.transaction() as tx:
            await still_admin(tx, by)
            row = await tx.fetchrow(_REVOKE, invite_id)
        if row is None:
            raise NotFound("There is no such invitation.", code="no_such_invite")
        return _invite(row)

    async def look(self, token: str) -> Invite:
        """The invitation, if somebody can still join by it. Raises `Forbidden` `invite_invalid`."""
        return _good(await self._db.fetchrow(_LOOK, token_hash(token)))

    async def consume(self, tx: Queries, token: str) -> Invite:
        """Take one use of it, in the transaction that lets somebody in. Raises `Forbidden` `invite_invalid`."""
        return _good(await tx.fetchrow(_CONSUME, token_hash(token)))

    async def accept(self, token: str, username: str, password: str) -> Person:
        """Join with a password. A name that is taken (`Conflict`) or refused (`BadInput`) takes no use.

        Raises `Forbidden` `invite_invalid`.
        """
        await self.look(token)
        check_password(password, clean_username(username))
        # Outside the transaction: hashing is slow, and everybody else with this link waits for its row.
        password_hash = await self._people.passwords.hash(password)
        async with self._db.transaction() as tx:
            invite = await self.consume(tx, token)
            return await self._people.create(username, None, invite.role, tx=tx, password_hash=password_hash)


def _good(row: Any) -> Invite:
    if row is None:
        raise Forbidden(
            "This invitation is not valid, has been used, or has expired; ask for a new one.", code="invite_invalid"
        )
    return _invite(row)


def _invite(row: Any) -> Invite:
    return Invite(
        id=row["id"],
        role=Role(row["role"]),
        note=row["note"],
        max_uses=row["max_uses"],
        uses=row["uses"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
