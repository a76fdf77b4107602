"""Which addresses people's services may be reached at: the open internet, and what the operator allows at home. Opens nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_CARRIERS: Final = tuple(
    map(ipaddress.IPv6Network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)
"""Each can carry a private IPv4 address, which `is_global` does not look at in every Python: NAT64, 6to4, Teredo, …"""

_WEB_PORTS: Final = frozenset({80, 443})
_FIRST_FREE_PORT: Final = 1024
_LAST_PORT: Final = 65535


def is_public(address: Address) -> bool:
    """Whether that is an address of the open internet, and nothing in this house."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or any(address in carrier for carrier in _CARRIERS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def read_literal(text: str) -> Address | None:
    """The address it is, IPv4 where it is a mapped one; None for a name or anything else a resolver would have to look at."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


@dataclass(frozen=True, slots=True)
class Opening:
    """Addresses at home that may be reached; `port` None stands for every port."""

    network: Network
    port: int | None

    @classmethod
    def read(cls, text: str) -> Opening:
        """From `192.168.1.20`, `192.168.1.0/24`, `192.168.1.20:8080`, `[fd00::5]:8080`. Raises `ValueError` with words."""
        words = f"{text!r} is no address: write 192.168.1.20, 192.168.1.0/24 or 192.168.1.20:8080; names cannot be used"
        host, port = text.strip(), None
        if host.startswith("["):
            host, _, rest = host[1:].partition("]")
            port = rest.removeprefix(":") or None
        elif host.count(":") == 1:
            host, _, port = host.partition(":")
        try:
            network = ipaddress.ip_network(host)
        except ValueError as error:
            raise ValueError(words if "host bits" not in str(error) else f"{text!r}: {error}") from None
        if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            raise ValueError(words)
        return cls(network, int(port) if port is not None else None)

    def covers(self, address: Address, port: int) -> bool:
        """Whether it speaks of that address and port."""
        return address in self.network and self.port in (None, port)


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """What may be connected to. Only literal addresses are judged: whoever resolved a name asks with what came of it."""

    openings: tuple[Opening, ...] = ()

    @classmethod
    def read(cls, texts: Iterable[str]) -> NetworkRules:
        """From an operator's list, each entry as `Opening.read` takes it."""
        return cls(tuple(Opening.read(text) for text in texts))

    def allow(self, address: Address, port: int) -> bool:
        """Whether that address and port may be connected to.

        On the open internet 80, 443 and every port from 1024 on: the others belong to services that are no webhooks.
        """
        if any(opening.covers(address, port) for opening in self.openings):
            return True
        return is_public(address) and (port in _WEB_PORTS or _FIRST_FREE_PORT <= port <= _LAST_PORT)
