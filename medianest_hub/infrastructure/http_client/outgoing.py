"""What an outside call sends: addresses and headers, refused where they cannot be meant so. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog

from medianest_hub.infrastructure.http_client.failures import Failure
from medianest_hub.plugin_api.errors import ConfigInvalid, UpstreamError

if TYPE_CHECKING:
    from yarl import URL

_PLAIN: Final = {"http": "http", "https": "https"}
_AS_SENT: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+")
"""A query as it goes over the wire (RFC 3986, 3.4)."""

_OF_WEBSOCKETS: Final = {"ws": "http", "wss": "https", **_PLAIN}


def address(url: str, service: str) -> URL:
    """That web address. Raises `UpstreamError` for what is none."""
    return _address(url, service, _PLAIN, "(http://… or https://…)")


def websocket_address(url: str, service: str) -> URL:
    """That address as http or https, however it is written. Raises `UpstreamError` for what is none."""
    return _address(url, service, _OF_WEBSOCKETS, "(http://…, https://…, ws://… or wss://…)")


def redirected(origin: URL, location: str, service: str) -> URL:
    """Where an answer of `origin` sends us. Raises `Failure` when that is another host."""
    from yarl import URL

    try:
        target = origin.join(URL(location))
    except ValueError:
        raise Failure(UpstreamError(f"{service} redirects to something unreadable.", service=service)) from None
    same = (target.scheme, target.host, target.port) == (origin.scheme, origin.host, origin.port)
    upgraded = (
        target.host == origin.host
        and (origin.scheme, target.scheme) == ("http", "https")
        and origin.is_default_port()
        and target.is_default_port()
    )
    if not (same or upgraded):
        # Credentials in headers must not follow to another host.
        where = f"{target.scheme}://{target.host_port_subcomponent}"
        raise Failure(UpstreamError(f"{service} redirects to another address, {where}.", service=service))
    return target


def outgoing_headers(given: Mapping[str, str] | None, *, is_json: bool = False) -> dict[str, str]:
    """Those given, and the request id. Raises `ConfigInvalid` for a line break in one."""
    headers = {"Content-Type": "application/json"} if is_json else {}
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        headers["X-Request-ID"] = str(request_id)
    for name, value in (given or {}).items():
        if any(bad in name + value for bad in "\r\n\0"):
            raise ConfigInvalid(f"The value for the header {name!r} contains a line break; remove it.")
        for other in [known for known in headers if known.lower() == name.lower()]:
            del headers[other]
        headers[name] = value
    return headers


def _address(url: str, service: str, schemes: Mapping[str, str], examples: str) -> URL:
    from yarl import URL

    try:
        target = URL(url)
        usable = target.scheme in schemes and bool(target.host)
    except ValueError:
        usable = False
    if not usable:
        # The text may hold a secret, so it is not repeated.
        raise UpstreamError(f"The address of {service} is not a web address {examples}.", service=service)
    return _kept_query(target.with_scheme(schemes[target.scheme]).with_fragment(None), url)


def _kept_query(target: URL, url: str) -> URL:
    """With the query letter for letter where it is written as it is sent: some services refuse a `:` that was `%3A`."""
    from yarl import URL

    query = url.partition("#")[0].partition("?")[2]
    if "%" not in query or _AS_SENT.fullmatch(query) is None:
        return target
    return URL(f"{target.with_query(None)}?{query}", encoded=True)
