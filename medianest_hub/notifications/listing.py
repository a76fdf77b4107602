"""Somebody's notifications: list, count, mark as read, remove. Owns no words: what is kept is put into them at each reading."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from medianest_hub.infrastructure.database import Database
from medianest_hub.notifications.kinds import Kinds
from medianest_hub.notifications.pictures import Pictures
from medianest_hub.notifications.views import NotificationView
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.services import Queries

# What was told to everybody is there only for who may see it now; what concerns the reader alone is theirs.
_LIST: Final = """
SELECT h.id, h.kind, h.params, h.href, h.image, h.at, n.read_at, n.choice
FROM medianest.notifications n JOIN medianest.happenings h ON h.id = n.happening_id
WHERE n.person_id = $1 AND n.choice <> 'off' AND n.removed_at IS NULL
  AND ($2::uuid IS NULL OR n.happening_id < $2) AND (NOT $3 OR (n.choice = 'on' AND n.read_at IS NULL))
  AND (h.person_id IS NOT NULL OR (h.kind = ANY($4) AND (h.permission IS NULL OR h.permission = ANY($5))))
ORDER BY n.happening_id DESC LIMIT $6
"""
_UNREAD: Final = """
SELECT n.person_id, CASE WHEN h.person_id IS NULL THEN h.kind END AS kind,
       CASE WHEN h.person_id IS NULL THEN h.permission END AS permission, count(*) AS count
FROM medianest.notifications n JOIN medianest.happenings h ON h.id = n.happening_id
WHERE n.person_id = ANY($1) AND n.choice = 'on' AND n.read_at IS NULL AND n.removed_at IS NULL
GROUP BY 1, 2, 3
"""
_READ: Final = """
UPDATE medianest.notifications SET read_at = coalesce(read_at, now())
WHERE person_id = $1 AND happening_id = $2 AND choice <> 'off' AND removed_at IS NULL RETURNING read_at
"""
_READ_ALL: Final = """
UPDATE medianest.notifications SET read_at = now()
WHERE person_id = $1 AND happening_id <= $2 AND read_at IS NULL AND removed_at IS NULL
"""
_REMOVE: Final = """
UPDATE medianest.notifications SET removed_at = now()
WHERE person_id = $1 AND happening_id = $2 AND choice <> 'off' AND removed_at IS NULL
"""


class NotificationList:
    """Each person's own; nobody sees or changes another's."""

    def __init__(self, db: Database, kinds: Kinds, pictures: Pictures) -> None:
        self._db = db
        self._kinds = kinds
        self._pictures = pictures

    async def page(
        self, person: Person, language: str, *, before: UUID | None = None, unread: bool = False, limit: int = 50
    ) -> list[NotificationView]:
        """The newest first; `before`: older than that one. `unread`: only those that count as unread."""
        rows = await self._db.fetch(
            _LIST, person.id, before, unread, self._kinds.open_to(person), list(person.permissions), limit
        )
        return [self._view(row, language) for row in rows]

    async def unread(self, person: Person) -> int:
        """How many the person has not read."""
        return (await self.unread_of([person]))[person.id]

    async def unread_of(self, people: Collection[Person], tx: Queries | None = None) -> Mapping[UUID, int]:
        """As `unread`, of many people in one question."""
        known = {person.id: person for person in people}
        counts = dict.fromkeys(known, 0)
        open_to = {person.id: frozenset(self._kinds.open_to(person)) for person in people}
        for row in await (tx or self._db).fetch(_UNREAD, list(known)):
            kind, permission, person_id = row["kind"], row["permission"], row["person_id"]
            seen = kind is None or kind in open_to[person_id]
            if seen and (permission is None or known[person_id].can(permission)):
                counts[person_id] += row["count"]
        return counts

    async def read(self, person_id: UUID, id: UUID) -> bool:
        """The person has read it; False if there is none of that id in their list."""
        return await self._db.fetchval(_READ, person_id, id) is not None

    async def read_all(self, person_id: UUID, until: UUID) -> None:
        """The person has read that one and all before it; what came later stays unread."""
        await self._db.execute(_READ_ALL, person_id, until)

    async def remove(self, person_id: UUID, id: UUID) -> bool:
        """Take it out of the person's list; False if it was not there."""
        return bool(await self._db.execute(_REMOVE, person_id, id) != "UPDATE 0")

    def _view(self, row: Any, language: str) -> NotificationView:
        params = json.loads(row["params"])
        words = self._kinds.words(row["kind"], language, params)
        return NotificationView(
            id=row["id"],
            kind=row["kind"],
            plugin=row["kind"].partition(".")[0],
            title=words.title,
            body=words.body,
            href=row["href"],
            image=self._pictures.link(row["image"]),
            params=params,
            at=row["at"],
            read_at=row["read_at"],
            quiet=row["choice"] != "on",
        )
