"""The HTTP protocol with one bound more than Sanic's: a request's head must be there in time, however it trickles in."""

from __future__ import annotations

from sanic.http import Stage
from sanic.server.protocols.websocket_protocol import WebSocketProtocol


class WebProtocol(WebSocketProtocol):
    """Sanic counts `REQUEST_TIMEOUT` from the last byte received; here it counts from the first of the head."""

    def data_received(self, data: bytes) -> None:
        """More of a request has come."""
        http = self.http
        began = self._time if http is not None and http.stage is Stage.REQUEST else None
        super().data_received(data)  # type: ignore[no-untyped-call]
        if began is not None:
            self._time = began
