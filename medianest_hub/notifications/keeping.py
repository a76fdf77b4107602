"""Forgets what is past its time: happenings with all that hangs on them, and more of one person than anybody reads."""

from __future__ import annotations

from typing import Final

from medianest_hub.infrastructure.database import Database

MOST_HAPPENINGS: Final = 100_000
"""The latest are kept, also when a plugin tells far too much."""

MOST_OF_PERSON: Final = 2000
"""Notifications in one person's list."""

_PIECE: Final = 5000

_OLD: Final = """
DELETE FROM medianest.happenings WHERE id IN (
    SELECT id FROM medianest.happenings WHERE told_at < now() - make_interval(days => $1) ORDER BY told_at LIMIT $2)
"""
_TOO_MANY: Final = """
DELETE FROM medianest.happenings WHERE id IN (
    SELECT id FROM medianest.happenings
    WHERE id < (SELECT id FROM medianest.happenings ORDER BY id DESC OFFSET $1 LIMIT 1) ORDER BY id LIMIT $2)
"""
_LONG_LISTS: Final = """
DELETE FROM medianest.notifications n USING (
    SELECT person_id, (array_agg(happening_id ORDER BY happening_id DESC))[$1] AS last
    FROM medianest.notifications GROUP BY person_id HAVING count(*) > $1
) AS long
WHERE n.person_id = long.person_id AND n.happening_id < long.last
"""


class Keeping:
    """Each step is a harmless `DELETE` in pieces, so that two at once do no damage."""

    def __init__(self, db: Database, retention_days: int) -> None:
        self._db = db
        self._retention_days = retention_days

    async def prune(self, *, most: int = MOST_HAPPENINGS, most_of_person: int = MOST_OF_PERSON) -> None:
        """Do it now."""
        await self._in_pieces(_OLD, self._retention_days)
        await self._in_pieces(_TOO_MANY, most - 1)
        await self._db.execute(_LONG_LISTS, most_of_person)

    async def _in_pieces(self, sql: str, bound: int) -> None:
        while await self._db.execute(sql, bound, _PIECE) == f"DELETE {_PIECE}":
            pass
