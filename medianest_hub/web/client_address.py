"""Whose request it is when nobody is signed in: the address, through trusted proxies only. Reads headers, nothing else."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from sanic import Request

from medianest_hub.infrastructure.addresses import IPAddress, read_address
from medianest_hub.infrastructure.home_network import is_home, was_passed_on


class ClientAddresses:
    """Finds callers' addresses; `trusted` are networks (`10.0.0.0/8`) whose `X-Forwarded-*` headers are believed."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted = tuple(ipaddress.ip_network(network, strict=False) for network in trusted)
        self._find = lru_cache(maxsize=4096)(self._find_uncached)

    @property
    def has_proxies(self) -> bool:
        """Whether there is anybody to be trusted at all."""
        return bool(self._trusted)

    def trusts(self, peer: str) -> bool:
        """Whether what is connected to us is one of our proxies. A Unix socket has no address and is not."""
        address = read_address(peer)
        return address is not None and self._is_trusted(address)

    def is_near(self, peer: str) -> bool:
        """Whether it is this machine or one of our proxies, and so perhaps many people."""
        address = read_address(peer)
        return address is not None and (address.is_loopback or self._is_trusted(address))

    def of(self, request: Request[Any, Any]) -> str:
        """The caller's address of that request. Several `X-Forwarded-For` lines are one chain, as RFC 9110 5.3 has it."""
        if not self._trusted:
            return request.ip
        chain = request.headers.getall("x-forwarded-for", ())
        return self.find(request.ip, ",".join(chain) if chain else None)

    def is_from_home(self, request: Request[Any, Any]) -> bool:
        """Whether its caller is on this machine or in a private network; nobody is whose address a proxy keeps to itself."""
        names_caller = self.trusts(request.ip) and "x-forwarded-for" in request.headers
        if was_passed_on(request.headers) and not names_caller:
            return False
        return is_home(self.of(request))

    def find(self, peer: str, forwarded_for: str | None) -> str:
        """The caller's address: the last in the chain that is not a proxy of ours. `peer` is who is connected to us."""
        if forwarded_for is None or not self._trusted:
            return peer
        return self._find(peer, forwarded_for[-1000:])

    def _is_trusted(self, address: IPAddress) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)

    def _find_uncached(self, peer: str, forwarded_for: str) -> str:
        here = read_address(peer)
        for entry in reversed(forwarded_for.split(",")):
            if here is None or not self._is_trusted(here):
                break
            before = read_address(entry)
            if before is None:  # a proxy of ours does not write that: believe no more of it
                break
            here = before
        return peer if here is None else str(here)


def peer_of(transport: Any) -> str:
    """The address connected to us; empty for a Unix socket."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


def last_said(request: Request[Any, Any], header: str, otherwise: str | None) -> str | None:
    """What the nearest proxy said: the last entry of the last line, for those before may be the caller's own."""
    lines = request.headers.getall(header, ())
    return lines[-1].rpartition(",")[2].strip() if lines else otherwise


def base_url(public_url: str | None, scheme: str | None, host: str | None) -> str:
    """Where the hub is reached from outside: `public_url` if set, else as this request reached it."""
    if public_url is not None:
        return public_url
    if host is None or not _is_host(host):
        return ""
    return f"{'https' if scheme == 'https' else 'http'}://{host}"


def _is_host(host: str) -> bool:
    if not host.isascii():  # other alphabets come as punycode
        return False
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port
    except ValueError:
        return False
    return parts.netloc == host and parts.hostname is not None and port != 0 and "@" not in host
