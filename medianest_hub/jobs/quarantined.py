"""Tells the audit log which plugins were shut away for taking a process down: who did that had no database. Decides nothing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from medianest_hub.audit import SYSTEM, Audit, Entry, Target, id_of
from medianest_hub.infrastructure.quarantine import Quarantine


async def tell_of_quarantine(audit: Audit, path: Path) -> None:
    """Record what is in quarantine at `path`. Every process does so when it starts, and each plugin is in the log once."""
    entries: list[Entry] = []
    for name, found in Quarantine(path).read().items():
        try:
            at = datetime.fromisoformat(str(found["at"])).astimezone()
        except (KeyError, TypeError, ValueError):  # somebody wrote that file by hand
            continue
        details = {"reason": str(found.get("reason", ""))}
        target = Target("plugin", name)
        entries.append(
            Entry("plugins.quarantine", SYSTEM, target=target, details=details, id=id_of(at, "quarantine", name), at=at)
        )
    await audit.record_many(entries)
