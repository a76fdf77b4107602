"""Starts child processes that cannot outlive us and locks that tell when they are gone; knows no child by name."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess  # nosec B404 # our own programs only, never a shell
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from medianest_hub.infrastructure import launch

_POLL = 0.02


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user a child becomes; `capability` (a Linux number) stays with it, None for none."""

    user: int
    group: int
    capability: int | None = None


class LockFile:
    """An exclusive `flock`. A child that inherits it holds it on after we close ours, until it and its children end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self, wait: float = 0.0, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Take the lock, trying for `wait` seconds; False when somebody else keeps it."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        limit = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= limit or cancelled():
                    os.close(fd)
                    return False
                time.sleep(_POLL)
            else:
                self._fd = fd
                return True

    @property
    def fd(self) -> int:
        """The descriptor, for a child to inherit."""
        if self._fd is None:
            raise RuntimeError(f"{self.path} is not locked")
        return self._fd

    def note(self, text: str) -> None:
        """Write who holds it, for the message another one gets."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, text.encode(), 0)

    def release(self) -> None:
        """Close our descriptor; the lock stays taken while a child that inherited it lives."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def spawn(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals,
    env: Mapping[str, str],
    run_as: RunAs | None = None,
    inherit: Sequence[int] = (),
    cwd: str | None = None,
    stdin: int | None = subprocess.DEVNULL,
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own; it gets `death_signal` when we end, however we end.

    `output` takes its stdout and stderr (None: ours). Only from the main thread: the kernel takes the end of the
    spawning thread for the end of the parent.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("child processes must be started from the main thread")
    user = run_as or RunAs(-1, -1)
    capability = -1 if user.capability is None else user.capability
    arguments = (os.getpid(), int(death_signal), user.user, user.group, capability)
    return subprocess.Popen(  # nosec B603 # noqa: S603 - our own program, arguments as a list
        [sys.executable, "-I", "-S", launch.__file__, *map(str, (*arguments, *command))],
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=output,
        stderr=output,
        pass_fds=inherit,
        start_new_session=True,
    )


def end_group(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
    """Signal the child and whatever it left in its process group."""
    # Not yet reaped (`returncode` unset), so the number cannot have gone to a stranger.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def stop(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> int:
    """Send each signal in turn and wait its seconds; then SIGKILL the group. Returns the exit code."""
    for number, seconds in steps:
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(seconds)
    end_group(process)
    return process.wait()


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the child has ended, without reaping it: until that is done its process group can safely be named."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def ended_child() -> int | None:
    """The id of a child that has ended and is still to be waited for; None when there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found else None
