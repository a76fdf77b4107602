"""How each person wants to hear of things: language, hours, and per kind and way. Kept here; what follows is for others to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from medianest_hub.infrastructure.database import Database
from medianest_hub.notifications.hours import Hours, minutes
from medianest_hub.plugin_api.notifications import LANGUAGES, Choice, Language
from medianest_hub.settings import NotificationSettings

HOURS_COLUMNS: Final = "u.language, s.time_zone, s.quiet_from, s.quiet_to, s.digest_at"
"""What `Defaults.hours` and `Defaults.language` read; `u` are the users, `s` their settings (perhaps none)."""

_SETTINGS: Final = f"""
SELECT {HOURS_COLUMNS} FROM medianest.users u LEFT JOIN medianest.notification_settings s ON s.person_id = u.id
WHERE u.id = $1
"""  # nosec B608 # noqa: S608 - constants of ours
_CHOICES: Final = "SELECT kind, way, choice FROM medianest.notification_choices WHERE person_id = $1"
# Choices about kinds and ways this hub does not know now are kept: their plugin may come back.
_REPLACE: Final = """
WITH given AS (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]) AS g (kind, way, choice)),
gone AS (
    DELETE FROM medianest.notification_choices c
    WHERE c.person_id = $1 AND c.kind = ANY($5) AND c.way = ANY($6)
      AND NOT EXISTS (SELECT FROM given g WHERE g.kind = c.kind AND g.way = c.way)
)
INSERT INTO medianest.notification_choices (person_id, kind, way, choice) SELECT $1, kind, way, choice FROM given
ON CONFLICT (person_id, kind, way) DO UPDATE SET choice = excluded.choice
"""
_KEEP: Final = """
INSERT INTO medianest.notification_settings (person_id, time_zone, quiet_from, quiet_to, digest_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id) DO UPDATE SET time_zone = excluded.time_zone, quiet_from = excluded.quiet_from,
    quiet_to = excluded.quiet_to, digest_at = excluded.digest_at
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody set: None where the operator's defaults hold. Minutes after midnight. `of`: by kind and way."""

    language: Language | None
    time_zone: str | None
    quiet_from: int | None
    quiet_to: int | None
    digest_at: int | None
    of: Mapping[tuple[str, str], Choice]


class Defaults:
    """What holds for people who set nothing, as the operator has it."""

    def __init__(self, settings: NotificationSettings) -> None:
        self._language: Language = settings.language
        self._zone = settings.time_zone
        self._digest_at = minutes(settings.digest_at)

    def language(self, row: Any, wished: str = "") -> Language:
        """The language of the person in a row with `HOURS_COLUMNS`. `wished`: what their browser asks for (`Accept-Language`)."""
        return _known(row["language"]) or _asked_for(wished) or self._language

    def hours(self, row: Any) -> Hours:
        """The hours of the person in such a row."""
        digest_at = row["digest_at"] if row["digest_at"] is not None else self._digest_at
        return Hours(_zone(row["time_zone"]) or ZoneInfo(self._zone), digest_at, row["quiet_from"], row["quiet_to"])


class Choices:
    """Reads and replaces what one person chose."""

    def __init__(self, db: Database, defaults: Defaults) -> None:
        self._db = db
        self.defaults = defaults

    async def of_person(self, person_id: UUID) -> Chosen:
        """All of it. Somebody who is gone has chosen nothing."""
        row = await self._db.fetchrow(_SETTINGS, person_id)
        chosen = {(one["kind"], one["way"]): one["choice"] for one in await self._db.fetch(_CHOICES, person_id)}
        if row is None:
            return Chosen(None, None, None, None, None, chosen)
        hours = (row["time_zone"], row["quiet_from"], row["quiet_to"], row["digest_at"])
        return Chosen(_known(row["language"]), *hours, chosen)

    async def language(self, person_id: UUID, wished: str = "") -> Language:
        """What the person reads."""
        row = await self._db.fetchrow("SELECT language FROM medianest.users WHERE id = $1", person_id)
        return self.defaults.language(row or {"language": None}, wished)

    async def replace(self, person_id: UUID, chosen: Chosen, kinds: Collection[str], ways: Collection[str]) -> None:
        """From now on this. Of `kinds` and `ways`, those known now, what is not in it is as by default again."""
        given = [(kind, way, choice) for (kind, way), choice in chosen.of.items()]
        async with self._db.transaction() as tx:
            # Locked, so that somebody who is removed at this moment leaves nothing here.
            found = await tx.fetchval("SELECT id FROM medianest.users WHERE id = $1 FOR NO KEY UPDATE", person_id)
            if found is None:
                return
            await tx.execute("UPDATE medianest.users SET language = $2 WHERE id = $1", person_id, chosen.language)
            await tx.execute(_KEEP, person_id, chosen.time_zone, chosen.quiet_from, chosen.quiet_to, chosen.digest_at)
            columns = [list(column) for column in zip(*given, strict=True)] or [[], [], []]
            await tx.execute(_REPLACE, person_id, *columns, list(kinds), list(ways))


def _known(language: str | None) -> Language | None:
    return next((one for one in LANGUAGES if one == language), None)


def _asked_for(accepted: str) -> Language | None:
    """The first of the hub's languages in an `Accept-Language` header, by the weights in it."""
    best: tuple[float, Language] | None = None
    for item in accepted[:500].split(",")[:20]:
        tag, _, weight = item.strip().partition(";q=")
        language = _known(tag.strip().lower().partition("-")[0])
        try:
            wanted = float(weight) if weight else 1.0
        except ValueError:
            continue
        if language is not None and 0 < wanted <= 1 and (best is None or wanted > best[0]):
            best = (wanted, language)
    return best[1] if best is not None else None


def _zone(name: str | None) -> ZoneInfo | None:
    """None also for a zone this machine does not know: the operator's holds then."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, LookupError):
        return None
