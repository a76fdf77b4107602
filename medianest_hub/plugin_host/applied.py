"""Reads what each process of the cluster made of each plugin; writes nothing (`host` does)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from medianest_hub.infrastructure.database import Database

_COLUMNS = ("role", "host", "pid", "version", "generation", "state", "reason", "at")
FRESH_SECONDS = 45
"""A process that has not reported for this long is not there any more."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One plugin in one process."""

    process: UUID
    role: str
    host: str
    pid: int
    version: str
    generation: int
    state: str
    reason: str
    at: datetime


async def applied(db: Database) -> dict[str, list[Applied]]:
    """By plugin, web processes after workers, older ones first."""
    rows = await db.fetch(
        "SELECT a.plugin, p.id, p.role, p.host, p.pid, p.version, a.generation, a.state, a.reason, a.at"
        " FROM medianest.plugin_applied a JOIN medianest.processes p ON p.id = a.process_id"
        " WHERE p.seen_at > now() - make_interval(secs => $1) ORDER BY a.plugin, p.role DESC, p.started_at",
        FRESH_SECONDS,
    )
    found: dict[str, list[Applied]] = {}
    for row in rows:
        found.setdefault(row["plugin"], []).append(Applied(process=row["id"], **{name: row[name] for name in _COLUMNS}))
    return found
