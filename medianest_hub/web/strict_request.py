"""Refuses heads that two readers could read differently, before anything is routed; Sanic lets them pass.

RFC 9112: one `Host` (3.2), digits alone as a length (6.3 and RFC 9110 8.6). A proxy that reads them otherwise would let
one request hide in another.
"""

from __future__ import annotations

from typing import Any

from sanic import Request
from sanic.exceptions import BadRequest


class StrictRequest(Request[Any, Any]):
    """Sanic's request, made only from an unambiguous head. Raises `BadRequest`."""

    def __init__(self, url_bytes: bytes, headers: Any, version: str, method: str, *more: Any, **named: Any) -> None:
        if "head" in named:
            _check(headers, version, method)
        else:  # Sanic's own, to answer a head it could not read: the address may be what was wrong with it
            url_bytes = b"*"
        super().__init__(url_bytes, headers, version, method, *more, **named)


def _check(headers: Any, version: str, method: str) -> None:
    hosts = headers.getall("host", ())
    if len(hosts) != 1 and (hosts or version != "1.0"):
        raise BadRequest("There must be one Host.")
    length = headers.get("content-length")
    if length is not None and not (length.isascii() and length.strip(" \t").isdigit()):
        raise BadRequest("The Content-Length must be digits.")
    if method == "CONNECT":  # its address is no path
        raise BadRequest("This is no proxy.")
