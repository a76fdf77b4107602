"""Reads a request's body within its bounds, and gets rid of one nobody wants; parses nothing."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sanic import Request

from medianest_hub.web.gate import too_large
from medianest_hub.web.header_block import Answer
from medianest_hub.web.problems import SlowBody

READ_SECONDS: Final = 20.0
"""How long a whole body may take to arrive."""

_LINGER_SECONDS: Final = 1.0
_LINGER_BYTES: Final = 256 * 1024


async def read_body(request: Request[Any, Any], limit: int) -> bytes:
    """The body, at most `limit` bytes. Raises `TooLarge` as soon as there are more, `SlowBody` when it does not come."""
    stream: Any = request.stream
    if stream is None or not stream.request_body:
        return b""
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for piece in stream:
                size += len(piece)
                if size > limit:
                    raise too_large(limit)
                pieces.append(piece)
    except TimeoutError as error:
        raise SlowBody("The body did not arrive in time.") from error
    return b"".join(pieces)


async def answer_without_body(request: Request[Any, Any], answer: Answer) -> Answer | None:
    """Answer though a body is on its way that nobody will read; None once that is done.

    What has arrived in full is dropped and the connection lives on. Otherwise it ends after the answer, having listened a
    moment longer: closing at once would destroy the answer before a client that is still sending sees it.
    """
    stream: Any = request.stream
    if stream.request_body is True and 0 <= stream.request_bytes_left <= len(stream.recv_buffer):
        del stream.recv_buffer[: stream.request_bytes_left]
        stream.request_bytes_left = 0
        stream.request_body = None
        return answer
    stream.expecting_continue = False
    stream.keep_alive = False
    if request.method == "HEAD":
        stream.request_body = None
        return answer
    response: Any = await request.respond(answer)
    await response.send(end_stream=True)
    try:
        await _linger(request)
    finally:
        stream.request_body = None
    return None


async def _linger(request: Request[Any, Any]) -> None:
    stream: Any = request.stream
    transport: Any = request.transport
    if transport is None or transport.is_closing():
        return
    if transport.can_write_eof():
        transport.write_eof()
    dropped = 0
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while dropped < _LINGER_BYTES:
                dropped += len(stream.recv_buffer)
                stream.recv_buffer.clear()
                await stream.protocol.receive_more()
    except TimeoutError:
        return
