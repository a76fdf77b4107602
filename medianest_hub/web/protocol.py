"""The HTTP protocol with two bounds more than Sanic's: a request's head must come in time, and no address has every seat."""

from __future__ import annotations

from typing import Any

from sanic.http import Stage
from sanic.server.protocols.websocket_protocol import WebSocketProtocol

from medianest_hub.web.client_address import peer_of
from medianest_hub.web.crowd import Crowd


class WebProtocol(WebSocketProtocol):
    """Sanic counts `REQUEST_TIMEOUT` from the last byte received; here it counts from the first of the head.

    A connection from an address that has too many is ended before anything is read from it.
    """

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
