"""People: find, make and change them, with their permissions in force; knows no session and no request."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final
from uuid import UUID

import asyncpg

from medianest_hub.accounts.account import COLUMNS, WITH_OVERRIDES, Account, Status, account_of
from medianest_hub.accounts.acting import lock_person, lock_with_admins, still_active, still_admin
from medianest_hub.accounts.names import clean_username, username_key
from medianest_hub.accounts.password_rules import check_password
from medianest_hub.accounts.passwords import Passwords
from medianest_hub.accounts.passwords_of_people import PasswordsOfPeople
from medianest_hub.accounts.permissions import Declared, RolePermissions
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Conflict, NotFound
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.plugin_api.services import Queries
from medianest_hub.plugin_host.declarations import LoadedPlugin

CHANNEL: Final = "mn:people"
"""Hints that somebody was changed: `{"person": id}`."""

KEPT_SECONDS: Final = 15.0
KEPT_SECONDS_REDIS_AWAY: Final = 0.5
"""How long a process believes what it read of somebody, with and without hints."""

_KEPT = 4096

_BY_ID: Final = f"SELECT {WITH_OVERRIDES} FROM medianest.users WHERE id = $1"  # nosec B608 # noqa: S608 - names are constants of ours
_BY_IDS: Final = f"SELECT {WITH_OVERRIDES} FROM medianest.users WHERE id = ANY($1)"  # nosec B608 # noqa: S608 - as above
_BY_KEY: Final = f"SELECT {WITH_OVERRIDES} FROM medianest.users WHERE username_key = $1"  # nosec B608 # noqa: S608 - as above
_LIST: Final = f"""
SELECT {COLUMNS} FROM medianest.users
WHERE username_key > $1 AND ($3::text IS NULL OR status = $3) AND ($4::text IS NULL OR role = $4)
  AND ($5::text IS NULL OR position($5 IN username_key) > 0 OR position($5 IN lower(display_name)) > 0
       OR position($5 IN lower(coalesce(email, ''))) > 0)
ORDER BY username_key LIMIT $2
"""  # nosec B608 # noqa: S608 - as above
_CREATE: Final = f"""
INSERT INTO medianest.users (id, username, username_key, display_name, email, email_verified, avatar, role, status,
                             password_hash, password_changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $10::text IS NULL THEN NULL ELSE now() END)
ON CONFLICT (username_key) DO NOTHING RETURNING {WITH_OVERRIDES}
"""  # nosec B608 # noqa: S608 - as above
# NULL leaves a column as it is; an empty e-mail address removes it. An address given here was written by an admin.
_CHANGE: Final = f"""
UPDATE medianest.users SET role = coalesce($2, role), status = coalesce($3, status),
    display_name = coalesce($4, display_name),
    email = CASE WHEN $5::text IS NULL THEN email ELSE nullif($5, '') END,
    email_verified = CASE WHEN $5::text IS NULL THEN email_verified ELSE $5 <> '' END, updated_at = now()
WHERE id = $1 RETURNING {COLUMNS}
"""  # nosec B608 # noqa: S608 - as above


class People(PasswordsOfPeople):
    """`get` answers from memory for some seconds; every change here is told to all other processes at once."""

    def __init__(
        self,
        db: Database,
        redis: RedisLink,
        secrets: SecretBox,
        passwords: Passwords | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(db, passwords or Passwords())
        self._db = db
        self._redis = redis
        self._secrets = secrets
        self._monotonic = monotonic
        self.permissions = RolePermissions()
        """All there are, by what the plugins of this process declare."""
        self._kept: OrderedDict[UUID, tuple[Person | None, float]] = OrderedDict()
        self._reading: dict[UUID, asyncio.Task[Person | None]] = {}
        self._changes = 0
        redis.subscribe(CHANNEL, self._hinted)
        redis.on_back(self.forget)

    def know_permissions(self, plugins: Iterable[LoadedPlugin]) -> None:
        """From now on roles have what the core and these plugins declare."""
        declared = {
            plugin.full_permission(permission.name): Declared(permission.title or permission.name, permission.default)
            for plugin in plugins
            for permission in plugin.info.permissions
        }
        self.permissions = RolePermissions(declared)
        self.forget()

    def close(self) -> None:
        """End the threads that hash passwords."""
        self.passwords.close()

    def forget(self, person_id: UUID | None = None) -> None:
        """Read them (or everybody) anew at the next call."""
        self._changes += 1
        if person_id is None:
            self._kept.clear()
        else:
            self._kept.pop(person_id, None)

    def known(self, person_id: UUID) -> Person | None:
        """As `get`, without waiting; None also for somebody who was not read lately."""
        kept = self._kept.get(person_id)
        return kept[0] if kept is not None and self._is_fresh(kept[1]) else None

    async def get(self, person_id: UUID) -> Person | None:
        """The person with all permissions in force (none at all unless active), or None."""
        kept = self._kept.get(person_id)
        if kept is not None and self._is_fresh(kept[1]):
            return kept[0]
        return await self._read(person_id)

    async def get_many(self, person_ids: Collection[UUID]) -> dict[UUID, Person]:
        """As `get`, with one question for all; those who are gone are left out."""
        found = {person_id: self._kept.get(person_id) for person_id in person_ids}
        stale = [person_id for person_id, kept in found.items() if kept is None or not self._is_fresh(kept[1])]
        known = {person_id: kept[0] for person_id, kept in found.items() if kept is not None and kept[0] is not None}
        if stale:
            before, read_at = self._changes, self._monotonic()
            read = {row["id"]: self.person_of(row) for row in await self._db.fetch(_BY_IDS, stale)}
            for person_id in stale:
                known.pop(person_id, None)
                self._keep(person_id, read.get(person_id), read_at, before)
            known |= read
        return known

    async def by_username(self, username: str) -> Person | None:
        """The person of that name, however it is written."""
        row = await self._db.fetchrow(_BY_KEY, username_key(username))
        return None if row is None else self.person_of(row)

    async def account(self, person_id: UUID) -> Account | None:
        """The row itself, read anew."""
        row = await self._db.fetchrow(_BY_ID, person_id)
        return None if row is None else account_of(row)

    async def list(
        self,
        *,
        after: str = "",
        limit: int = 100,
        status: Status | None = None,
        role: Role | None = None,
        text: str | None = None,
    ) -> list[Account]:
        """Accounts by name; `after` is the last username of the page before, `text` is in a name or an e-mail address."""
        wanted = username_key(text) if text else None
        rows = await self._db.fetch(_LIST, username_key(after), limit, status, role and role.value, wanted)
        return [account_of(row) for row in rows]

    async def anyone(self) -> bool:
        """Whether anybody exists at all."""
        return bool(await self._db.fetchval("SELECT EXISTS (SELECT FROM medianest.users)"))

    async def create(
        self,
        username: str,
        password: str | None,
        role: Role,
        *,
        display_name: str = "",
        email: str | None = None,
        email_verified: bool = False,
        avatar: str | None = None,
        status: Status = "active",
        tx: Queries | None = None,
        password_hash: str | None = None,
        by: UUID | None = None,
    ) -> Person:
        """A new person. Raises `BadInput` for a bad name or password, `Conflict` for a name that is taken.

        `password_hash` takes the place of `password` where the hash was made before a transaction `tx` began, which
        goes on after a `Conflict`. `by` is the admin who makes them: `Forbidden` if they are none any more.
        """
        name = clean_username(username)
        if password is not None:
            check_password(password, name)
            password_hash = await self.passwords.hash(password)
        values = (
            *(new_id(), name, username_key(name), display_name, email, email_verified),
            *(avatar, role.value, status, password_hash),
        )
        if tx is not None:
            row = await tx.fetchrow(_CREATE, *values)
        else:
            async with self._db.transaction() as own:
                await still_admin(own, by)
                row = await own.fetchrow(_CREATE, *values)
        if row is None:
            raise Conflict(f"Somebody is named {name!r} already; choose another name.", code="username_taken")
        return self.person_of(row)

    async def hash_for(self, person_id: UUID, password: str) -> str:
        """The hash of a new password for them. Raises `BadInput`, `NotFound`."""
        account = await self.account(person_id)
        if account is None:
            raise no_such_person()
        check_password(password, account.username)
        return await self.passwords.hash(password)

    async def set_role(self, person_id: UUID, role: Role) -> None:
        """Raises `Conflict` when the last active admin would be gone, `NotFound`."""
        await self.change(person_id, role=role)

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
        """Change what is given, all or nothing; an empty `email` removes it, another counts as verified.

        The caller ends the sessions of somebody disabled. Raises `Conflict` `last_admin`, `NotFound`, and `Forbidden` if
        `by`, the admin who changes it (or for the name alone, the person), may not do so any more.
        """
        loses_admin = (role is not None and role is not Role.ADMIN) or (status is not None and status != "active")
        async with self._db.transaction() as tx:
            if loses_admin:
                await self.no_longer_admin(tx, person_id, by)
            elif by == person_id and role is status is email is None:
                await still_active(tx, person_id)
            else:
                await lock_person(tx, person_id, by)
            if status == "disabled":  # what was made to let them in does not outlive it
                await tx.execute("DELETE FROM medianest.password_links WHERE user_id = $1", person_id)
            row = await tx.fetchrow(_CHANGE, person_id, role and role.value, status, display_name, email)
        if row is None:
            raise no_such_person()
        await self.tell(person_id)
        return account_of(row)

    async def no_longer_admin(self, tx: Queries, person_id: UUID, by: UUID | None = None) -> None:
        """To be called before somebody stops being an active admin. Raises `Conflict` for the last one, `Forbidden`.

        What they let others in with ends, too: nobody gets back in by an invitation of their own.
        """
        # Locking the admins makes two who demote each other at one moment take turns.
        if await lock_with_admins(tx, person_id, by) == [person_id]:
            raise Conflict("This is the last admin; make somebody else one first.", code="last_admin")
        await tx.execute(
            "UPDATE medianest.invites SET revoked_at = now() WHERE created_by = $1 AND revoked_at IS NULL", person_id
        )
        await tx.execute("DELETE FROM medianest.password_links WHERE created_by = $1", person_id)

    async def tell(self, person_id: UUID) -> None:
        """Somebody was changed: read them anew here, and in all other processes."""
        self.forget(person_id)
        await self._redis.publish(CHANNEL, {"person": str(person_id)})

    async def secret(self, plugin: str, instance: str, person_id: UUID, name: str) -> str | None:
        """What that plugin keeps for the person under that name, or None. `ValueError` if its key is gone."""
        sealed = await self._db.fetchval(
            "SELECT sealed FROM medianest.person_secrets "
            "WHERE person_id = $1 AND plugin = $2 AND instance = $3 AND name = $4",
            person_id,
            plugin,
            instance,
            name,
        )
        return (
            None if sealed is None else self._secrets.open(secret_purpose(plugin, instance, person_id), sealed).decode()
        )

    async def set_secret(
        self, plugin: str, instance: str, person_id: UUID, name: str, value: str | None, *, tx: Queries | None = None
    ) -> None:
        """Seal and keep it; None removes it. Raises `NotFound` for a person who does not exist."""
        queries = tx or self._db
        if value is None:
            await queries.execute(
                "DELETE FROM medianest.person_secrets "
                "WHERE person_id = $1 AND plugin = $2 AND instance = $3 AND name = $4",
                person_id,
                plugin,
                instance,
                name,
            )
            return
        try:
            await queries.execute(
                """INSERT INTO medianest.person_secrets (person_id, plugin, instance, name, sealed)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (person_id, plugin, instance, name)
                   DO UPDATE SET sealed = $5, updated_at = now()""",
                person_id,
                plugin,
                instance,
                name,
                self._secrets.seal(secret_purpose(plugin, instance, person_id), value.encode()),
            )
        except asyncpg.ForeignKeyViolationError:
            raise no_such_person() from None

    async def _read(self, person_id: UUID) -> Person | None:
        """From Postgres, once for all who ask at the same time."""
        reading = self._reading.get(person_id)
        if reading is None:
            reading = self._reading[person_id] = asyncio.create_task(self._read_and_keep(person_id))
            reading.add_done_callback(lambda _: self._reading.pop(person_id, None))
        return await asyncio.shield(reading)

    async def _read_and_keep(self, person_id: UUID) -> Person | None:
        before = self._changes
        read_at = self._monotonic()
        row = await self._db.fetchrow(_BY_ID, person_id)
        person = None if row is None else self.person_of(row)
        self._keep(person_id, person, read_at, before)
        return person

    def _keep(self, person_id: UUID, person: Person | None, read_at: float, before: int) -> None:
        if before == self._changes:  # else the row may be older than the change
            self._kept[person_id] = (person, read_at)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    async def _hinted(self, message: dict[str, Any]) -> None:
        try:
            self.forget(UUID(message["person"]))
        except (KeyError, ValueError, TypeError):
            self.forget()

    def _is_fresh(self, read_at: float) -> bool:
        """Whether what was read then may be believed: without hints not for long."""
        kept_for = KEPT_SECONDS if self._redis.hears else KEPT_SECONDS_REDIS_AWAY
        return self._monotonic() - read_at < kept_for

    def person_of(self, row: Any) -> Person:
        """The person in a row with `WITH_OVERRIDES`, with what they may now."""
        role, allowed = Role(row["role"]), frozenset[str]()
        if row["status"] == "active":
            allowed = self.permissions.in_force(role, row["granted"], row["denied"])
        return Person(row["id"], row["username"], role, allowed, row["display_name"])


def no_such_person() -> NotFound:
    """Nobody has that id (any more)."""
    return NotFound("There is no such person.", code="no_such_person")


def secret_purpose(plugin: str, instance: str, person_id: UUID) -> str:
    """Under which purpose a plugin's secret for somebody is sealed."""
    # Of that person too: a row copied onto somebody else's name does not open.
    return f"person:{plugin}:{instance}:{person_id}"
