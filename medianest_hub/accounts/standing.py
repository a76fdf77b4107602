"""Which linked identities are due to be asked about again, and what is kept of the answer; asks no provider itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_api.sign_in import SIGN_IN_SECRET, LinkedIdentity, Standing

LEASE_SECONDS: Final = 15 * 60
"""One taken and not settled (its worker died, its provider was away) is due again after this."""

# Taken as if asked about a little less than a period ago: no other worker takes it now, and it is not lost either.
_TAKE: Final = """
UPDATE medianest.identities i
SET checked_at = now() - make_interval(hours => $2) + make_interval(secs => $3)
FROM (
    SELECT id FROM medianest.identities
    WHERE provider = ANY($1) AND withdrawn IS NULL AND checked_at <= now() - make_interval(hours => $2)
    ORDER BY checked_at LIMIT $4 FOR UPDATE SKIP LOCKED
) due
WHERE i.id = due.id RETURNING i.id, i.user_id, i.provider, i.subject, i.username, i.email, i.checked_at
"""
# Whoever signed in by it meanwhile has moved `checked_at`: what was asked about before is no news then.
_STANDS: Final = "SELECT EXISTS (SELECT FROM medianest.identities WHERE id = $1 AND checked_at = $2)"
_GOOD: Final = "UPDATE medianest.identities SET checked_at = now() WHERE id = $1 AND checked_at = $2"
_WITHDRAW: Final = """
UPDATE medianest.identities SET withdrawn = $3, checked_at = now() WHERE id = $1 AND checked_at = $2 RETURNING id
"""
_OTHER_WAY: Final = """
SELECT (password_hash IS NOT NULL AND $3) OR EXISTS (
    SELECT FROM medianest.identities i WHERE i.user_id = users.id AND i.withdrawn IS NULL AND i.id <> $2
) FROM medianest.users WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Due:
    """An identity to ask about; `taken` is the mark that it is still ours."""

    id: UUID
    person_id: UUID
    linked: LinkedIdentity
    taken: datetime


class Standings:
    """`take` gives each identity to one worker; then `good`, `withdraw`, or nothing: it comes again by itself."""

    def __init__(self, db: Database, people: People, hours: int, *, local: bool = True) -> None:
        """`local`: whether a password is a way in, too."""
        self._db = db
        self._people = people
        self._hours = hours
        self._local = local

    async def take(self, providers: Collection[str], limit: int) -> list[Due]:
        """Those of these providers asked about longest ago, if that is a period ago."""
        rows = await self._db.fetch(_TAKE, list(providers), self._hours, float(LEASE_SECONDS), limit)
        return [_due(row) for row in rows]

    async def stands(self, due: Due) -> bool:
        """Whether nobody has proven it anew since it was taken."""
        return bool(await self._db.fetchval(_STANDS, due.id, due.taken))

    async def good(self, due: Due) -> None:
        """The provider stands for it: not again for a period."""
        await self._db.execute(_GOOD, due.id, due.taken)

    async def withdraw(self, due: Due, why: Standing, secrets_of: tuple[str, str]) -> bool:
        """Note why the provider no longer stands for it, and forget what was kept for it; False if it was proven anew."""
        async with self._db.transaction() as tx:
            if await tx.fetchval(_WITHDRAW, due.id, due.taken, why.value) is None:
                return False
            await self._people.set_secret(*secrets_of, due.person_id, SIGN_IN_SECRET, None, tx=tx)
        return True

    async def has_other_way(self, due: Due) -> bool:
        """Whether the person can sign in by anything else."""
        return bool(await self._db.fetchval(_OTHER_WAY, due.person_id, due.id, self._local))


def _due(row: Any) -> Due:
    linked = LinkedIdentity(
        provider=row["provider"], subject=row["subject"], username=row["username"], email=row["email"]
    )
    return Due(row["id"], row["user_id"], linked, row["checked_at"])
