"""People: find, make and change them, with their permissions in force; knows no session and no request."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg

from medianest_hub.accounts.names import clean_username, username_key
from medianest_hub.accounts.password_rules import check_password
from medianest_hub.accounts.passwords import Passwords
from medianest_hub.accounts.permissions import RolePermissions
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Conflict, Forbidden, NotFound, Unauthorized
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.plugin_api.services import Queries
from medianest_hub.plugin_host.declarations import LoadedPlugin

CHANNEL: Final = "mn:people"
"""Hints that somebody was changed: `{"person": id}`."""

KEPT_SECONDS: Final = 15.0
KEPT_SECONDS_REDIS_AWAY: Final = 0.5
"""How long a process believes what it read of somebody, with and without hints."""

_KEPT = 4096

Status = Literal["active", "disabled", "invited"]

_COLUMNS = """id, username, display_name, email, role, status, password_hash IS NOT NULL AS has_password,
              created_at, last_seen_at"""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody's row, without secrets. Only `active` people may do anything."""

    id: UUID
    username: str
    display_name: str
    email: str | None
    role: Role
    status: Status
    has_password: bool
    created_at: datetime
    last_seen_at: datetime | None


class People:
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
        self._db = db
        self._redis = redis
        self._secrets = secrets
        self.passwords = passwords or Passwords()
        self._monotonic = monotonic
        self._permissions = RolePermissions()
        self._kept: OrderedDict[UUID, tuple[Person | None, float]] = OrderedDict()
        self._reading: dict[UUID, asyncio.Task[Person | None]] = {}
        self._changes = 0
        redis.subscribe(CHANNEL, self._hinted)
        redis.on_back(self.forget)

    def know_permissions(self, plugins: Iterable[LoadedPlugin]) -> None:
        """From now on roles have what the core and these plugins declare."""
        declared = {
            plugin.full_permission(permission.name): permission.default
            for plugin in plugins
            for permission in plugin.info.permissions
        }
        self._permissions = RolePermissions(declared)
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
        return kept[0] if kept is not None and kept[1] > self._monotonic() else None

    async def get(self, person_id: UUID) -> Person | None:
        """The person with all permissions in force (none at all unless active), or None."""
        kept = self._kept.get(person_id)
        if kept is not None and kept[1] > self._monotonic():
            return kept[0]
        return await self._read(person_id)

    async def by_username(self, username: str) -> Person | None:
        """The person of that name, however it is written."""
        row = await self._db.fetchrow(
            f"SELECT {_COLUMNS} FROM medianest.users WHERE username_key = $1",  # noqa: S608 - names are constants of ours
            username_key(username),
        )
        return None if row is None else self._person(_account(row))

    async def account(self, person_id: UUID) -> Account | None:
        """The row itself, read anew."""
        row = await self._db.fetchrow(f"SELECT {_COLUMNS} FROM medianest.users WHERE id = $1", person_id)  # noqa: S608 - names are constants of ours
        return None if row is None else _account(row)

    async def list(self, *, after: str = "", limit: int = 100) -> list[Account]:
        """Accounts by name; `after` is the last username of the page before."""
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} FROM medianest.users WHERE username_key > $1 ORDER BY username_key LIMIT $2",  # noqa: S608 - names are constants of ours
            username_key(after),
            limit,
        )
        return [_account(row) for row in rows]

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
        tx: Queries | None = None,
        password_hash: str | None = None,
    ) -> Person:
        """A new active person. Raises `BadInput` for a bad name or password, `Conflict` for a name that is taken.

        `password_hash` takes the place of `password` where the hash was made before a transaction `tx` began.
        """
        name = clean_username(username)
        if password is not None:
            check_password(password, name)
            password_hash = await self.passwords.hash(password)
        try:
            row = await (tx or self._db).fetchrow(
                f"""INSERT INTO medianest.users
                    (id, username, username_key, display_name, email, role, password_hash, password_changed_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $7::text IS NULL THEN NULL ELSE now() END)
                    RETURNING {_COLUMNS}""",  # noqa: S608 - names are constants of ours
                new_id(),
                name,
                username_key(name),
                display_name,
                email,
                role.value,
                password_hash,
            )
        except asyncpg.UniqueViolationError:
            raise Conflict(f"Somebody is named {name!r} already; choose another name.", code="username_taken") from None
        return self._person(_account(row))

    async def check_password(self, username: str, password: str) -> Person:
        """Whoever has that name and password. Raises `Unauthorized` alike for an unknown name and a wrong password.

        Somebody disabled is told so (`Forbidden`), having given the right password.
        """
        row = await self._db.fetchrow(
            f"SELECT {_COLUMNS}, password_hash FROM medianest.users WHERE username_key = $1",  # noqa: S608 - names are constants of ours
            username_key(username),
        )
        known = None if row is None else row["password_hash"]
        verdict = await self.passwords.verify(known, password)
        if row is None or not verdict.fits:
            raise Unauthorized("The username or the password is wrong.", code="wrong_credentials")
        account = _account(row)
        if account.status != "active":
            raise Forbidden("This account is not active; ask an admin.", code="account_inactive")
        if verdict.outdated:
            # Only if nobody changed the password meanwhile.
            await self._db.execute(
                "UPDATE medianest.users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                account.id,
                known,
                await self.passwords.hash(password),
            )
        return self._person(account)

    async def set_password(self, person_id: UUID, password: str) -> None:
        """Replace the password; the caller ends the person's sessions. Raises `BadInput`, `NotFound`."""
        account = await self.account(person_id)
        if account is None:
            raise NotFound("There is no such person.")
        check_password(password, account.username)
        await self._db.execute(
            "UPDATE medianest.users SET password_hash = $2, password_changed_at = now(), updated_at = now() WHERE id = $1",
            person_id,
            await self.passwords.hash(password),
        )

    async def set_role(self, person_id: UUID, role: Role) -> None:
        """Raises `Conflict` when the last active admin would be gone, `NotFound`."""
        await self._change(person_id, "role", role.value, loses_admin=role is not Role.ADMIN)

    async def set_status(self, person_id: UUID, status: Status) -> None:
        """The caller ends the sessions of somebody disabled. Raises `Conflict` for the last active admin, `NotFound`."""
        await self._change(person_id, "status", status, loses_admin=status != "active")

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
        return None if sealed is None else self._secrets.open(_purpose(plugin, instance, person_id), sealed).decode()

    async def set_secret(self, plugin: str, instance: str, person_id: UUID, name: str, value: str | None) -> None:
        """Seal and keep it; None removes it. Raises `NotFound` for a person who does not exist."""
        if value is None:
            await self._db.execute(
                "DELETE FROM medianest.person_secrets "
                "WHERE person_id = $1 AND plugin = $2 AND instance = $3 AND name = $4",
                person_id,
                plugin,
                instance,
                name,
            )
            return
        try:
            await self._db.execute(
                """INSERT INTO medianest.person_secrets (person_id, plugin, instance, name, sealed)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (person_id, plugin, instance, name)
                   DO UPDATE SET sealed = $5, updated_at = now()""",
                person_id,
                plugin,
                instance,
                name,
                self._secrets.seal(_purpose(plugin, instance, person_id), value.encode()),
            )
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("There is no such person.") from None

    async def _change(
        self, person_id: UUID, column: Literal["role", "status"], value: str, *, loses_admin: bool
    ) -> None:
        async with self._db.transaction() as tx:
            # Locking the admins makes two who demote each other at one moment take turns.
            admins = await tx.fetch(
                "SELECT id FROM medianest.users WHERE role = 'admin' AND status = 'active' ORDER BY id FOR UPDATE"
            )
            if loses_admin and [row["id"] for row in admins] == [person_id]:
                raise Conflict("This is the last admin; make somebody else one first.", code="last_admin")
            done = await tx.execute(
                f"UPDATE medianest.users SET {column} = $2, updated_at = now() WHERE id = $1",  # noqa: S608 - names are constants of ours
                person_id,
                value,
            )
        if done == "UPDATE 0":
            raise NotFound("There is no such person.")
        self.forget(person_id)
        await self._redis.publish(CHANNEL, {"person": str(person_id)})

    async def _read(self, person_id: UUID) -> Person | None:
        """From Postgres, once for all who ask at the same time."""
        reading = self._reading.get(person_id)
        if reading is None:
            reading = self._reading[person_id] = asyncio.create_task(self._read_and_keep(person_id))
            reading.add_done_callback(lambda _: self._reading.pop(person_id, None))
        return await asyncio.shield(reading)

    async def _read_and_keep(self, person_id: UUID) -> Person | None:
        before = self._changes
        account = await self.account(person_id)
        person = None if account is None else self._person(account)
        if before == self._changes:  # else the row may be older than the change
            kept_for = KEPT_SECONDS_REDIS_AWAY if self._redis.is_away else KEPT_SECONDS
            self._kept[person_id] = (person, self._monotonic() + kept_for)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return person

    async def _hinted(self, message: dict[str, Any]) -> None:
        try:
            self.forget(UUID(message["person"]))
        except (KeyError, ValueError, TypeError):
            self.forget()

    def _person(self, account: Account) -> Person:
        allowed = self._permissions.of(account.role) if account.status == "active" else frozenset[str]()
        return Person(account.id, account.username, account.role, allowed, account.display_name)


def _account(row: Any) -> Account:
    return Account(
        id=row["id"],
        username=row["username"],
        display_name=row["display_name"],
        email=row["email"],
        role=Role(row["role"]),
        status=row["status"],
        has_password=row["has_password"],
        created_at=row["created_at"],
        last_seen_at=row["last_seen_at"],
    )


def _purpose(plugin: str, instance: str, person_id: UUID) -> str:
    # Of that person too: a row copied onto somebody else's name does not open.
    return f"person:{plugin}:{instance}:{person_id}"
