"""Makes a handler's answer into bytes: only the declared model leaves; streams are closed whatever happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pydantic import BaseModel, ValidationError
from sanic import Request

from medianest_hub.plugin_api.answers import StreamAnswer
from medianest_hub.web.header_block import (
    API_CSP,
    MEDIA_CSP,
    NO_STORE,
    REVALIDATE,
    Answer,
    HeaderBlock,
    header_lines,
    header_value,
)

log = structlog.get_logger(__name__)

JSON: Final = b"application/json"
_OURS: Final = frozenset(
    {
        *("connection", "keep-alive", "transfer-encoding", "upgrade", "trailer", "te", "date", "server", "vary"),
        *("content-length", "content-type", "content-security-policy", "cache-control", "x-request-id", "set-cookie"),
        *("x-content-type-options", "x-frame-options", "referrer-policy", "permissions-policy"),
        *("cross-origin-opener-policy", "cross-origin-resource-policy", "strict-transport-security"),
    }
)
"""Headers a stream may not set: framing and safety are the host's."""


class WrongAnswer(Exception):
    """The handler answered something other than it declared; the text says what."""


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


@dataclass(frozen=True, slots=True)
class ReadyAnswer(StreamAnswer):
    """Bytes that are there already, for the core's own pages and documents. Make with `ready`."""

    content: bytes = b""
    csp: bytes = API_CSP
    etag: str = ""
    caching: bytes = REVALIDATE


def ready(
    content: bytes, content_type: str, *, csp: bytes = API_CSP, etag: str = "", caching: bytes = REVALIDATE
) -> ReadyAnswer:
    """An answer of those bytes; with `etag`, one that may be kept, as `caching` says."""
    return ReadyAnswer(body=_nothing(), content_type=content_type, content=content, csp=csp, etag=etag, caching=caching)


def redirect(location: str) -> ReadyAnswer:
    """Nothing but another address, for a route whose status is a redirection. `location` is our own, never a caller's."""
    return ReadyAnswer(body=_nothing(), content_type="", headers={"location": location})


def ready_answer(
    request: Request[Any, Any], answer: ReadyAnswer, status: int, block: HeaderBlock, extra: bytes
) -> Answer:
    """The answer of bytes that are there already, or 304 for a client that has them."""
    kind = header_value(answer.content_type)
    if not answer.etag:
        own = header_lines((name.encode(), header_value(value)) for name, value in answer.headers.items())
        return Answer(status, answer.content, block.lines(kind, answer.csp) + own + extra)
    lines = (
        block.lines(kind, answer.csp, answer.caching) + header_lines([(b"etag", f'"{answer.etag}"'.encode())]) + extra
    )
    if etag_matches(request.headers.get("if-none-match"), answer.etag):
        return Answer(304, b"", lines)
    return Answer(status, answer.content, lines)


class HeadOnly(Answer):
    """The headers of an answer whose length nobody knows before it is made."""

    __slots__ = ()

    @property
    def processed_headers(self) -> list[tuple[bytes, bytes]]:  # type: ignore[override]
        """Without the length Sanic believes in."""
        self.headers.pop("content-length", None)
        return super().processed_headers


def model_body(declared: Any, answer: object) -> bytes | None:
    """The JSON of an answer, None for no content. Raises `WrongAnswer` for anything but an instance of `declared`."""
    if declared is None or answer is None:
        if declared is None and answer is None:
            return None
        raise WrongAnswer(f"declared {_name(declared)}, answered {_name(type(answer))}")
    if not isinstance(answer, declared):
        answer = _as_declared(declared, answer)
    try:
        content: bytes = declared.__pydantic_serializer__.to_json(answer, by_alias=True, warnings="error")
    except Exception as error:  # whatever a plugin's serializers raise
        raise WrongAnswer(f"{_name(declared)} holds what does not fit it: {type(error).__name__}: {error}") from error
    return content


def _as_declared(declared: type[BaseModel], answer: object) -> BaseModel:
    """A generic model left open (`Page(...)` for `Page[Item]`) is fine if its content is; nothing else is."""
    origin = declared.__pydantic_generic_metadata__["origin"]
    if origin is None or type(answer) is not origin:
        raise WrongAnswer(f"declared {_name(declared)}, answered {_name(type(answer))}")
    try:
        return declared.model_validate(answer.__dict__, strict=True)
    except ValidationError as error:
        raise WrongAnswer(f"declared {_name(declared)}, but {error.errors()[0]['msg']}") from error


def _name(kind: Any) -> str:
    return "no content" if kind is None else getattr(kind, "__name__", repr(kind))


def etag_matches(given: str | None, etag: str) -> bool:
    """Whether `If-None-Match` names that tag (weakly compared, as RFC 9110 13.1.2 says)."""
    if given is None:
        return False
    return given.strip() == "*" or any(part.strip().removeprefix("W/") == f'"{etag}"' for part in given.split(","))


async def send_stream(
    request: Request[Any, Any], answer: StreamAnswer, status: int, block: HeaderBlock, extra: bytes, deadline: float
) -> Answer | None:
    """Send it piece by piece; None once it is sent.

    An error before the first piece is raised, a later one cuts the connection.
    """
    passed = [
        (name.lower().encode("ascii", "replace"), header_value(value))
        for name, value in answer.headers.items()
        if name.lower() not in _OURS and name.isascii() and name.replace("-", "").isalnum()
    ]
    lines = block.lines(header_value(answer.content_type), MEDIA_CSP, NO_STORE) + extra + header_lines(passed)
    length = next((value for name, value in answer.headers.items() if name.lower() == "content-length"), "")
    headers: dict[str, object] = {"content-length": int(length)} if length.isascii() and length.isdigit() else {}
    try:
        if request.method == "HEAD":
            return Answer(status, b"", lines, headers) if headers else HeadOnly(status, b"", lines)
        async with asyncio.timeout(deadline):
            first = await anext(answer.body, b"")
        response = await request.respond(Answer(status, b"", lines, headers))
        await send_pieces(request, response, first, answer.body)
        return None
    finally:
        close = getattr(answer.body, "aclose", None)
        if close is not None:
            await close()


async def send_pieces(request: Request[Any, Any], response: Any, first: bytes, rest: AsyncIterator[bytes]) -> None:
    """Send pieces with back-pressure.

    When they stop too early the connection is cut, so that nobody takes a part for the whole.
    """
    try:
        await response.send(first, False)
        async for piece in rest:
            if piece:
                await response.send(piece, False)
        await response.send(b"", True)
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("stream_broke_off", path=request.path)
        if request.transport is not None:
            request.transport.abort()  # type: ignore[attr-defined]
