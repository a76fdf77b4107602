"""The secrets of webhooks, kept as hashes, and when each webhook last heard something. Knows no HTTP and calls no handler."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.one_time import token_hash

PREFIX: Final = "mnw_"
"""What every secret begins with, so that whoever finds one knows what it is."""

NOTED_EVERY: Final = 60.0
"""Seconds between two notes of the same result."""


@dataclass(frozen=True, slots=True)
class WebhookState:
    """What is known of one webhook that has a secret."""

    created_at: datetime
    last_received_at: datetime | None
    last_result: str


class WebhookStore:
    """Reads and writes `medianest.webhooks`. A secret is known only at the moment it is made."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted: dict[tuple[str, str, str], tuple[float, str]] = {}

    async def make_secret(self, plugin: str, instance: str, name: str) -> str:
        """A new secret for that webhook; one made before is good no longer."""
        secret = PREFIX + secrets.token_urlsafe(32)
        await self._db.execute(
            "INSERT INTO medianest.webhooks (plugin, instance, name, secret_hash) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (plugin, instance, name) DO UPDATE "
            "SET secret_hash = $4, created_at = now(), last_received_at = NULL, last_result = ''",
            plugin,
            instance,
            name,
            token_hash(secret),
        )
        self._noted.pop((plugin, instance, name), None)
        return secret

    async def remove_secret(self, plugin: str, instance: str, name: str) -> bool:
        """Switch the webhook off; False if it had no secret."""
        done = await self._db.execute(
            "DELETE FROM medianest.webhooks WHERE plugin = $1 AND instance = $2 AND name = $3", plugin, instance, name
        )
        return done != "DELETE 0"

    async def of_plugin(self, plugin: str, instance: str) -> dict[str, WebhookState]:
        """Those that have a secret, by name."""
        rows = await self._db.fetch(
            "SELECT name, created_at, last_received_at, last_result FROM medianest.webhooks "
            "WHERE plugin = $1 AND instance = $2",
            plugin,
            instance,
        )
        return {
            row["name"]: WebhookState(row["created_at"], row["last_received_at"], row["last_result"]) for row in rows
        }

    async def accepts(self, plugin: str, instance: str, name: str, secret: str) -> bool | None:
        """Whether that is the webhook's secret; None when it has none."""
        wanted: bytes | None = await self._db.fetchval(
            "SELECT secret_hash FROM medianest.webhooks WHERE plugin = $1 AND instance = $2 AND name = $3",
            plugin,
            instance,
            name,
        )
        return None if wanted is None else hmac.compare_digest(token_hash(secret), wanted)

    async def note(self, plugin: str, instance: str, name: str, result: str) -> None:
        """Something came, with that result (`ok`, or a problem's code). Written once a minute, sooner if it is another one."""
        place, now = (plugin, instance, name), time.monotonic()
        at, before = self._noted.get(place, (-NOTED_EVERY, ""))
        if result == before and now - at < NOTED_EVERY:
            return
        self._noted[place] = (now, result)
        await self._db.execute(
            "UPDATE medianest.webhooks SET last_received_at = now(), last_result = $4 "
            "WHERE plugin = $1 AND instance = $2 AND name = $3 AND (last_result <> $4 OR last_received_at IS NULL "
            "OR last_received_at < now() - interval '1 minute')",
            plugin,
            instance,
            name,
            result[:100],
        )
