"""The HTTP protocol, stricter than Sanic's: heads must come in time, chunks be well formed, and no address has every seat."""

from __future__ import annotations

import re
from typing import Any, Final

from sanic.exceptions import BadRequest
from sanic.http import Http, Stage
from sanic.http.http1 import HTTP_CONTINUE
from sanic.server.protocols.websocket_protocol import WebSocketProtocol

from medianest_hub.web.client_address import peer_of
from medianest_hub.web.crowd import Crowd

_CHUNK: Final = re.compile(rb"\r\n[0-9A-Fa-f]{1,15}(?:;[^\r\n]*)?\r\n")
_LONGEST_CHUNK_LINE: Final = 64


class StrictHttp(Http):
    """Chunks as RFC 9112 (7.1) writes them: a proxy that finds another end of a body than we do would hide a request in it.

    Sanic looks at nothing but the number, reads `0x2` and foreign digits as one, and any two bytes as the end of a line.
    """

    __slots__ = ()

    async def read(self) -> bytes | None:
        """More of the body. Raises `BadRequest`."""
        body: object = self.request_body  # declared as bytes; it is True, "chunked" or None
        if body == "chunked" and self.request_bytes_left == 0:
            await self._check_chunk()
        piece: bytes | None = await super().read()
        return piece

    async def _check_chunk(self) -> None:
        buffer = self.recv_buffer
        if self.expecting_continue:
            self.expecting_continue = False
            await self._send(HTTP_CONTINUE)
        while (end := buffer.find(b"\r\n", 2)) == -1 and len(buffer) <= _LONGEST_CHUNK_LINE:
            await self._receive_more()
        if not 0 < end <= _LONGEST_CHUNK_LINE or not _CHUNK.fullmatch(buffer, 0, end + 2):
            self.keep_alive = False
            raise BadRequest("Bad chunked encoding")


class WebProtocol(WebSocketProtocol):
    """Sanic counts `REQUEST_TIMEOUT` from the last byte received; here it counts from the first of the head.

    A connection from an address that has too many is ended before anything is read from it.
    """

    HTTP_CLASS = StrictHttp

    __slots__ = ("_seat",)
    _seat: str | None

    def connection_made(self, transport: Any) -> None:
        """Somebody has connected."""
        crowd: Crowd = self.app.ctx.hub.crowd
        self._seat = crowd.enter(peer_of(transport))
        if self._seat is None:
            transport.abort()
        else:
            super().connection_made(transport)  # type: ignore[no-untyped-call]

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        if self._seat is not None:
            self.app.ctx.hub.crowd.leave(self._seat)
            self._seat = None
            super().connection_lost(exc)  # type: ignore[no-untyped-call]

    def data_received(self, data: bytes) -> None:
        """More of a request has come."""
        http = self.http
        began = self._time if http is not None and http.stage is Stage.REQUEST else None
        super().data_received(data)  # type: ignore[no-untyped-call]
        if began is not None:
            self._time = began
