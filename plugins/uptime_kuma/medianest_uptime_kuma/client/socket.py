"""One Socket.IO connection by websocket: events in their order, calls with their answers. Knows nothing of Uptime Kuma.

Packets are coded by python-socketio; its own client starts a task for each packet, keeps its errors to itself and leaves
things open when it is cancelled, which a connection kept for good cannot afford.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from medianest_hub.plugin_api.errors import UpstreamError, UpstreamTimeout
from medianest_uptime_kuma.client.guarded import SERVICE, Guarded

if TYPE_CHECKING:
    import aiohttp

LARGEST_MESSAGE: Final = 32 * 1024 * 1024
"""Bytes; a list of ten thousand monitors."""

MOST_WAITING: Final = 100_000
"""Events received and not taken yet; more, and we are too slow for this connection."""

_OPEN, _CLOSE, _PING, _PONG, _MESSAGE = "0", "1", "2", "3", "4"
_CONNECT_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 1.0


class Ended(UpstreamError):
    """The connection is over; the words say why."""


class Socket:
    """Use it in `async with`. Raises `UpstreamError` or `UpstreamTimeout` when there is no connection to be had."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket"
        self._ssl = context
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[tuple[str, list[Any]] | None] = asyncio.Queue(MOST_WAITING)
        self._first: deque[tuple[str, list[Any]]] = deque()
        self._answers: dict[int, asyncio.Future[list[Any]]] = {}
        self._calls = 0
        self._silence = 60.0
        self._why = "Uptime Kuma ended the connection."

    async def __aenter__(self) -> Socket:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._connect()
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

    async def _connect(self) -> None:
        import aiohttp

        watcher = aiohttp.TraceConfig()
        watcher.on_request_redirect.append(_refuse_redirect)
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, trace_configs=[watcher]
        )
        try:
            # No Origin: Uptime Kuma refuses any but its own.
            self._socket = await self._session.ws_connect(
                self._url, ssl=self._ssl, max_msg_size=LARGEST_MESSAGE, autoping=True, compress=0
            )
            opened = json.loads((await self._text()).removeprefix(_OPEN))
            self._silence = (float(opened["pingInterval"]) + float(opened["pingTimeout"])) / 1000
            await self._send(f"{_MESSAGE}0")
            admitted = await self._text()
        except aiohttp.WSServerHandshakeError as error:
            if error.status in (401, 403, 407):
                raise Guarded from None
            raise UpstreamError(
                f"Uptime Kuma opens no live connection: it answered {error.status}. Enter the address of Uptime Kuma itself, or "
                "have what stands before it pass websockets on.",
                service=SERVICE,
            ) from None
        except aiohttp.ClientConnectorCertificateError:
            raise UpstreamError(
                "Uptime Kuma has a certificate that is not trusted. Set its CA, or pin it, in the settings.",
                service=SERVICE,
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError(f"Uptime Kuma {_unreached(error)}.", service=SERVICE) from None
        except (ValueError, KeyError, TypeError):
            raise UpstreamError(
                "What answers at the address of Uptime Kuma does not speak Socket.IO.", service=SERVICE
            ) from None
        if not admitted.startswith(f"{_MESSAGE}0"):
            raise UpstreamError("Uptime Kuma does not let the hub in.", service=SERVICE)

    async def _text(self) -> str:
        """The next message; raises `ValueError` for anything but text, `ConnectionError` when there is none."""
        import aiohttp

        if self._socket is None:
            raise ConnectionError
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            text: str = message.data
            return text
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
            raise ConnectionError
        if message.type is aiohttp.WSMsgType.ERROR:
            raise ValueError("larger than is taken, or no websocket message")
        raise ValueError("not text")

    async def _send(self, text: str) -> None:
        socket = self._socket
        if socket is None or socket.closed:
            raise Ended(self._why, service=SERVICE)
        try:
            await socket.send_str(text)
        except (ConnectionError, OSError) as error:
            raise Ended(f"Uptime Kuma cannot be reached ({type(error).__name__}).", service=SERVICE) from None

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
        except (ConnectionError, OSError):
            pass
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
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
        socket, self._socket = self._socket, None
        session, self._session = self._session, None
        if socket is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await socket.close()
        if session is not None:
            await session.close()


async def _refuse_redirect(session: aiohttp.ClientSession, context: object, redirect: Any) -> None:
    """What is said over the connection, passwords too, must not follow to wherever an answer points."""
    raise UpstreamError(
        "Uptime Kuma's live connection is redirected elsewhere. Enter the address it is redirected to, if it is yours.",
        service=SERVICE,
    )


def _unreached(error: Exception) -> str:
    """Why there is no connection, without the address."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "does not speak TLS as it should; perhaps it is http:// rather than https://"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "cannot be found: its host name does not resolve"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"cannot be reached: {os.strerror(number).lower() if number else 'connecting failed'}"
    if isinstance(error, aiohttp.ServerDisconnectedError | OSError):
        return "closed the connection without an answer"
    return f"cannot be reached ({type(error).__name__})"
