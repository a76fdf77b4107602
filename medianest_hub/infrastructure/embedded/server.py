"""What both embedded servers share: a lock that outlives us, a log, starting, readiness and stopping."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess  # nosec B404 # our own programs only, never a shell
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.embedded.account import give
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.processes import LockFile, RunAs

_LOG_LIMIT = 1 << 20
_POLL = 0.01
ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}
"""All a server gets to see: no `PG…` variable or secret of ours reaches it."""


class EmbeddedServer(ABC):
    """One server process on a socket in `sockets`, its data in `folder`, its log and lock in the given folders.

    Life: `prepare` → `start` → (`ready`) → `stop`; `start` again after it died. Used from the main thread only.
    """

    name: ClassVar[str]
    death_signal: ClassVar[signal.Signals]
    #: Signals to stop it by, each with the seconds to wait for it; SIGKILL comes after the last.
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, folder: Path, *, sockets: Path, run: Path, logs: Path) -> None:
        self.folder = folder
        self.sockets = sockets
        self.log = logs / f"{folder.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.account: RunAs | None = None
        self._lock = LockFile(run / f"{folder.name}.lock")
        self._log_start = 0

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients."""

    @abstractmethod
    def prepare(self) -> bool:
        """Make the data folder; whether it is new. `OperatorError` if it is of no use to this version."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers, asked without waiting."""

    @abstractmethod
    def _command(self) -> list[str | Path]:
        """The command line."""

    @abstractmethod
    def _clear_leftovers(self) -> None:
        """Remove what a killed predecessor left; called with the lock held, so it is surely gone."""

    def repair(self) -> str | None:
        """After it died: put right what can be and say what was done; None when there is nothing we can do."""
        return None

    def take(self, wait: float = 30.0, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Take the server's lock, waiting for an earlier server on the same data to be gone."""
        return self._lock.acquire(wait, cancelled)

    def release(self) -> None:
        """Give up the lock taken with `take` without having started."""
        self._lock.release()

    def start(self, wait: float = 30.0, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Start it without waiting for readiness; False when an earlier one is not gone after `wait` seconds."""
        if not self.take(wait, cancelled):
            return False
        try:
            self._clear_leftovers()
            self.sockets.mkdir(mode=0o700, exist_ok=True)
            give(self.sockets, self.account)
            self._turn_log()
            with self.log.open("ab") as log:
                self._log_start = log.tell()
                self.process = self._spawn(self._command(), self.account, output=log.fileno(), lock=True)
        finally:
            # From here on the lock is the server's own: it is free when the server and its children are gone.
            self._lock.release()
        return True

    def wait_ready(self, limit: float = 60.0, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Wait until it answers; False when `cancelled`. `OperatorError` when it dies or the limit passes."""
        end = time.monotonic() + limit
        while not self.ready():
            if self.process is None or self.process.poll() is not None:
                raise OperatorError(self.explain())
            if cancelled():
                return False
            if time.monotonic() > end:
                raise OperatorError(f"{self.name} did not become ready in {limit:.0f} s; its log is {self.log}")
            time.sleep(_POLL)
        return True

    def stop(self) -> None:
        """Stop it, harder and harder, and see it gone."""
        if self.process is not None:
            processes.stop(self.process, *self.stop_steps)
            self.process = None

    def explain(self) -> str:
        """One line on why it ended, with the last words of its log."""
        words = [line for line in self._last_words() if line]
        telling = [line for line in words if "rror" in line] or words
        said = self.last_trouble() or (telling[-1] if telling else "it said nothing")
        return f"{self.name} could not start: {said} (log: {self.log})"

    def last_trouble(self) -> str | None:
        """The last fatal line of its log since it started."""
        fatal = [line for line in self._last_words() if "FATAL:" in line or "PANIC:" in line]
        return fatal[-1] if fatal else None

    def _last_words(self) -> list[str]:
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - 16384))
            return [line.strip() for line in log.read().decode(errors="replace").splitlines()]
        return []

    def _turn_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self.log.with_suffix(".log.1"))

    def _spawn(
        self,
        command: Sequence[str | Path],
        account: RunAs | None,
        *,
        output: int,
        lock: bool = False,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        return processes.spawn(
            command,
            death_signal=self.death_signal,
            env=ENVIRONMENT,
            run_as=account,
            inherit=(self._lock.fd,) if lock else (),
            cwd="/",  # ours may be a folder the server's user cannot enter
            stdin=stdin,
            output=output,
        )


def package_folder(package: str) -> Path:
    """Where an installed package is, without importing it; `OperatorError` when it is not there."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise OperatorError(
            f"the embedded servers are not installed ({package}): "
            "pip install 'medianest-hub[embedded]', or set database.url and redis.url"
        )
    # Resolved: the server's own user must be able to walk the very path we start it by.
    return Path(found.submodule_search_locations[0]).resolve()
