"""Network addresses as others write them, and by what they are counted; trusts nobody and looks nothing up."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TypeAlias

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def read_address(text: str) -> IPAddress | None:
    """The address in it, IPv4 where it is a mapped one; ports, brackets and zones are left out. None for anything else."""
    text = text.strip().strip('"')
    if text.startswith("["):  # "[2001:db8::1]:4711"
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # "192.0.2.1:4711"
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


@lru_cache(maxsize=4096)
def network_of(text: str) -> str:
    """By what an address is counted: itself, or its /64 for IPv6, where one household has as many as it likes.

    `unknown` for what is none, such as the peer of a Unix socket.
    """
    found = read_address(text)
    if found is None:
        return "unknown"
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
