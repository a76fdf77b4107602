"""One-time links by which somebody sets their password: made by an admin, good once and for a day; ends no session."""

from __future__ import annotations

import secrets as random_secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from medianest_hub.accounts.acting import lock_person
from medianest_hub.accounts.password_rules import check_password
from medianest_hub.accounts.people import People, no_such_person
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.one_time import token_hash
from medianest_hub.plugin_api.errors import Forbidden
from medianest_hub.plugin_api.people import Person

HOURS: Final = 24

_MAKE: Final = """
INSERT INTO medianest.password_links (token_hash, user_id, created_by, expires_at)
VALUES ($1, $2, $3, now() + make_interval(hours => $4)) RETURNING expires_at
"""
# As for invitations: nobody gets in by a link whose maker was thrown out.
_GOOD: Final = """
    l.token_hash = $1 AND l.expires_at > now()
    AND (l.created_by IS NULL
         OR EXISTS (SELECT FROM medianest.users a WHERE a.id = l.created_by AND a.role = 'admin' AND a.status = 'active'))
"""
_LOOK: Final = f"""
SELECT u.id, u.username, u.status FROM medianest.password_links l JOIN medianest.users u ON u.id = l.user_id WHERE {_GOOD}
"""  # nosec B608 # noqa: S608 - constants of ours
_TAKE: Final = f"DELETE FROM medianest.password_links l WHERE {_GOOD} RETURNING l.user_id"  # nosec B608 # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """A fresh one; `token` is shown this once."""

    token: str
    expires_at: datetime


class PasswordLinks:
    """A person has at most one link that works: a new one voids the old, and so does a new password."""

    def __init__(self, db: Database, people: People) -> None:
        self._db = db
        self._people = people

    async def make(self, person_id: UUID, by: UUID | None) -> PasswordLink:
        """Good for 24 hours. Raises `NotFound`, `Forbidden` for somebody disabled, or if `by` is no active admin any more."""
        token = random_secrets.token_urlsafe(24)
        async with self._db.transaction() as tx:
            # Two made at one moment take turns, so that one of them works.
            row = await lock_person(tx, person_id, by)
            if row is None:
                raise no_such_person()
            if row["status"] == "disabled":
                raise Forbidden("This account is disabled; make it active first.", code="account_inactive")
            await tx.execute("DELETE FROM medianest.password_links WHERE user_id = $1 OR expires_at < now()", person_id)
            expires_at: datetime = await tx.fetchval(_MAKE, token_hash(token), person_id, by, HOURS)
        return PasswordLink(token, expires_at)

    async def use(self, token: str, password: str) -> Person:
        """Set the password; somebody invited is active from now on. The caller ends their sessions.

        Raises `Forbidden` (`link_invalid`, `account_inactive`); `BadInput` for a bad password, which leaves the link good.
        """
        row = _good(await self._db.fetchrow(_LOOK, token_hash(token)))
        check_password(password, row["username"])
        # Outside the transaction: hashing is slow.
        password_hash = await self._people.passwords.hash(password)
        async with self._db.transaction() as tx:
            # The person first, as whoever makes a link or disables them does.
            person_id: UUID = row["id"]
            _good(await lock_person(tx, person_id, None))
            if await tx.fetchval(_TAKE, token_hash(token)) is None:
                raise _invalid()
            await self._people.keep_password(tx, person_id, password_hash)
            await tx.execute(
                "UPDATE medianest.users SET status = 'active' WHERE id = $1 AND status = 'invited'", person_id
            )
        await self._people.tell(person_id)
        person = await self._people.get(person_id)
        if person is None:
            raise _invalid()
        return person


def _good(row: Any) -> Any:
    if row is None:
        raise _invalid()
    if row["status"] == "disabled":
        raise Forbidden("This account is not active; ask an admin.", code="account_inactive")
    return row


def _invalid() -> Forbidden:
    return Forbidden("This link is not valid, has been used, or has expired; ask for a new one.", code="link_invalid")
