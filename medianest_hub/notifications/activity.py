"""What happened in the house, for each reader what they may see now. Writes nothing."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.database import Database
from medianest_hub.notifications.kinds import Kinds
from medianest_hub.notifications.pictures import Pictures
from medianest_hub.notifications.views import About, ActivityEntry
from medianest_hub.plugin_api.people import Person

_LIST: Final = """
SELECT id, kind, params, href, image, at, person_id FROM medianest.happenings
WHERE in_activity AND ($1::uuid IS NULL OR id < $1) AND ($6::text IS NULL OR kind LIKE $6)
  AND (person_id = $2
       OR (person_id IS NULL AND kind = ANY($3) AND (permission IS NULL OR permission = ANY($4))
           AND (hidden_from IS NULL OR $2 <> ALL(hidden_from)))
       OR (person_id IS NOT NULL AND kind = ANY($5)))
ORDER BY id DESC LIMIT $7
"""


class Activity:
    """Entries about the reader, those for everybody whose permission they hold, others' where they have the oversight."""

    def __init__(self, db: Database, people: People, kinds: Kinds, pictures: Pictures) -> None:
        self._db = db
        self._people = people
        self._kinds = kinds
        self._pictures = pictures

    async def page(
        self, reader: Person, language: str, *, before: UUID | None = None, plugin: str | None = None, limit: int = 50
    ) -> list[ActivityEntry]:
        """The newest first; `before`: older than that one. `plugin`: only what that one told."""
        open_to, overseen = self._kinds.open_to(reader), self._kinds.overseen_by(reader)
        begins = f"{plugin}.%".replace("_", "\\_") if plugin is not None else None
        rows = await self._db.fetch(
            _LIST, before, reader.id, open_to, list(reader.permissions), overseen, begins, limit
        )
        about = {row["person_id"] for row in rows if row["person_id"] is not None}
        known = await self._people.get_many(about)
        return [self._entry(row, language, known.get(row["person_id"])) for row in rows]

    def _entry(self, row: Any, language: str, person: Person | None) -> ActivityEntry:
        params = json.loads(row["params"])
        words = self._kinds.words(row["kind"], language, params)
        return ActivityEntry(
            id=row["id"],
            kind=row["kind"],
            plugin=row["kind"].partition(".")[0],
            title=words.title,
            body=words.body,
            href=row["href"],
            image=self._pictures.link(row["image"]),
            params=params,
            at=row["at"],
            about=About(id=person.id, name=person.display_name or person.username) if person is not None else None,
        )
