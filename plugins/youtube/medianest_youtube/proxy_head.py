"""Reads one request's head as a forward proxy sees it, and writes the one to pass on; does no I/O."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from medianest_youtube.addresses import normal_host

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Headers of this hop alone (RFC 9110, 7.6.1), and what could make the next server see another request than we do.
_DROPPED = frozenset(
    {b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive", b"te", b"trailer", b"upgrade", b"host",
     b"expect", b"http2-settings"}
)  # fmt: skip


class BadRequest(Exception):
    """The head cannot be used; `status` and words for the answer."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(frozen=True, slots=True)
class Head:
    """One request. `forward` is the head for the origin server, empty for a tunnel; `body` the bytes that follow it."""

    tunnel: bool
    host: str
    port: int
    authorization: str
    forward: bytes
    body: int


def parse_head(data: bytes) -> Head:
    """Parse everything up to and with the empty line. Raises `BadRequest`."""
    first, *lines = data[:-4].split(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequest(400, "not a proxy request")
    headers = [_header(line) for line in lines]
    authorization = next((value for name, value in headers if name.lower() == b"proxy-authorization"), b"")
    words = authorization.decode("latin-1")
    if parts[0] == b"CONNECT":
        host, port = _authority(parts[1].decode("latin-1"), 443)
        return Head(True, host, port, words, b"", 0)
    return _absolute(parts[0], parts[1], headers, words)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.fullmatch(name) or b"\0" in value or b"\r" in value or b"\n" in value:
        raise BadRequest(400, "malformed header")
    return name, value.strip(b" \t")


def _authority(text: str, default: int) -> tuple[str, int]:
    try:
        split = urlsplit(f"//{text}")
        host, port = normal_host(split.hostname or ""), default if split.port is None else split.port
    except ValueError:
        raise BadRequest(400, "malformed host") from None
    if port == 0 or split.username is not None or split.path or split.query or split.fragment:
        raise BadRequest(400, "malformed host")
    return host, port


def _absolute(method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], authorization: str) -> Head:
    scheme, _, rest = target.partition(b"://")
    if scheme.lower() != b"http":
        raise BadRequest(400, "only http:// and CONNECT are served")
    authority, _, path = rest.partition(b"/")
    if b"?" in authority or b"#" in authority:
        raise BadRequest(400, "malformed address")
    host, port = _authority(authority.decode("latin-1"), 80)
    if any(name.lower() == b"transfer-encoding" for name, _ in headers):
        raise BadRequest(411, "send Content-Length")
    lengths = {value for name, value in headers if name.lower() == b"content-length"}
    if len(lengths) > 1 or any(not value.isdigit() or len(value) > 12 for value in lengths):
        raise BadRequest(400, "malformed Content-Length")
    shown = f"[{host}]" if ":" in host else host
    lines = [
        method + b" /" + path.partition(b"#")[0] + b" HTTP/1.1",
        f"Host: {shown}{'' if port == 80 else f':{port}'}".encode("ascii"),
        *(name + b": " + value for name, value in headers if name.lower() not in _DROPPED),
        b"Connection: close",
    ]
    return Head(False, host, port, authorization, b"\r\n".join(lines) + b"\r\n\r\n", int(next(iter(lengths), b"0")))


def closing_head(data: bytes) -> bytes:
    """An answer's head that tells the client not to use the connection again. Raises `BadRequest` if it is none.

    Without it a client keeps the connection, and its next request meets the end of it half-way.
    """
    first, *lines = data[:-4].split(b"\r\n")
    if not first.startswith(b"HTTP/1."):
        raise BadRequest(502, "not an HTTP answer")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in _DROPPED]
    return b"\r\n".join([first, *kept, b"Connection: close"]) + b"\r\n\r\n"


def basic_password(authorization: str) -> str:
    """The password of `Basic …` credentials, or the empty string."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("latin-1").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
