"""Where the pictures of people are, as their sign-in providers said; fetches none."""

from __future__ import annotations

from uuid import UUID

from medianest_hub.infrastructure.database import Database


class Avatars:
    """Reads what signing in wrote."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def address(self, person_id: UUID) -> str | None:
        """The web address a provider gave for that person's picture, not to be trusted; None for none."""
        found: str | None = await self._db.fetchval("SELECT avatar FROM medianest.users WHERE id = $1", person_id)
        return found
