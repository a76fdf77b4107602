"""The Socket.IO server and its bounds: whose origin, how many, how large, how fast, and how a connection is ended for good.

Knows no token and no event: who may come in is asked of the handlers that `Door.on` is given.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final
from urllib.parse import urlsplit

import socketio
import structlog
from engineio.exceptions import SocketIsClosedError
from sanic import HTTPResponse, Request, Sanic
from sanic.exceptions import SanicException
from socketio import packet

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.addresses import network_of
from medianest_hub.plugin_api.errors import BadInput, HubError, Unauthorized
from medianest_hub.settings import ServerSettings
from medianest_hub.web.calling import RequestFacts
from medianest_hub.web.client_address import ClientAddresses
from medianest_hub.web.realtime_guests import LARGEST_MESSAGE, MOST_WAITING, SECONDS_TO_SIGN_IN, Guest, Guests
from medianest_hub.web.realtime_outbox import Message, Outbox

log = structlog.get_logger(__name__)

PATH: Final = "socket.io"
NAMESPACE: Final = "/"
FLUSH_SECONDS: Final = 1.0
"""How long the other side has to hang up by itself after it was told why; then we do."""

# CONNECT, DISCONNECT, EVENT and ACK; nothing here takes binary attachments.
_PACKETS: Final = frozenset("0123")

# What the library logs is what strangers send it; what matters is logged here.
_silent = logging.getLogger("medianest_hub.socketio")
_silent.setLevel(logging.CRITICAL + 1)


class Door:
    """Every connection of this process passes here. `sio` is the server, `guests` who is inside."""

    def __init__(self, server: ServerSettings, addresses: ClientAddresses) -> None:
        self._server = server
        self._addresses = addresses
        own = {server.public_url} if server.public_url is not None else set()
        self._origins = {_origin(url) for url in (*own, *server.cors_origins)}
        self.guests = Guests()
        self.closed = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self.sio = socketio.AsyncServer(
            async_mode="sanic",
            transports=["websocket"],
            cors_allowed_origins=self._may_come_from,
            max_http_buffer_size=LARGEST_MESSAGE,
            namespaces=[NAMESPACE],
            async_handlers=False,  # one thing after the other per connection, and what goes wrong is seen in `_said`
            logger=_silent,
            engineio_logger=_silent,
        )
        engine = self.sio.eio
        engine.create_queue = Outbox
        self._connected: Callable[..., Awaitable[Any]] = engine.handlers["connect"]
        self._received: Callable[..., Awaitable[Any]] = engine.handlers["message"]
        self._left: Callable[..., Awaitable[Any]] = engine.handlers["disconnect"]
        engine.on("connect", self._arrived)
        engine.on("message", self._said)
        engine.on("disconnect", self._gone)

    def attach(self, app: Sanic[Any, Any]) -> None:
        """Mount it on the application, before the server runs."""
        app.add_route(self._serve, f"/{PATH}/", methods=["GET", "POST"], name="socketio")
        app.enable_websocket()

    async def _serve(self, request: Request[Any, Any]) -> Any:
        """One websocket from its handshake to its end. Raises what the refusal of anything else is."""
        try:
            answer = await self.sio.handle_request(request)
        except SanicException:  # no handshake that could be understood
            raise
        except Exception as error:  # a packet the library cannot read ends here
            log.debug("socket_broken_off", error=type(error).__name__)
            answer = HTTPResponse(status=400)
        finally:
            guest: Guest | None = getattr(request.ctx, "guest", None)
            if guest is not None and self.guests.by_eio(guest.eio_sid) is guest:
                self.close(guest)
        if guest is None:  # it came to no websocket
            # The library's own words would repeat what a stranger sent, without the headers all answers have.
            raise _refusal(answer.status)
        return answer

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do it in the background, until the door is closed."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("socket_task_failed", exc_info=error)

    async def tell(self, guest: Guest, event: str, data: dict[str, Any]) -> None:
        """Send to one connection."""
        await self.sio.emit(event, data, to=guest.sid)

    def tell_room(self, room: str, event: str, data: dict[str, Any]) -> None:
        """Send to all in the room: encoded once, and no task for each as the library's own `emit` makes."""
        message = Message(self.sio.packet_class(packet.EVENT, namespace=NAMESPACE, data=[event, data]).encode())
        for _, eio_sid in self.sio.manager.get_participants(NAMESPACE, room):
            guest = self.guests.by_eio(eio_sid)
            if guest is not None and not guest.closing:
                guest.engine.queue.send(message)

    def close(self, guest: Guest, flush: float = 0.0) -> None:
        """End the connection in the background, saying so: a page does not come again by itself.

        `flush`: seconds the other side has to hang up first.
        """
        if not guest.closing:
            guest.closing = True
            self.spawn(self._close(guest, flush))

    def drop(self, guest: Guest) -> None:
        """Cut the connection as a broken network would: a page comes again by itself, and resumes."""
        if not guest.closing:
            guest.closing = True
            self._hang_up(guest)

    async def close_all(self) -> None:
        """Let nobody in any more and drop every connection: pages look for another replica, or this one started anew."""
        if self.closed:
            return
        self.closed = True
        for guest in self.guests:
            self.drop(guest)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.sio.shutdown()

    def sweep(self, now: float) -> None:
        """End connections that do not say who they are, or do not read what they are sent. `now` is monotonic."""
        for guest in self.guests:
            if guest.person_id is None and now - guest.came_at > SECONDS_TO_SIGN_IN:
                self.close(guest)
            if guest.engine.queue.qsize() > MOST_WAITING:
                log.info("socket_too_slow", person=str(guest.person_id))
                self.drop(guest)

    def _may_come_from(self, origin: str | None, environ: dict[str, Any]) -> bool:
        """Without an origin it is no browser. Without a `public_url` the hub's own is whatever it was reached by."""
        if origin is None:
            return True
        if origin.lower() in self._origins:
            return True
        if self._server.public_url is not None:
            return False
        here = RequestFacts(environ["sanic.request"], self._addresses, None).base_url
        return here != "" and urlsplit(origin.lower()).netloc == urlsplit(here.lower()).netloc

    async def _arrived(self, eio_sid: str, environ: dict[str, Any]) -> bool | None:
        """Before the handshake; False refuses it with 401."""
        request: Request[Any, Any] = environ["sanic.request"]
        address = network_of(self._addresses.of(request))
        if self.closed or not self.guests.has_room_for(address):
            return False
        engine = self.sio.eio.sockets[eio_sid]
        guest = request.ctx.guest = self.guests.arrive(eio_sid, address, engine)
        engine.queue.protocol = request.transport.get_protocol()
        receive = engine.receive

        async def receive_within_bounds(packet: Any) -> None:
            if guest.closing or not guest.packets.take():
                self.close(guest)
                raise SocketIsClosedError
            await receive(packet)

        engine.receive = receive_within_bounds
        await self._connected(eio_sid, environ)
        return None

    async def _said(self, eio_sid: str, data: Any) -> None:
        guest = self.guests.by_eio(eio_sid)
        if guest is None or guest.closing:
            return
        if not self._is_bearable(guest, data):
            self.close(guest)
            return
        guest.asked_in = True
        try:
            await self._received(eio_sid, data)
        except Exception as error:  # whatever a stranger's packet may make the library raise
            log.debug("socket_packet_refused", error=type(error).__name__)
            self.close(guest)
        if data[0] == "1":
            self.close(guest, FLUSH_SECONDS)

    def _is_bearable(self, guest: Guest, data: Any) -> bool:
        if not isinstance(data, str) or not 0 < len(data) <= LARGEST_MESSAGE or data[0] not in _PACKETS:
            return False
        return not (data[0] == "0" and guest.asked_in)  # one connection is one person's, once

    async def _gone(self, eio_sid: str, reason: str) -> None:
        await self._left(eio_sid, reason)
        self.guests.leave(eio_sid)
        metrics.sockets.set(len(self.guests))

    async def _close(self, guest: Guest, flush: float) -> None:
        try:
            if guest.sid and self.sio.manager.is_connected(guest.sid, NAMESPACE):
                await self.sio.disconnect(guest.sid)
            if flush:
                await asyncio.sleep(flush)
            await guest.engine.close(wait=False)  # waiting would be for one who perhaps does not read
        finally:
            self._hang_up(guest)

    def _hang_up(self, guest: Guest) -> None:
        """Close the websocket, whatever the other side does."""
        guest.engine.queue.put_nowait(None)  # ends the library's writer, which closes the websocket
        self.guests.leave(guest.eio_sid)
        metrics.sockets.set(len(self.guests))


def _refusal(status: int) -> HubError:
    if status == 401:
        return Unauthorized("There is no room for this connection now; try again later.", code="too_many_sockets")
    return BadInput("Live events come by websocket: connect with a Socket.IO client.", code="bad_request")


def _origin(url: str) -> str:
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}"
