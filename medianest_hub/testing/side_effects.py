"""Watches, by Python's audit events, for I/O where there must be none; prevents nothing."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import Any

_EVENTS = {
    "socket.connect": "connects to the network",
    "socket.bind": "opens a port",
    "socket.sendto": "sends to the network",
    "socket.getaddrinfo": "looks up a host name",
    "socket.gethostbyname": "looks up a host name",
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.exec": "replaces the process",
    "os.fork": "forks",
    "os.posix_spawn": "starts a process",
    "os.mkdir": "makes a folder",
    "os.remove": "removes a file",
    "os.rename": "renames a file",
    "os.rmdir": "removes a folder",
    "sqlite3.connect": "opens a database",
    "signal.pthread_kill": "sends a signal",
    "os.kill": "sends a signal",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


class SideEffects:
    """`seen` holds each effect once, with the place in the code it came from."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._watching = False

    def __enter__(self) -> SideEffects:
        sys.addaudithook(self._heard)  # for good: hooks cannot be removed, so it looks at `_watching`
        self._watching = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching = False

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        words = _EVENTS.get(event)
        if event == "open":
            path, _, flags = args
            writes = isinstance(flags, int) and bool(flags & _WRITING)
            words = f"writes to {path}" if writes and path != os.devnull else None
        if words is None:
            return
        self._watching = False  # what looking at the stack does is ours
        effect = f"{words} ({_place()})"
        if effect not in self.seen:
            self.seen.append(effect)
        self._watching = True


def _place() -> str:
    """The innermost frame that is neither ours nor the import machinery's."""
    frames = [
        frame
        for frame in traceback.extract_stack()
        if "importlib" not in frame.filename and f"testing{os.sep}" not in frame.filename
    ]
    outside = [frame for frame in frames if not frame.filename.startswith((sys.base_prefix, "<"))] or frames
    return f"{outside[-1].filename}:{outside[-1].lineno}" if outside else "unknown place"
