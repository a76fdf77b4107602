"""The headers every answer carries, encoded once: security, CORS, request id. Decides nothing about bodies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from sanic.response.types import BaseHTTPResponse

from medianest_hub.settings import ServerSettings

API_CSP: Final = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For answers that are data: nothing in them may run or load anything."""

MEDIA_CSP: Final = b"default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'"
"""For files shown as they are: a picture or a film may show itself, markup in it may do nothing."""

PAGE_CSP: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
"""For the hub's own pages. Text cannot become markup in them: no script can make any, not even by mistake."""

NO_STORE: Final = b"no-store"
REVALIDATE: Final = b"private, no-cache"
IMMUTABLE: Final = b"public, max-age=31536000, immutable"
"""For what has its version in its address."""

_CLEAN = {ord(bad): None for bad in "\r\n\0"}
_EXPOSED = b"X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, ETag, Content-Disposition, Content-Range"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = b"Authorization, Content-Type, If-Match, If-None-Match, If-Range, Range, X-Request-ID"


def header_value(text: str) -> bytes:
    """Text as the value of a header: no line breaks, whatever is in it."""
    return text.translate(_CLEAN).encode("utf-8", "replace")


def header_lines(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Lines as `Answer.lines` wants them."""
    return b"".join(b"\r\n%b: %b" % pair for pair in pairs)


class Answer(BaseHTTPResponse):
    """An answer whose headers are ready-made bytes. `lines` is any number of `\\r\\nname: value`."""

    __slots__ = ("lines",)

    def __init__(self, status: int, body: bytes, lines: bytes, headers: dict[str, object] | None = None) -> None:
        # The base class's own constructor is left out on purpose: its header objects cost more than all of this.
        self.asgi = False
        self.body = body
        self.content_type = None
        self.stream = None
        self.status = status
        self.headers = headers if headers is not None else {}  # type: ignore[assignment]
        self._cookies = None
        self.lines = lines

    @property
    def processed_headers(self) -> list[tuple[bytes, bytes]]:  # type: ignore[override]
        """What Sanic writes: its own framing headers and all of ours, as one."""
        framing = self.headers
        lines = self.lines
        for name in ("content-length", "transfer-encoding"):
            if name in framing:
                lines = b"\r\n%b: %b%b" % (name.encode(), str(framing[name]).encode(), lines)
        return [(b"connection", framing["connection"].encode() + lines)]


class HeaderBlock:
    """The constant lines for one set of server settings."""

    def __init__(self, server: ServerSettings) -> None:
        common = [
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"no-referrer"),
            (b"permissions-policy", b"accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
            (b"cross-origin-opener-policy", b"same-origin"),
            # A front end of the allow-list may show pictures and films; everybody else may not embed anything.
            (b"cross-origin-resource-policy", b"same-site" if server.cors_origins else b"same-origin"),
        ]
        if server.public_url is not None and urlsplit(server.public_url).scheme == "https":
            common.append((b"strict-transport-security", b"max-age=31536000"))
        if server.cors_origins:
            common.append((b"vary", b"Origin"))
        self._common = header_lines(common)
        self._cors = {
            origin: header_lines(
                [
                    (b"access-control-allow-origin", origin.encode()),
                    (b"access-control-allow-credentials", b"true"),
                    (b"access-control-expose-headers", _EXPOSED),
                ]
            )
            for origin in server.cors_origins
        }
        self._made: dict[tuple[bytes, bytes, bytes], bytes] = {}

    def lines(self, content_type: bytes, csp: bytes = API_CSP, caching: bytes = NO_STORE) -> bytes:
        """All constant lines for that kind of body; `content_type` may be empty."""
        made = self._made.get((content_type, csp, caching))
        if made is None:
            pairs = [(b"content-security-policy", csp), (b"cache-control", caching)]
            if content_type:
                pairs.insert(0, (b"content-type", content_type))
            made = header_lines(pairs) + self._common
            if len(self._made) < 100:  # plugins choose content types: keep what comes up often, not everything
                self._made[content_type, csp, caching] = made
        return made

    def cors(self, origin: str | None) -> bytes:
        """Lines that let that origin read the answer; nothing for an origin that is not on the list."""
        return self._cors.get(origin, b"") if origin is not None else b""

    def preflight(self, origin: str | None) -> bytes:
        """As `cors`, for an OPTIONS request."""
        allowed = self.cors(origin)
        if not allowed:
            return b""
        return allowed + header_lines(
            [
                (b"access-control-allow-methods", _METHODS),
                (b"access-control-allow-headers", _REQUEST_HEADERS),
                (b"access-control-max-age", b"600"),
            ]
        )
