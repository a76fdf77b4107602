"""A process of our own that is kept alive: started with its lock and journal, restarted with growing pauses."""

from __future__ import annotations

import signal
import subprocess  # nosec B404 # our own programs only, never a shell
import time
from collections.abc import Callable, Mapping, Sequence

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.processes import LockFile
from medianest_hub.infrastructure.quarantine import JOURNAL_VARIABLE, QUARANTINE_VARIABLE, Journal

_LONGEST_PAUSE = 30.0
_HEALTHY_AFTER = 60.0


class Backoff:
    """Pauses before a restart in seconds: `first`, doubling to 30, forgotten once the process lived for a minute."""

    def __init__(self, first: float = 0.5) -> None:
        self.first = self._next = first

    def after(self, lived: float) -> float:
        """The pause after a process that lived so long."""
        if lived >= _HEALTHY_AFTER:
            self.reset()
        pause = self._next
        self._next = min(pause * 2, _LONGEST_PAUSE)
        return pause

    def reset(self) -> None:
        """Begin again with the first pause."""
        self._next = self.first


class Child:
    """One of the hub's own processes. `due` is when to start it (monotonic seconds), None for not at all."""

    def __init__(self, name: str, command: Sequence[str], data: DataDir, first_pause: float) -> None:
        self.name = name
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.due: float | None = None
        self.hung = False
        self.backoff = Backoff(first_pause)
        self.journal = Journal(data.run / f"loading-{name}")
        self._quarantine = str(data.quarantine)
        self._lock = LockFile(data.run / f"{name}.lock")
        self._started = 0.0
        self._loading: tuple[str, float] | None = None

    def gone(self, wait: float, cancelled: Callable[[], bool]) -> bool:
        """Whether the one an earlier supervisor started is no more, waiting `wait` seconds for it."""
        if not self._lock.acquire(wait, cancelled):
            return False
        self._lock.release()
        return True

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it, or be due again a little later while its predecessor is still about."""
        if not self._lock.acquire():
            self.due = time.monotonic() + 0.2
            return
        self.due, self._loading, self.hung = None, None, False
        self.journal.clear()
        own = {JOURNAL_VARIABLE: str(self.journal.path), QUARANTINE_VARIABLE: self._quarantine}
        try:
            # No last words when we are killed: it may hang, and what it did is safe in Postgres.
            self.process = processes.spawn(
                self.command, death_signal=signal.SIGKILL, env={**environment, **own}, inherit=(self._lock.fd,)
            )
        finally:
            self._lock.release()
        self._started = time.monotonic()

    def pause(self) -> float:
        """Be due again after the next pause; its length in seconds."""
        now = time.monotonic()
        pause = self.backoff.after(now - self._started)
        self._started, self.due = now, now + pause
        return pause

    def hangs(self, limit: float) -> str | None:
        """The plugin it has been importing for longer than `limit` seconds."""
        named = self.journal.named() if self.process else None
        if named is None:
            self._loading = None
        elif self._loading is None or self._loading[0] != named:
            self._loading = (named, time.monotonic())
        elif time.monotonic() - self._loading[1] >= limit:
            return named
        return None


def outcome(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
