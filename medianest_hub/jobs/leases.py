"""Leases in Postgres: the right to run a stream, held by one worker at a time, by the database's clock. Runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medianest_hub.infrastructure.database import Database

LEASE_SECONDS = 10.0

# A lease that ends later than any could was made by a clock since set back: it is cut to what a fresh one has, so that a
# living holder keeps it by renewing and a dead one's runs out.
_CUT = """
UPDATE medianest.leases SET expires_at = now() + make_interval(secs => $2)
WHERE name = ANY ($1) AND expires_at > now() + make_interval(secs => 2 * $2)
"""

_ACQUIRE = """
INSERT INTO medianest.leases AS l (name, holder, fence, acquired_at, expires_at)
SELECT name, $2, 1, now(), now() + make_interval(secs => $3) FROM unnest($1::text[]) AS name ORDER BY name
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, fence = l.fence + 1, acquired_at = now(), expires_at = excluded.expires_at
WHERE l.expires_at <= now()
RETURNING l.name, l.fence
"""

_RENEW = """
UPDATE medianest.leases l SET expires_at = now() + make_interval(secs => $4)
FROM unnest($1::text[], $2::bigint[]) AS mine(name, fence)
WHERE l.name = mine.name AND l.fence = mine.fence AND l.holder = $3
RETURNING l.name
"""

_RELEASE = """
UPDATE medianest.leases l SET expires_at = now()
FROM unnest($1::text[], $2::bigint[]) AS mine(name, fence)
WHERE l.name = mine.name AND l.fence = mine.fence AND l.holder = $3
"""


class LeaseStore:
    """The leases as one holder sees them. All calls may raise `DatabaseAway`."""

    def __init__(self, db: Database, holder: str, seconds: float = LEASE_SECONDS) -> None:
        self._db = db
        self.holder = holder
        self.seconds = seconds

    async def acquire(self, names: Sequence[str]) -> dict[str, int]:
        """Take those that are free; name to fence, which is larger than any holder had before."""
        await self._db.execute(_CUT, names, self.seconds)
        rows = await self._db.fetch(_ACQUIRE, names, self.holder, self.seconds)
        return {row["name"]: row["fence"] for row in rows}

    async def renew(self, held: Mapping[str, int]) -> set[str]:
        """Keep these (name to fence) for another `seconds`; those not returned are somebody else's by now."""
        rows = await self._db.fetch(_RENEW, list(held), list(held.values()), self.holder, self.seconds)
        return {row["name"] for row in rows}

    async def release(self, held: Mapping[str, int]) -> None:
        """Give these up: another may have them at once."""
        await self._db.execute(_RELEASE, list(held), list(held.values()), self.holder)
