"""Which `Host` names the hub answers to: nobody may lead a browser here by a name of their own. Looks no request up.

Against DNS rebinding: a page of `evil.example` whose name comes to mean this machine would otherwise be of one origin with
the hub. So only names are answered that no stranger can register: those the operator set, IP addresses, names without a
dot, this machine's own, and those below domains reserved for private use. `.lan` and `.home` are not among these: nobody
reserved them, and what is not reserved may be sold one day, as `fritz.box`, a name of many home routers, was in 2024.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import structlog

from medianest_hub.plugin_api.errors import HubError
from medianest_hub.settings import ServerSettings

log = structlog.get_logger(__name__)

RESERVED: Final = (".localhost", ".local", ".home.arpa", ".internal")
"""RFC 6761 (6.3), RFC 6762, RFC 8375, and ICANN's resolution 2024.07.29.06: never delegated to anybody."""

_LONGEST: Final = 260
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?)(?::[0-9]{1,5})?")


class HostRefused(HubError):
    """The request names a host this hub does not answer to. 421.

    `origin` and `request_id` are what the request said of itself, for there is no request yet to ask.
    """

    code = "host_refused"
    status = 421

    def __init__(self, host: str, origin: str | None, request_id: str | None) -> None:
        name = re.sub(r"[^A-Za-z0-9._:\[\]-]", "?", host[:_LONGEST])
        super().__init__(
            f'This hub does not answer to the name "{name}". If it is its own, the operator adds it to '
            "server.allowed_hosts, or sets server.public_url.",
            params={"host": name, "setting": "server.allowed_hosts"},
        )
        self.origin = origin
        self.request_id = request_id


class HostNames:
    """The names of one hub. `answers` is asked for every request, and so remembers."""

    def __init__(self, server: ServerSettings) -> None:
        names = {name for name in server.allowed_hosts if not name.startswith(".")}
        if server.public_url is not None:
            names.add(_name(urlsplit(server.public_url).netloc) or "")
        self._below = (*RESERVED, *(name for name in server.allowed_hosts if name.startswith(".")))
        self._names = frozenset(names - {""}) | _own(socket.gethostname())
        self.answers = lru_cache(maxsize=1024)(self._answers)
        """Whether the hub answers to that `Host`, as it came: with or without a port. Never raises."""

    def learn_own_name(self) -> threading.Thread:
        """Ask the system, without waiting for it, by what full name it knows this machine: a resolver may take its time."""
        thread = threading.Thread(target=self._learn, name="own-name", daemon=True)
        thread.start()
        return thread

    def _learn(self) -> None:
        try:
            found = socket.getaddrinfo(socket.gethostname(), None, flags=socket.AI_CANONNAME)
        except OSError:
            return  # a machine whose name nobody knows
        self._names |= _own(found[0][3])
        self.answers.cache_clear()

    def _answers(self, host: str) -> bool:
        name = _name(host)
        if name is None:
            return False
        return "." not in name or name in self._names or name.endswith(self._below) or _is_address(name)


def _own(name: str) -> frozenset[str]:
    read = _name(name)
    return frozenset() if read is None else frozenset({read})


def _name(host: str) -> str | None:
    """The name in a `Host`, in lower case, without port and closing dot; an IPv6 address without brackets; else None."""
    found = _HOST.fullmatch(host) if len(host) <= _LONGEST else None
    if found is None:
        return None
    if found[1] is not None:
        return found[1].lower() if _is_address(found[1]) else None
    return found[2].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
