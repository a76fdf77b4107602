"""Throwing somebody out, for now or for good: their sessions and keys end with it, in an order nothing slips through."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol
from uuid import UUID

from medianest_hub.accounts.account import Account, Status
from medianest_hub.accounts.acting import lock_person
from medianest_hub.accounts.api_keys import revoke_keys_of
from medianest_hub.accounts.people import People, no_such_person
from medianest_hub.accounts.sessions import Sessions
from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_api.errors import Conflict
from medianest_hub.plugin_api.events import EventData, PersonRemoved
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_api.services import Queries

_HAS_IDENTITY = "SELECT EXISTS (SELECT FROM medianest.identities WHERE user_id = $1)"


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
        by: UUID | None = None,
    ) -> Account:
        """As `People.change`; the sessions and keys of somebody who is not active any more end everywhere, for good.

        Raises `Conflict` `no_way_in` for somebody invited who could not come in though they were active.
        """
        before = await self._people.account(person_id) if status == "active" else None
        if before is not None and before.status == "invited" and not await self._has_way_in(before):
            raise Conflict(
                "They have neither a password nor an account they sign in with; make a password link for them instead, "
                "which lets them in.",
                code="no_way_in",
            )
        if before is not None and before.status == "disabled":
            # One begun at the very moment they were disabled must not live on now.
            await self._shut_out(person_id, "account_disabled")
        account = await self._people.change(
            person_id, role=role, status=status, display_name=display_name, email=email, by=by
        )
        if account.status == "disabled":
            await self._shut_out(person_id, "account_disabled")
        return account

    async def remove(self, person_id: UUID, *, by: UUID | None = None) -> Account:
        """Delete the account and all the hub keeps of it; plugins hear `hub:person.removed`, exactly if it happened.

        Raises `NotFound`, `Conflict` `last_admin`, `Forbidden` if `by` is no active admin any more.
        """
        # Disabled first: from here on nobody can begin a session whose end would be told to nobody.
        account = await self._people.change(person_id, status="disabled", by=by)
        await self._shut_out(person_id, "account_deleted")
        async with self._db.transaction() as tx:
            # Whoever deletes themselves has just stopped being an active admin by that.
            await lock_person(tx, person_id, by if by != person_id else None)
            done = await tx.execute("DELETE FROM medianest.users WHERE id = $1", person_id)
            if done == "DELETE 0":
                raise no_such_person()
            await self._emit(PersonRemoved(username=account.username), person=person_id, tx=tx)
        await self._people.tell(person_id)
        return account

    async def _has_way_in(self, account: Account) -> bool:
        return account.has_password or bool(await self._db.fetchval(_HAS_IDENTITY, account.id))

    async def _shut_out(self, person_id: UUID, reason: str) -> None:
        await self._sessions.end_all(person_id, reason=reason)
        await revoke_keys_of(person_id, self._db, self._sessions)
