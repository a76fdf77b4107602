"""Refuses heads that two readers could read differently, and names that are not ours, before anything is routed.

RFC 9112: one `Host` (3.2), digits alone as a length (6.3 and RFC 9110 8.6), no space before a colon (5.1), lines that end
as lines do (2.2). Sanic lets these pass; a proxy that reads them otherwise would let one request hide in another.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from sanic import Request
from sanic.exceptions import BadRequest

from medianest_hub.web.client_address import ClientAddresses, peer_of
from medianest_hub.web.host_names import HostNames, HostRefused

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MOST_KNOWN: Final = 1024
_known: set[str] = set()
"""Names of headers seen to be well formed: to look them up is a tenth of the work of reading them."""


class StrictRequest(Request[Any, Any]):
    """Sanic's request, made only from an unambiguous head for a host that is ours. Raises `BadRequest`, `HostRefused`."""

    def __init__(self, url_bytes: bytes, headers: Any, version: str, method: str, *more: Any, **named: Any) -> None:
        if "head" in named:
            host = _check(headers, version, method, named["head"])
            if host is not None:  # else it is for nobody in particular, which no browser's is
                _check_host(url_bytes, headers, host, named)
        else:  # Sanic's own, to answer a head it could not read: the address may be what was wrong with it
            url_bytes = b"*"
        super().__init__(url_bytes, headers, version, method, *more, **named)


def _check(headers: Any, version: str, method: str, head: bytes) -> str | None:
    """The one `Host`; None where HTTP/1.0 names none."""
    lines = len(headers)  # each was ended by a CR and LF; there must be no other
    if head.count(b"\n") != lines or head.count(b"\r") != lines:
        raise BadRequest("Lines must end with CR and LF.")
    if not _known >= headers.keys():
        _check_names(headers)
    hosts = headers.getall("host", ())
    if len(hosts) != 1 and (hosts or version != "1.0"):
        raise BadRequest("There must be one Host.")
    length = headers.get("content-length")
    if length is not None and not (length.isascii() and length.strip(" \t").isdigit()):
        raise BadRequest("The Content-Length must be digits.")
    if version == "1.0" and "transfer-encoding" in headers:
        raise BadRequest("HTTP/1.0 knows no Transfer-Encoding.")
    if method == "CONNECT":  # its address is no path
        raise BadRequest("This is no proxy.")
    return hosts[0] if hosts else None


def _check_names(headers: Any) -> None:
    for name in headers:
        if not _TOKEN.fullmatch(name):
            raise BadRequest("A header's name has characters that none may have.")
    if len(_known) < _MOST_KNOWN:
        _known.update(headers)


def _check_host(url: bytes, headers: Any, host: str, named: dict[str, Any]) -> None:
    hub = named["app"].ctx.hub
    names: HostNames = hub.hosts
    if url[:1] != b"/":
        _check_target(url, host)
    if not names.answers(host):
        raise HostRefused(host, headers.get("origin"), headers.get("x-request-id"))
    addresses: ClientAddresses = hub.addresses
    if addresses.has_proxies and addresses.trusts(peer_of(named["transport"])):
        forwarded = headers.getall("x-forwarded-host", ("",))[-1].rpartition(",")[2].strip()
        if forwarded and not names.answers(forwarded):
            raise HostRefused(forwarded, headers.get("origin"), headers.get("x-request-id"))


def _check_target(url: bytes, host: str) -> None:
    """An address in absolute form names a host, too (RFC 9112 3.2.2): the same one, or nobody knows whose request it is."""
    try:
        named = urlsplit(url.decode("ascii")).netloc
    except ValueError as error:
        raise BadRequest("The address cannot be read.") from error
    if named.lower() != host.lower() and url != b"*":
        raise BadRequest("The address and Host name different hosts.")
