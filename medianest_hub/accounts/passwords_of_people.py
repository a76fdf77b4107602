"""The passwords of people: checked, replaced, made anew at another cost; knows no session and slows nobody down."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final, NamedTuple
from uuid import UUID

from medianest_hub.accounts.account import WITH_OVERRIDES, account_inactive, account_of, wrong_credentials
from medianest_hub.accounts.names import username_key
from medianest_hub.accounts.passwords import Passwords
from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.services import Queries

_BY_KEY: Final = f"SELECT {WITH_OVERRIDES}, password_hash FROM medianest.users WHERE username_key = $1"  # nosec B608 # noqa: S608 - names are constants of ours
_HASH_ANEW: Final = "UPDATE medianest.users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"
_STILL_HAS: Final = "SELECT id FROM medianest.users WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $2 FOR UPDATE"


class Checked(NamedTuple):
    """Whose password was right, and its hash: what is done for that goes only while it is still theirs."""

    person: Person
    password_hash: str | None


class PasswordsOfPeople(ABC):
    """What `People` does with passwords."""

    def __init__(self, db: Database, passwords: Passwords) -> None:
        self._database = db
        self.passwords = passwords

    @abstractmethod
    def person_of(self, row: Any) -> Person:
        """The person in a row with `WITH_OVERRIDES`, with what they may now."""

    @abstractmethod
    async def hash_for(self, person_id: UUID, password: str) -> str:
        """The hash of a new password for them. Raises `BadInput`, `NotFound`."""

    async def check_password(self, username: str, password: str, *, expected: bool = False) -> Checked:
        """Whoever has that name and password, and the hash it was checked against. `expected`: see `Passwords.verify`.

        Raises `Unauthorized` alike for an unknown name and a wrong password. Somebody disabled is told so (`Forbidden`),
        having given the right password.
        """
        row = await self._database.fetchrow(_BY_KEY, username_key(username))
        known = None if row is None else row["password_hash"]
        verdict = await self.passwords.verify(known, password, expected=expected)
        if row is None or not verdict.fits:
            raise wrong_credentials()
        account = account_of(row)
        if account.status != "active":
            raise account_inactive()
        if verdict.outdated:
            dearer = await self.passwords.hash(password)
            # Only if nobody changed the password meanwhile.
            if await self._database.execute(_HASH_ANEW, account.id, known, dearer) == "UPDATE 0":
                return await self.check_password(username, password, expected=True)
            known = dearer
        return Checked(self.person_of(row), known)

    async def set_password(self, person_id: UUID, password: str) -> None:
        """Replace the password, and void all links that would; the caller ends the person's sessions.

        Raises `BadInput`, `NotFound`.
        """
        password_hash = await self.hash_for(person_id, password)
        async with self._database.transaction() as tx:
            await self.keep_password(tx, person_id, password_hash)

    async def change_password(self, person_id: UUID, known: str | None, password: str) -> bool:
        """As `set_password`, but only while `known` is the hash of their password (None: they have none)."""
        password_hash = await self.hash_for(person_id, password)
        async with self._database.transaction() as tx:
            if await tx.fetchval(_STILL_HAS, person_id, known) is None:
                return False
            await self.keep_password(tx, person_id, password_hash)
        return True

    async def keep_password(self, tx: Queries, person_id: UUID, password_hash: str) -> None:
        """As `set_password`, of a hash made before the transaction `tx` began."""
        await tx.execute(
            "UPDATE medianest.users SET password_hash = $2, password_changed_at = now(), updated_at = now() WHERE id = $1",
            person_id,
            password_hash,
        )
        await tx.execute("DELETE FROM medianest.password_links WHERE user_id = $1", person_id)
