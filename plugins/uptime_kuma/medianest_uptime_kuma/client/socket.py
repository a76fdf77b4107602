"""One Socket.IO connection over the hub's websocket: events in their order, calls with their answers. Makes nothing of them.

Packets are coded by python-socketio; its own client starts a task for each packet, keeps its errors to itself and leaves
things open when it is cancelled, which a connection kept for good cannot afford.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final

from medianest_hub.plugin_api import Http, TlsTrust, WebSocket
from medianest_hub.plugin_api.errors import AuthFailed, HubError, UpstreamError, UpstreamTimeout
from medianest_uptime_kuma.client.guarded import SERVICE, Guarded

LARGEST_MESSAGE: Final = 32 * 1024 * 1024
"""Bytes; a list of ten thousand monitors."""

MOST_WAITING: Final = 100_000
"""Events received and not taken yet; more, and we are too slow for this connection."""

_OPEN, _CLOSE, _PING, _PONG, _MESSAGE = "0", "1", "2", "3", "4"
_CONNECT_SECONDS: Final = 10.0


class Ended(UpstreamError):
    """The connection is over; the words say why."""


class Socket:
    """Use it in `async with`. Raises `UpstreamError`, `UpstreamTimeout` or `Unavailable` when no connection is to be had."""

    def __init__(self, http: Http, url: str, tls: TlsTrust) -> None:
        self._http = http
        self._url = f"{url}/socket.io/?EIO=4&transport=websocket"
        self._tls = tls
        self._opened = contextlib.AsyncExitStack()
        self._socket: WebSocket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[tuple[str, list[Any]] | None] = asyncio.Queue(MOST_WAITING)
        self._first: deque[tuple[str, list[Any]]] = deque()
        self._answers: dict[int, asyncio.Future[list[Any]]] = {}
        self._calls = 0
        self._silence = 60.0
        self._why = "Uptime Kuma ended the connection."

    async def __aenter__(self) -> Socket:
        ends = asyncio.get_running_loop().time() + _CONNECT_SECONDS
        try:
            self._socket = await self._open()
            async with asyncio.timeout_at(ends):
                await self._greet()
        except TimeoutError:
            await self._close()
            raise UpstreamTimeout(
                f"Uptime Kuma opened no live connection within {_CONNECT_SECONDS:g} seconds.", service=SERVICE
            ) from None
        except BaseException:
            await self._close()
            raise
        self._reader = asyncio.create_task(self._read(), name="uptime-kuma-socket")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def receive(self) -> tuple[str, list[Any]]:
        """The next event and its arguments. Raises `Ended` when there will be none."""
        if self._first:
            return self._first.popleft()
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)  # whoever asks again hears it again
            raise Ended(self._why, service=SERVICE)
        return event

    def received(self) -> tuple[str, list[Any]] | None:
        """The next event if it is there already."""
        if self._first:
            return self._first.popleft()
        if self._events.empty():
            return None
        event = self._events.get_nowait()
        if event is None:
            self._events.put_nowait(None)
        return event

    def put_back(self, events: Iterable[tuple[str, list[Any]]]) -> None:
        """Have these received again, before all others."""
        self._first.extendleft(reversed(list(events)))

    async def call(self, event: str, *args: Any, deadline: float) -> Any:
        """Send it and return the first argument of the answer. Raises `Ended`, or `UpstreamTimeout` after `deadline` seconds."""
        self._calls += 1
        number = self._calls
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(deadline):
                # The event's name only in the packet: what it carries may be a password.
                await self._send(f"{_MESSAGE}2{number}{json.dumps([event, *args])}")
                said = await answer
        except TimeoutError:
            raise UpstreamTimeout(
                f"Uptime Kuma did not answer {event} within {deadline:g} seconds.", service=SERVICE
            ) from None
        finally:
            self._answers.pop(number, None)
        return said[0] if said else None

    async def _open(self) -> WebSocket:
        try:
            return await self._opened.enter_async_context(
                self._http.websocket(
                    self._url, service=SERVICE, tls=self._tls, deadline=_CONNECT_SECONDS, cap=LARGEST_MESSAGE
                )
            )
        except AuthFailed:
            raise Guarded from None

    async def _greet(self) -> None:
        try:
            opened = json.loads((await self._text()).removeprefix(_OPEN))
            self._silence = (float(opened["pingInterval"]) + float(opened["pingTimeout"])) / 1000
            await self._send(f"{_MESSAGE}0")
            admitted = await self._text()
        except (ValueError, KeyError, TypeError):
            raise UpstreamError(
                "What answers at the address of Uptime Kuma does not speak Socket.IO.", service=SERVICE
            ) from None
        if not admitted.startswith(f"{_MESSAGE}0"):
            raise UpstreamError("Uptime Kuma does not let the hub in.", service=SERVICE)

    async def _text(self) -> str:
        """The next message. Raises `Ended` when there is none, `ValueError` for anything but text."""
        try:
            message = await self._wire().receive()
        except HubError as error:
            raise Ended(error.message, service=SERVICE) from None
        if isinstance(message, str):
            return message
        raise ValueError("not text")

    async def _send(self, text: str) -> None:
        try:
            await self._wire().send(text)
        except HubError as error:
            raise Ended(error.message, service=SERVICE) from None

    def _wire(self) -> WebSocket:
        if self._socket is None:
            raise Ended(self._why, service=SERVICE)
        return self._socket

    async def _read(self) -> None:
        """Take in packets until the connection ends; then whoever waits hears of it."""
        try:
            while True:
                async with asyncio.timeout(self._silence):
                    packet = await self._text()
                if not await self._take(packet):
                    break
        except TimeoutError:
            self._why = f"Uptime Kuma has said nothing for {self._silence:g} seconds, not even that it is there."
        except asyncio.QueueFull:
            self._why = "Uptime Kuma sends more than the hub can take in."
        except (ValueError, TypeError, IndexError):
            self._why = "Uptime Kuma sent something that cannot be read."
        except Ended as error:
            self._why = error.message
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(Ended(self._why, service=SERVICE))
            with contextlib.suppress(asyncio.QueueFull):
                self._events.put_nowait(None)

    async def _take(self, text: str) -> bool:
        """One packet; False when the other side ends the connection."""
        from socketio.packet import ACK, CONNECT_ERROR, DISCONNECT, EVENT, Packet

        kind, content = text[:1], text[1:]
        if kind == _PING:
            await self._send(_PONG + content)
        elif kind == _CLOSE:
            return False
        elif kind == _MESSAGE:
            packet = Packet(encoded_packet=content)
            if packet.packet_type == EVENT and isinstance(packet.data, list) and packet.data:
                self._events.put_nowait((str(packet.data[0]), packet.data[1:]))
            elif packet.packet_type == ACK and isinstance(packet.data, list):
                answer = self._answers.get(packet.id or 0)
                if answer is not None and not answer.done():
                    answer.set_result(packet.data)
            elif packet.packet_type in (DISCONNECT, CONNECT_ERROR):
                return False
        return True

    async def _close(self) -> None:
        reader, self._reader = self._reader, None
        self._socket = None
        try:
            if reader is not None:
                reader.cancel()
                await asyncio.wait([reader])
        finally:
            await self._opened.aclose()
