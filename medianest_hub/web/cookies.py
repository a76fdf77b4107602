"""The hub's cookies as header lines, and whose pages may use them; knows no token and no route."""

from __future__ import annotations

import ipaddress
from typing import Final, Literal
from urllib.parse import urlsplit

import structlog

from medianest_hub.settings import ServerSettings

log = structlog.get_logger(__name__)

REFRESH: Final = "mn_refresh"
ATTEMPT: Final = "mn_attempt"
"""A session's refresh token; a sign-in by an outside provider under way."""

SECURE_PREFIX: Final = "__Secure-"
"""Before the names where `public_url` is https: browsers take such a cookie only from https, so that no program that is
reached at the same host name over plain http can set one."""

PATH: Final = "/api/v1/auth"
"""Below the path of `public_url`, as browsers see it."""

SameSite = Literal["Strict", "Lax"]


class CookieRules:
    """For one set of server settings. Cookies are `Secure` where `public_url` is https: elsewhere they would be lost."""

    def __init__(self, server: ServerSettings) -> None:
        own = urlsplit(server.public_url.lower()) if server.public_url is not None else None
        self.secure = own is not None and own.scheme == "https"
        self._own_host = own.netloc if own is not None else None
        self._origins = {origin_of(url) for url in server.cors_origins}
        if server.public_url is not None:
            self._origins.add(origin_of(server.public_url))
        self._base = server.base_path
        self._path = server.base_path + PATH
        self._said = False

    def name(self, name: str) -> str:
        """What browsers know one of the hub's cookies by."""
        return SECURE_PREFIX + name if self.secure else name

    def line(self, name: str, value: str, max_age: int, same_site: SameSite) -> bytes:
        """The header line that sets it for `max_age` seconds; 0 clears it. `value` is ASCII without `;`, `,` or blanks."""
        if not self.secure and not self._said:
            self._said = True
            log.warning(
                "cookies_not_secure",
                hint="sign-in cookies travel unencrypted; on an open network put https before the hub and set "
                "server.public_url to it",
            )
        secure = "; Secure" if self.secure else ""
        text = (
            f"{self.name(name)}={value}; Max-Age={max_age}; Path={self._path}; HttpOnly{secure}; SameSite={same_site}"
        )
        return b"\r\nset-cookie: " + text.encode("ascii")

    def clearing_lines(self, name: str, path: str, host: str) -> bytes:
        """Header lines that clear every cookie of that name a browser could have sent to `path` at `host`, whoever set it.

        But for those that were set for a whole domain `host` is only a part of.
        """
        secure = "; Secure" if self.secure else ""
        domains = ["", f"; Domain={host}"] if "." in host and not _is_address(host) else [""]
        texts = (
            f"{self.name(name)}=; Max-Age=0; Path={one}{secure}{domain}"
            for one in _paths_of(self._base + path)
            for domain in domains
        )
        return b"".join(b"\r\nset-cookie: " + text.encode("ascii", "ignore") for text in texts)

    def may_come_from(self, origin: str, host: str) -> bool:
        """Whether a page of that origin may have its requests to us, made under `host`, carry cookies.

        Where `public_url` names this host its scheme counts too; elsewhere a proxy may have changed it.
        """
        origin = origin.lower()
        if origin in self._origins:
            return True
        try:
            netloc = urlsplit(origin).netloc
        except ValueError:
            return False
        return netloc != "" and netloc == host and netloc != self._own_host


def _paths_of(path: str) -> list[str]:
    """Every `Path` with which a cookie is sent to `path`."""
    found, current = ["/"], ""
    for part in path.strip("/").split("/"):
        current += f"/{part}"
        found += [current, f"{current}/"]
    return found[:-1]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, in lower case."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"
