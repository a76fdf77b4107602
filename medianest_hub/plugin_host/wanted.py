"""What operators want of each plugin, kept in Postgres: on or off, its settings, and a generation that grows with each change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Conflict

CHANNEL = "mn:plugins"
NOTIFY = "mn_plugins"
"""Postgres channel of the same hint: it goes out with the change itself, whatever becomes of Redis."""

MAIN = "main"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row. `settings` without secrets; `sealed` maps secret fields to sealed texts. Generation 0: never touched."""

    enabled: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0


def seal_purpose(plugin: str, instance: str = MAIN) -> str:
    """The purpose under which a plugin's secret settings are sealed."""
    return f"plugin-settings:{plugin}:{instance}"


class WantedStore:
    """Reads and writes the rows; every write is hinted to all processes, by Postgres and by Redis."""

    def __init__(self, db: Database, redis: RedisLink | None, secrets: SecretBox) -> None:
        self._db = db
        self._redis = redis
        self._secrets = secrets

    async def all(self) -> dict[str, Wanted]:
        """Every plugin somebody has touched, by name."""
        rows = await self._db.fetch(
            "SELECT plugin, enabled, settings, sealed, generation FROM medianest.plugin_wanted WHERE instance = $1",
            MAIN,
        )
        return {
            row["plugin"]: Wanted(
                row["enabled"], json.loads(row["settings"]), json.loads(row["sealed"]), row["generation"]
            )
            for row in rows
        }

    async def get(self, plugin: str) -> Wanted:
        """One plugin's, also if never touched."""
        return (await self.all()).get(plugin, Wanted())

    def unseal(self, plugin: str, wanted: Wanted) -> dict[str, str]:
        """The secret fields in the clear; one that cannot be opened (the key is gone) is left out."""
        clear: dict[str, str] = {}
        for name, sealed in wanted.sealed.items():
            try:
                clear[name] = self._secrets.open(seal_purpose(plugin), sealed).decode()
            except ValueError:
                continue
        return clear

    async def set_enabled(self, plugin: str, enabled: bool, by: UUID | None = None) -> int:
        """Switch on or off; returns the new generation."""
        return await self._write(
            plugin,
            "INSERT INTO medianest.plugin_wanted (plugin, enabled, updated_by) VALUES ($1, $2, $3) "
            "ON CONFLICT (plugin, instance) DO UPDATE SET enabled = $2, updated_by = $3, updated_at = now(), "
            "generation = medianest.plugin_wanted.generation + 1 RETURNING generation",
            enabled,
            by,
        )

    async def restart(self, plugin: str, by: UUID | None = None) -> int:
        """Start it anew everywhere, changing nothing; returns the new generation."""
        return await self._write(
            plugin,
            "INSERT INTO medianest.plugin_wanted (plugin, restarts, updated_by) VALUES ($1, 1, $2) "
            "ON CONFLICT (plugin, instance) DO UPDATE SET restarts = medianest.plugin_wanted.restarts + 1, updated_by = $2, "
            "updated_at = now(), generation = medianest.plugin_wanted.generation + 1 RETURNING generation",
            by,
        )

    async def save_settings(
        self,
        plugin: str,
        settings: Mapping[str, Any],
        secrets: Mapping[str, str | None],
        *,
        expected: int | None = None,
        by: UUID | None = None,
    ) -> int:
        """Replace the settings. `secrets`: a text is sealed and kept, None removes it, one left out stays as it is.

        `expected` is the generation the change was based on; `Conflict` when somebody was faster.
        """
        async with self._db.transaction() as tx:
            # There must be a row to lock: two first changes at once would otherwise both take themselves for the first.
            await tx.execute(
                "INSERT INTO medianest.plugin_wanted (plugin, instance, generation) VALUES ($1, $2, 0) "
                "ON CONFLICT (plugin, instance) DO NOTHING",
                plugin,
                MAIN,
            )
            row = await tx.fetchrow(
                "SELECT sealed, generation FROM medianest.plugin_wanted WHERE plugin = $1 AND instance = $2 FOR UPDATE",
                plugin,
                MAIN,
            )
            if expected is not None and expected != row["generation"]:
                raise Conflict("These settings were changed meanwhile; load them again.", code="settings_changed")
            sealed = json.loads(row["sealed"])
            for name, value in secrets.items():
                sealed.pop(name, None)
                if value is not None:
                    sealed[name] = self._secrets.seal(seal_purpose(plugin), value.encode())
            generation: int = await tx.fetchval(
                "UPDATE medianest.plugin_wanted SET settings = $3, sealed = $4, updated_by = $5, updated_at = now(), "
                "generation = generation + 1 WHERE plugin = $1 AND instance = $2 RETURNING generation",
                plugin,
                MAIN,
                json.dumps(settings),
                json.dumps(sealed),
                by,
            )
            await tx.execute("SELECT pg_notify($1, '')", NOTIFY)
        await self.hint(plugin)
        return generation

    async def hint(self, plugin: str) -> None:
        """Ask every process to look at once, by Redis alone; those that miss it look by themselves."""
        if self._redis is not None:
            await self._redis.publish(CHANNEL, {"plugin": plugin})

    async def _write(self, plugin: str, sql: str, *args: Any) -> int:
        # One statement: the notice is sent exactly when the change is kept.
        notifying = "WITH changed AS (" + sql + f") SELECT generation, pg_notify('{NOTIFY}', '') FROM changed"  # nosec B608 # noqa: S608 - our own words alone
        generation: int = await self._db.fetchval(notifying, plugin, *args)
        await self.hint(plugin)
        return generation
