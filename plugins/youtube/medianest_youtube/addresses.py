"""Which hosts and addresses downloads may reach: an allow-list and what counts as public; opens no connection."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# `is_global` of Python 3.11 lets these through although each can carry a private IPv4 address: IPv4-compatible,
# NAT64 (well-known and local-use), 6to4 and Teredo.
_TUNNELS = tuple(
    ipaddress.IPv6Network(net) for net in ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")

_PORTS = {"http": 80, "https": 443}
# One word, a domain of home networks, or a number, which browsers take for an address.
_AT_HOME = re.compile(r"^[^.]+$|\.(local|lan|home|internal|intranet|localhost|arpa)$|(^|\.)([0-9]+|0x[0-9a-f]*)$")


def is_public(address: Address) -> bool:
    """Whether packets to this address leave for the internet proper."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or any(address in net for net in _TUNNELS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def normal_host(host: str) -> str:
    """The host in lower case, ASCII and without a final dot or brackets; `ValueError` if it cannot be one."""
    host = host.strip().removeprefix("[").removesuffix("]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{host!r} is not a host name") from None
    if not _NAME.fullmatch(host):
        raise ValueError(f"{host!r} is not a host name")
    return host


def normal_rule(entry: str) -> str:
    """One line of an allow-list: a host that stands for itself and all below it, or `*` for every host.

    `example.org`, `.example.org` and `*.example.org` mean the same. Raises `ValueError` with what to write instead.
    """
    entry = entry.strip()
    if entry == "*":
        return entry
    bare = entry.removeprefix("*").removeprefix(".")
    try:
        return normal_host(bare)
    except ValueError:
        raise ValueError(
            f"{entry!r} is not a host: write a name such as example.org or an address, without https:// and port"
        ) from None


@dataclass(frozen=True, slots=True)
class HostRules:
    """What may be reached. Rules are those of `normal_rule`; with `allow_private` any address and any port."""

    allowed: tuple[str, ...]
    allow_private: bool = False

    @classmethod
    def of(cls, allowed: Iterable[str], *, allow_private: bool = False) -> HostRules:
        """Rules from an operator's list."""
        return cls(tuple(normal_rule(entry) for entry in allowed), allow_private)

    def allows_host(self, host: str) -> bool:
        """Whether the (normal) host is on the list, itself or below an entry at a dot."""
        return any(rule in ("*", host) or host.endswith(f".{rule}") for rule in self.allowed)

    def allows_port(self, port: int) -> bool:
        """Web ports; any where private addresses are allowed, since home servers sit on odd ones."""
        return port in (80, 443) or (self.allow_private and 0 < port < 65536)

    def allows_picture(self, url: str) -> bool:
        """Whether an address may be handed to people's browsers, which ask it from within the home network."""
        try:
            split = urlsplit(url)
            host, port = normal_host(split.hostname or ""), split.port
        except ValueError:
            return False
        if split.scheme not in ("http", "https") or split.username is not None or split.password is not None:
            return False
        if not self.allows_host(host) or not self.allows_port(_PORTS[split.scheme] if port is None else port):
            return False
        try:
            return self.allows_address(ipaddress.ip_address(host))
        except ValueError:
            return self.allow_private or not _AT_HOME.search(host)

    def allows_address(self, address: Address) -> bool:
        """Whether the address itself may be connected to, whatever name led there."""
        if address.is_unspecified or address.is_multicast:
            return False
        return self.allow_private or is_public(address)
