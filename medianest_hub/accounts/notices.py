"""What the hub did to somebody's sessions and they should hear of, kept until they have; ends nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from medianest_hub.accounts.sessions import WORTH_TELLING
from medianest_hub.infrastructure.database import Database

_UNSEEN = """
SELECT end_reason, ended_at, provider, min(user_agent) AS user_agent, count(*) AS sessions FROM medianest.sessions
WHERE user_id = $1 AND end_reason = ANY($2) AND end_seen_at IS NULL
GROUP BY end_reason, ended_at, provider ORDER BY ended_at DESC LIMIT 50
"""
_SEEN = """
UPDATE medianest.sessions SET end_seen_at = now()
WHERE user_id = $1 AND end_reason = ANY($2) AND end_seen_at IS NULL AND ended_at <= $3
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """Sessions that began by one provider and ended together: why (`code`), when, how many, on which device (or one of them)."""

    code: str
    at: datetime
    provider: str
    user_agent: str
    sessions: int


class Notices:
    """Read from the sessions themselves, so that none can be lost on the way."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_person(self, person_id: UUID) -> list[Notice]:
        """Those they have not seen, latest first, at most 50."""
        rows = await self._db.fetch(_UNSEEN, person_id, WORTH_TELLING)
        return [
            Notice(row["end_reason"], row["ended_at"], row["provider"], row["user_agent"], row["sessions"])
            for row in rows
        ]

    async def seen(self, person_id: UUID, until: datetime) -> None:
        """They know of all up to that moment."""
        await self._db.execute(_SEEN, person_id, WORTH_TELLING, until)
