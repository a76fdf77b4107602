"""Whether a caller is on this machine or in the home network, by addresses and headers alone; lets nobody in by itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Container
from typing import Final

FORWARDING: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Headers by which a proxy says that it asks for somebody else."""

_NETWORKS: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
# Not `is_private`: that holds for networks of examples and of providers, too.


def is_home(address: str) -> bool:
    """Whether that is an address of this machine or of a private network. The empty address is a Unix socket: ours."""
    if not address:
        return True
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found.version == network.version and found in network for network in _NETWORKS)


def was_passed_on(headers: Container[str]) -> bool:
    """Whether a proxy asks for somebody else, whose address is then not the one that is connected."""
    return any(name in headers for name in FORWARDING)
