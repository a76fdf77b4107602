"""The outside accounts people sign in with: find, link, unlink them; decides nothing about who may come in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.plugin_api.errors import Conflict, NotFound
from medianest_hub.plugin_api.services import Queries
from medianest_hub.plugin_api.sign_in import Identity, LinkedIdentity

_COLUMNS: Final = """id, user_id, provider, subject, username, email, email_verified, linked_at, last_used_at,
                     checked_at, withdrawn"""
_SELECT: Final = f"SELECT {_COLUMNS} FROM medianest.identities"  # nosec B608 # noqa: S608 - constants of ours
_OF_PROVIDER: Final = f"""
{_SELECT} WHERE provider = $1 AND withdrawn IS NULL
   AND user_id IN (SELECT u.id FROM medianest.users u WHERE u.status = 'active') ORDER BY user_id
"""  # nosec B608 # noqa: S608 - constants of ours
_LINK: Final = f"""
INSERT INTO medianest.identities (id, user_id, provider, subject, username, email, email_verified)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # nosec B608 # noqa: S608 - constants of ours
# Whoever has several keeps the picture they signed in with last; one without a picture takes none away. What somebody is
# called is theirs to say, and the provider's only where nobody said anything.
_USED: Final = """
WITH used AS (
    UPDATE medianest.identities SET username = $3, email = $4, email_verified = $5, last_used_at = now(),
                                    checked_at = now(), withdrawn = NULL
    WHERE provider = $1 AND subject = $2 RETURNING user_id
)
UPDATE medianest.users SET avatar = coalesce($6, avatar), display_name = coalesce(nullif(display_name, ''), $7)
WHERE id = (SELECT user_id FROM used) AND (avatar IS DISTINCT FROM coalesce($6, avatar) OR (display_name = '' AND $7 <> ''))
"""
_ADMIN_BY: Final = """
SELECT EXISTS (SELECT FROM medianest.identities i JOIN medianest.users u ON u.id = i.user_id
               WHERE u.role = 'admin' AND u.status = 'active' AND i.withdrawn IS NULL AND i.provider = ANY($1))
"""
_WAYS_IN: Final = """
SELECT password_hash IS NOT NULL AS has_password,
       (SELECT count(*) FROM medianest.identities i WHERE i.user_id = users.id) AS identities
FROM medianest.users WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """One row. `withdrawn` says why the provider no longer stands for it, None while it does."""

    id: UUID
    person_id: UUID
    provider: str
    subject: str
    username: str
    email: str | None
    email_verified: bool
    linked_at: datetime
    last_used_at: datetime
    checked_at: datetime
    withdrawn: str | None

    @property
    def linked(self) -> LinkedIdentity:
        """As a plugin sees it."""
        return LinkedIdentity(provider=self.provider, subject=self.subject, username=self.username, email=self.email)


class Identities:
    """One account of one provider is one person's, and a person has at most one of each provider.

    `local`: whether a password is a way in, too.
    """

    def __init__(self, db: Database, *, local: bool = True) -> None:
        self._db = db
        self._local = local

    async def find(self, provider: str, subject: str, tx: Queries | None = None) -> KnownIdentity | None:
        """Whose account that is, or None."""
        row = await (tx or self._db).fetchrow(f"{_SELECT} WHERE provider = $1 AND subject = $2", provider, subject)
        return None if row is None else _identity(row)

    async def of_person(self, person_id: UUID) -> list[KnownIdentity]:
        """All accounts somebody signs in with, by provider."""
        rows = await self._db.fetch(f"{_SELECT} WHERE user_id = $1 ORDER BY provider", person_id)
        return [_identity(row) for row in rows]

    async def of_provider(self, provider: str) -> list[KnownIdentity]:
        """The accounts there which it still stands for, of people who are active."""
        rows = await self._db.fetch(_OF_PROVIDER, provider)
        return [_identity(row) for row in rows]

    async def owner(self, identity_id: UUID) -> UUID | None:
        """Whose account that is; None for one that is not known."""
        found: UUID | None = await self._db.fetchval(
            "SELECT user_id FROM medianest.identities WHERE id = $1", identity_id
        )
        return found

    async def providers_of(self, person_ids: list[UUID]) -> dict[UUID, list[str]]:
        """By which providers each of these people signs in; those without any are left out."""
        rows = await self._db.fetch(
            "SELECT user_id, array_agg(provider ORDER BY provider) AS providers FROM medianest.identities "
            "WHERE user_id = ANY($1) GROUP BY user_id",
            person_ids,
        )
        return {row["user_id"]: list(row["providers"]) for row in rows}

    async def let_an_admin_in(self, providers: Collection[str]) -> bool:
        """Whether any active admin signs in by one of these providers, which still stands for them."""
        return bool(await self._db.fetchval(_ADMIN_BY, list(providers)))

    async def link(
        self, person_id: UUID, provider: str, identity: Identity, tx: Queries | None = None
    ) -> KnownIdentity:
        """From now on the person may sign in with it; linking what is linked already changes nothing.

        Raises `Conflict`: `identity_taken` (somebody else's), `provider_linked` (they have another one of that provider).
        """
        row = await (tx or self._db).fetchrow(
            _LINK,
            new_id(),
            person_id,
            provider,
            identity.subject,
            identity.username,
            identity.email,
            identity.email_verified,
        )
        if row is not None:
            return _identity(row)
        known = await self.find(provider, identity.subject, tx)
        if known is None:
            raise Conflict(
                "Another account of that provider is linked already; unlink it first.", code="provider_linked"
            )
        if known.person_id != person_id:
            raise Conflict("That account signs in somebody else here already.", code="identity_taken")
        return known

    async def unlink(self, person_id: UUID, identity_id: UUID) -> KnownIdentity:
        """The person no longer signs in with it. Raises `NotFound`, and `Conflict` `last_way_in` where nothing else is left."""
        async with self._db.transaction() as tx:
            # Two unlinked at one moment take turns, so that one of them stays.
            await tx.execute("SELECT FROM medianest.users WHERE id = $1 FOR UPDATE", person_id)
            row = await tx.fetchrow(f"{_SELECT} WHERE id = $1 AND user_id = $2", identity_id, person_id)
            if row is None:
                raise NotFound("There is no such linked account.", code="no_such_identity")
            ways = await tx.fetchrow(_WAYS_IN, person_id)
            if not (ways["has_password"] and self._local) and ways["identities"] == 1:
                first = "set a password" if self._local else "link another account"
                raise Conflict(f"This is the only way to sign in; {first} first.", code="last_way_in")
            await tx.execute("DELETE FROM medianest.identities WHERE id = $1", identity_id)
        return _identity(row)

    async def used(self, provider: str, identity: Identity, tx: Queries | None = None) -> None:
        """The provider has just proven it anew: keep what it says now, the person's picture and empty name included."""
        await (tx or self._db).execute(
            _USED,
            provider,
            identity.subject,
            identity.username,
            identity.email,
            identity.email_verified,
            identity.avatar,
            identity.display_name,
        )


def _identity(row: Any) -> KnownIdentity:
    return KnownIdentity(
        id=row["id"],
        person_id=row["user_id"],
        provider=row["provider"],
        subject=row["subject"],
        username=row["username"],
        email=row["email"],
        email_verified=row["email_verified"],
        linked_at=row["linked_at"],
        last_used_at=row["last_used_at"],
        checked_at=row["checked_at"],
        withdrawn=row["withdrawn"],
    )
