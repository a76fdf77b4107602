"""One open websocket: messages in their order, silence noticed, nothing left behind. Logs nothing of what is said."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Final

import aiohttp

from medianest_hub.infrastructure.http_client.handshake import CLOSE_SECONDS, Wire
from medianest_hub.plugin_api.errors import HubError, UpstreamError, UpstreamTimeout

_EACH: Final = 128
"""Bytes a message waiting to be taken costs at least, about."""

_PINGS_MISSED: Final = 3
_TOO_BIG: Final = aiohttp.WSCloseCode.MESSAGE_TOO_BIG


class HttpWebSocket:
    """Implements `plugin_api.services.WebSocket`. Begins to read when made, in a task of its own; `close` it.

    Messages nobody has taken yet wait here up to about `cap` bytes; then the other side has to wait, unheard.
    """

    def __init__(
        self, wire: Wire, service: str, *, cap: int, send_seconds: float, silence: float | None, ping: float | None
    ) -> None:
        self._socket = wire.socket
        self._line = wire.line
        self._service = service
        self._cap = cap
        self._send_seconds = send_seconds
        self._silence = _PINGS_MISSED * ping if silence is None and ping is not None else silence
        self._waiting: deque[str | bytes] = deque()
        self._held = 0
        self._room = asyncio.Event()
        self._news = asyncio.Event()
        self._over: HubError | None = None
        self._tasks = [asyncio.create_task(self._read(), name="websocket-read")]
        if ping is not None:
            self._tasks.append(asyncio.create_task(self._ping(ping), name="websocket-ping"))

    async def receive(self) -> str | bytes:
        """The next message, as `plugin_api.services.WebSocket` describes it."""
        while not self._waiting:
            if self._over is not None:
                raise self._over.with_traceback(None)
            self._news.clear()
            await self._news.wait()
        message = self._waiting.popleft()
        self._held -= len(message) + _EACH
        self._room.set()
        return message

    async def send(self, text: str) -> None:
        """Send one message, as `plugin_api.services.WebSocket` describes it."""
        if self._over is not None:
            raise self._over.with_traceback(None)
        try:
            async with asyncio.timeout(self._send_seconds):
                await self._socket.send_str(text)
        except TimeoutError:
            words = f"{self._service} has taken nothing in for {self._send_seconds:g} seconds."
            raise UpstreamTimeout(words, service=self._service) from None
        except (aiohttp.ClientError, OSError):
            raise self._over or self._ended() from None

    async def close(self, why: HubError | None = None) -> None:
        """End it within a second, whatever the other side does; cancelled, at once. May be called again.

        Who waits in `receive` then gets `why`, if it has not ended by itself.
        """
        self._end(why or self._ended())
        reader, *others = self._tasks
        for task in others:
            task.cancel()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close()
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass
        finally:
            reader.cancel()
            self._line.drop()
            await asyncio.wait(self._tasks)

    async def _read(self) -> None:
        try:
            while self._over is None:
                if self._held > self._cap:
                    self._room.clear()
                    await self._room.wait()
                async with asyncio.timeout(self._silence):
                    message = await self._socket.receive()
                    await self._take(message)
        except TimeoutError:
            words = f"{self._service} has said nothing for {self._silence:g} seconds, not even that it is there."
            self._end(UpstreamTimeout(words, service=self._service))
        except (aiohttp.ClientError, OSError):
            pass
        finally:
            self._end(self._ended())

    async def _take(self, message: aiohttp.WSMessage) -> None:
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            self._waiting.append(message.data)
            self._held += len(message.data) + _EACH
            self._news.set()
        elif message.type is aiohttp.WSMsgType.PING:
            await self._socket.pong(message.data)
        elif message.type is aiohttp.WSMsgType.ERROR:
            self._end(self._unreadable(message.data))
        elif message.type is not aiohttp.WSMsgType.PONG:
            self._end(self._ended())

    async def _ping(self, every: float) -> None:
        with contextlib.suppress(aiohttp.ClientError, OSError):  # the reader sees the same
            while True:
                await asyncio.sleep(every)
                await self._socket.ping()

    def _end(self, why: HubError) -> None:
        """The first reason stays."""
        self._over = self._over or why
        self._news.set()

    def _ended(self) -> UpstreamError:
        return UpstreamError(f"{self._service} ended the connection.", service=self._service)

    def _unreadable(self, error: object) -> UpstreamError:
        why = "it breaks the websocket protocol"
        if getattr(error, "code", None) == _TOO_BIG:
            why = f"it is larger than {self._cap} bytes"
        return UpstreamError(f"{self._service} sent a message that cannot be read: {why}.", service=self._service)
