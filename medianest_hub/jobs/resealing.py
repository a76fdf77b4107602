"""Seals anew, under the key in use, what older keys of the ring have sealed; makes no key and drops none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from medianest_hub.accounts.people import secret_purpose
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_host.wanted import seal_purpose

BATCH: Final = 200

# What was made under the key in use begins so; a secret changed meanwhile is left as it is now.
_SECRETS: Final = """
SELECT person_id, plugin, instance, name, sealed FROM medianest.person_secrets
WHERE (person_id, plugin, instance, name) > ($1, $2, $3, $4) AND NOT starts_with(sealed, $5)
ORDER BY person_id, plugin, instance, name LIMIT $6
"""
_WRITE: Final = """
UPDATE medianest.person_secrets s SET sealed = given.fresh
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
     AS given (person_id, plugin, instance, name, before, fresh)
WHERE s.person_id = given.person_id AND s.plugin = given.plugin AND s.instance = given.instance
  AND s.name = given.name AND s.sealed = given.before
"""
_SETTINGS: Final = "SELECT plugin, instance, sealed FROM medianest.plugin_wanted ORDER BY plugin, instance"
_HOLD: Final = "SELECT sealed FROM medianest.plugin_wanted WHERE plugin = $1 AND instance = $2 FOR UPDATE"
_KEEP: Final = "UPDATE medianest.plugin_wanted SET sealed = $3 WHERE plugin = $1 AND instance = $2"
_STALE: Final = """
SELECT (SELECT count(*) FROM medianest.person_secrets WHERE NOT starts_with(sealed, $1))
     + (SELECT count(*) FROM medianest.plugin_wanted w, jsonb_each_text(w.sealed::jsonb) AS one
        WHERE NOT starts_with(one.value, $1))
"""


@dataclass(slots=True)
class Resealed:
    """How many secrets were sealed anew, and how many no key of the ring opens: those were lost before."""

    settings: int = 0
    of_people: int = 0
    lost: int = 0


class Resealing:
    """Safe to stop at any moment and to do again: each batch is whole, and what is done is not done twice."""

    def __init__(self, db: Database, secrets: SecretBox) -> None:
        self._db = db
        self._secrets = secrets
        self._mark = f"mn1.{secrets.current}."
        self._done = Resealed()

    async def stale(self) -> int:
        """How many secrets an older key has sealed."""
        return int(await self._db.fetchval(_STALE, self._mark))

    async def run(self) -> Resealed:
        """Seal all of them anew."""
        self._done = Resealed()
        for row in await self._db.fetch(_SETTINGS):
            if any(not sealed.startswith(self._mark) for sealed in json.loads(row["sealed"]).values()):
                await self._settings(row["plugin"], row["instance"])
        after: tuple[Any, ...] = (UUID(int=0), "", "", "")
        while rows := await self._db.fetch(_SECRETS, *after, self._mark, BATCH):
            await self._secrets_of_people(rows)
            last = rows[-1]
            after = (last["person_id"], last["plugin"], last["instance"], last["name"])
        return self._done

    async def _settings(self, plugin: str, instance: str) -> None:
        async with self._db.transaction() as tx:
            sealed: dict[str, str] = json.loads(await tx.fetchval(_HOLD, plugin, instance))
            fresh = {name: self._anew(seal_purpose(plugin, instance), text) or text for name, text in sealed.items()}
            await tx.execute(_KEEP, plugin, instance, json.dumps(fresh))
        self._done.settings += sum(fresh[name] != text for name, text in sealed.items())

    async def _secrets_of_people(self, rows: Any) -> None:
        given: list[tuple[Any, ...]] = []
        for row in rows:
            key = (row["person_id"], row["plugin"], row["instance"], row["name"])
            fresh = self._anew(secret_purpose(row["plugin"], row["instance"], row["person_id"]), row["sealed"])
            if fresh is not None:
                given.append((*key, row["sealed"], fresh))
        if given:
            tag = await self._db.execute(_WRITE, *(list(column) for column in zip(*given, strict=True)))
            self._done.of_people += int(tag.rpartition(" ")[2])

    def _anew(self, purpose: str, sealed: str) -> str | None:
        """The same under the key in use; None where it is already, or where no key opens it."""
        if sealed.startswith(self._mark):
            return None
        try:
            return self._secrets.seal(purpose, self._secrets.open(purpose, sealed))
        except ValueError:
            self._done.lost += 1
            return None
