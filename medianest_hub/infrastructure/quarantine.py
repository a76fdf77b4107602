"""Keeps the list of plugins that took their process down while being imported, so that the next start leaves them out."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.processes import LockFile

JOURNAL_VARIABLE = "MEDIANEST_LOADING_JOURNAL"
QUARANTINE_VARIABLE = "MEDIANEST_QUARANTINE"
_SLOTS = 100


class Quarantine:
    """`{name: {reason, at}}` in one JSON file; a file that cannot be read counts as empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """What is in it."""
        try:
            content = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def add(self, plugin: str, reason: str) -> bool:
        """Put a plugin in; False when it was there already."""
        content = self.read()
        if plugin in content:
            return False
        content[plugin] = {"reason": reason, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        DataDir.write(self.path, json.dumps(content, indent=2) + "\n")
        return True

    def remove(self, plugin: str) -> bool:
        """Let a plugin out; False when it was not in."""
        content = self.read()
        if content.pop(plugin, None) is None:
            return False
        DataDir.write(self.path, json.dumps(content, indent=2) + "\n")
        return True


class JournalSlot:
    """A journal for a process without a supervisor, several of which may share a data directory.

    A slot's lock is held for the life of its process, so a plugin left in the journal of a free slot took one down.
    """

    def __init__(self, run: Path, role: str) -> None:
        host = re.sub(r"[^A-Za-z0-9-]", "_", socket.gethostname())
        for number in range(_SLOTS):
            self._lock = LockFile(run / f"{role}-{host}-{number}.lock")
            if self._lock.acquire():
                self.journal = Journal(run / f"loading-{role}-{host}-{number}")
                return
        raise OperatorError(f"there are {_SLOTS} processes of the role {role} on {run} already")

    def release(self) -> None:
        """Leave the slot to others."""
        self._lock.release()


class Journal:
    """The file in which a process names the plugin it is importing; present only meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def named(self) -> str | None:
        """The plugin being imported; None between imports."""
        try:
            return self.path.read_text(errors="replace").strip() or None
        except OSError:
            return None

    def clear(self) -> None:
        """Forget it."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def blame(self, quarantine: Quarantine, reason: str) -> str | None:
        """The process died: put the plugin it names in quarantine. Its name, or None when no new one is to blame."""
        plugin = self.named()
        self.clear()
        return plugin if plugin and quarantine.add(plugin, reason) else None


@contextlib.contextmanager
def importing(plugin: str) -> Iterator[None]:
    """While a plugin's code runs for the first time, name it in this process's journal, if it was given one."""
    path = os.environ.get(JOURNAL_VARIABLE)
    if not path:
        yield
        return
    with contextlib.suppress(OSError):  # on a full disk we go without
        Path(path).write_text(plugin)
    try:
        yield
    finally:
        Journal(Path(path)).clear()


def quarantined() -> dict[str, str]:
    """The plugins this process was told to leave out: name to reason."""
    path = os.environ.get(QUARANTINE_VARIABLE)
    content = Quarantine(Path(path)).read() if path else {}
    return {name: str(entry.get("reason", "")) for name, entry in content.items() if isinstance(entry, dict)}
