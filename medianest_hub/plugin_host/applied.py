"""Reads what each process of the cluster made of each plugin; writes nothing (`host` does)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState

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

    @property
    def words(self) -> str:
        """Why it is in that state, and where."""
        return f"in the {self.role} on {self.host}: {self.reason}"


_WORST_FIRST = (PluginState.FAILED, PluginState.NEEDS_ATTENTION, PluginState.RETRYING)


def amiss_elsewhere(runtime: PluginRuntime, everywhere: Iterable[Applied]) -> Applied | None:
    """The process that cannot run what runs here, as it is at this generation; the worst of several, None without any."""
    if not runtime.running:
        return None
    found = {one.state: one for one in everywhere if one.generation == runtime.generation}
    return next((found[state.value] for state in _WORST_FIRST if state.value in found), None)


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
