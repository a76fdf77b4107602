"""Throwing somebody out, for now or for good: their sessions and keys end with it, in an order nothing slips through."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol
from uuid import UUID

from medianest_hub.accounts.account import Account, Status
from medianest_hub.accounts.people import People, no_such_person
from medianest_hub.accounts.sessions import Sessions
from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_api.events import EventData, PersonRemoved
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_api.services import Queries

# As for sessions, a verdict stands in Redis: each key gets a tombstone of its own.
_REVOKE_KEYS = """
UPDATE medianest.api_keys SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL RETURNING id
"""


class Emit(Protocol):
    """Writes an event of the hub's own in that transaction."""

    def __call__(self, data: EventData, *, person: UUID, tx: Queries) -> Awaitable[Any]:
        """Emit it."""


class Leaving:
    """What an admin does to somebody's account that may take away what they can do."""

    def __init__(self, db: Database, people: People, sessions: Sessions, emit: Emit) -> None:
        self._db = db
        self._people = people
        self._sessions = sessions
        self._emit = emit

    async def change(
        self,
        person_id: UUID,
        *,
        role: Role | None = None,
        status: Status | None = None,
        display_name: str | None = None,
        email: str | None = None,
    ) -> Account:
        """As `People.change`; the sessions and keys of somebody who is not active any more end everywhere, for good."""
        before = await self._people.account(person_id) if status == "active" else None
        if before is not None and before.status == "disabled":
            # One begun at the very moment they were disabled must not live on now.
            await self._shut_out(person_id, "account_disabled")
        account = await self._people.change(person_id, role=role, status=status, display_name=display_name, email=email)
        if account.status == "disabled":
            await self._shut_out(person_id, "account_disabled")
        return account

    async def remove(self, person_id: UUID) -> Account:
        """Delete the account and all the hub keeps of it; plugins hear `hub:person.removed`, exactly if it happened.

        Raises `NotFound`, `Conflict` `last_admin`.
        """
        # Disabled first: from here on nobody can begin a session whose end would be told to nobody.
        account = await self._people.change(person_id, status="disabled")
        await self._shut_out(person_id, "account_deleted")
        async with self._db.transaction() as tx:
            done = await tx.execute("DELETE FROM medianest.users WHERE id = $1", person_id)
            if done == "DELETE 0":
                raise no_such_person()
            await self._emit(PersonRemoved(username=account.username), person=person_id, tx=tx)
        await self._people.tell(person_id)
        return account

    async def _shut_out(self, person_id: UUID, reason: str) -> None:
        await self._sessions.end_all(person_id, reason=reason)
        revoked = await self._db.fetch(_REVOKE_KEYS, person_id)
        await self._sessions.tell_ended([row["id"] for row in revoked])
