"""What this process may do, held by the interpreter itself (PEP 578): connect where the rules allow, read its own libraries.

Apprise has no place where connections could be checked: each service calls `requests`, which resolves names and follows
redirections by itself. An audit hook is asked at the one moment that counts, when a socket is about to be connected, with the
very address it will be connected to; so a name that changes its mind gains nothing. A hook cannot be taken out again.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from typing import Any, Final

from medianest_notify.network import Address, NetworkRules, read_literal

MOST_CONNECTIONS: Final = 12
"""Of one message: an address that names many recipients is no means to flood somebody."""

_NEVER: Final = (
    *("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.startfile", "pty."),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("os.kill", "os.putenv", "os.unsetenv", "os.setxattr", "os.utime", "shutil.", "tempfile.", "sqlite3.", "ctypes."),
    *("syslog.", "msvcrt.", "winreg.", "fcntl.ioctl", "resource.setrlimit", "signal.pthread_kill", "sys.setprofile"),
    *("socket.bind", "socket.sendto", "socket.sendmsg", "socket.sethostname", "ftplib.", "telnetlib.", "webbrowser."),
)
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FOLDERS: Final = frozenset({"os.listdir", "os.scandir", "os.chdir", "os.walk", "glob.glob"})


class Refused(PermissionError):
    """This process may not do that."""


class Guard:
    """Off until `arm`, then for good. `refused` says whether a connection was refused since `begin`."""

    def __init__(self, rules: NetworkRules, readable: Iterable[str]) -> None:
        self.refused = False
        self._rules = rules
        self._roots = tuple(os.path.realpath(root) for root in readable)
        self._allowed_besides: frozenset[tuple[Address, int]] = frozenset()
        self._connections = 0

    def arm(self) -> None:
        """From now on everything is judged."""
        sys.addaudithook(self._judge)

    def begin(self, allowed_besides: Iterable[tuple[Address, int]] = ()) -> None:
        """A new message: counting begins anew. `allowed_besides`: where alone it may connect, the operator's mail server."""
        self.refused = False
        self._connections = 0
        self._allowed_besides = frozenset(allowed_besides)

    def _judge(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            self._connect(*args)
        elif event == "open":
            self._open(*args)
        elif event in _FOLDERS:
            self._read(args[0])
        elif event.startswith(_NEVER):
            raise Refused(event)

    def _connect(self, connection: socket.socket, where: Any) -> None:
        if connection.type != socket.SOCK_STREAM or not isinstance(where, tuple):
            raise self._refuse()
        # A zone (`fe80::1%eth0`) belongs to this machine's own networks. A name would be resolved after we looked.
        address = read_literal(str(where[0]))
        if address is None or not self._allows(address, int(where[1])):
            raise self._refuse()
        self._connections += 1
        if self._connections > MOST_CONNECTIONS:
            raise self._refuse()

    def _allows(self, address: Address, port: int) -> bool:
        if self._allowed_besides:
            return (address, port) in self._allowed_besides
        return self._rules.allow(address, port)

    def _refuse(self) -> Refused:
        self.refused = True
        return Refused("this address may not be connected to")

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return  # opened before
        if isinstance(flags, int) and flags & _WRITES:
            raise Refused("nothing may be written")
        self._read(path)

    def _read(self, path: Any) -> None:
        if path is None or isinstance(path, int):
            return
        place = os.path.realpath(os.fsdecode(path))
        if not any(place == root or place.startswith(root.rstrip("/") + "/") for root in self._roots):
            raise Refused("this file may not be read")
