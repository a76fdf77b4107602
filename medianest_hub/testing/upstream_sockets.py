"""The websockets of a `FakeUpstream`: each says and hears what a test scripts, faults included; it knows no service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from medianest_hub.testing.upstream import Seen

_TEXT, _LONG = 0x81, 127
_CHUNK: Final = b" " * 65536
_MOST_UNSENT: Final = 1024 * 1024


class SocketFault(StrEnum):
    """How an open websocket can end or fail."""

    END = "end"
    """Ends the connection as the protocol has it."""
    CUT = "cut"
    """Breaks off in the middle of a message."""
    GARBAGE = "garbage"
    """Sends something that is no message."""
    HUGE = "huge"
    """Begins a message that never ends."""
    SILENCE = "silence"
    """Keeps the connection, but says and takes nothing any more, not even pings and the end."""


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait for the plugin's next message. With `text` it must be that one; another ends the connection and is `unexpected`."""

    text: str | None = None


Step: TypeAlias = "str | bytes | Mapping[str, Any] | Sequence[Any] | Hear | SocketFault"
"""One step of a script: what is said (text, bytes, or anything else as JSON), waited for, or gone wrong."""


class FakeWebSocket:
    """One websocket a plugin opened: `request` is its handshake, `heard` what the plugin said on it."""

    def __init__(self, request: Seen, raw: web.BaseRequest, unexpected: Callable[[str], None]) -> None:
        self.request = request
        self.heard: list[str | bytes] = []
        self._raw = raw
        self._unexpected = unexpected
        self._socket = web.WebSocketResponse(compress=False, max_msg_size=0)
        self._answered = 0
        self._gone = False
        self._changed = asyncio.Condition()

    async def say(self, message: Step) -> None:
        """Send one message, or do as that step of a script says. `ConnectionError` when the plugin has closed."""
        if isinstance(message, SocketFault):
            await self._fail(message)
        elif isinstance(message, Hear):
            await self._hear(message)
        elif isinstance(message, bytes):
            await self._socket.send_bytes(message)
        else:
            await self._socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def hears(self, count: int = 1, within: float = 5.0) -> list[str | bytes]:
        """Wait until the plugin has sent at least `count` messages; `TimeoutError` after `within` seconds."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: len(self.heard) >= count)
        return list(self.heard)

    async def gone(self, within: float = 5.0) -> int | None:
        """Wait until the connection is over and answer the code it was closed with, None where it broke off."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: self._gone)
        code = self._socket.close_code
        return None if code is None or code == 1006 else int(code)

    def cut(self) -> None:
        """Drop the connection."""
        if self._raw.transport is not None:
            self._raw.transport.abort()

    async def follow(self, script: Sequence[Step], opened: Callable[[FakeWebSocket], Any]) -> web.StreamResponse:
        """Open it, go through the script, and stay until the plugin goes."""
        await self._socket.prepare(self._raw)
        await opened(self)
        speaking = asyncio.create_task(self._speak(script), name="fake-websocket")
        try:
            async for message in self._socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    async with self._changed:
                        self.heard.append(message.data)
                        self._changed.notify_all()
        finally:
            speaking.cancel()
            async with self._changed:
                self._gone = True
                self._changed.notify_all()
            await asyncio.wait([speaking])
        return self._socket

    async def _speak(self, script: Sequence[Step]) -> None:
        with contextlib.suppress(ConnectionError):  # the plugin went first
            for step in script:
                await self.say(step)

    async def _hear(self, wanted: Hear) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.heard) > self._answered)
        said = self.heard[self._answered]
        self._answered += 1
        if wanted.text is not None and said != wanted.text:
            self._unexpected(f"{self.request.path} heard {said!r} where {wanted.text!r} was scripted")
            await self._socket.close(code=1008)

    async def _fail(self, fault: SocketFault) -> None:
        transport = self._raw.transport
        if transport is None:
            raise ConnectionError("the plugin has closed the connection")
        if fault is SocketFault.END:
            await self._socket.close(code=1001)
        elif fault is SocketFault.CUT:
            transport.write(bytes((_TEXT, 100)) + b"the first half of a ")
            transport.close()
        elif fault is SocketFault.GARBAGE:
            transport.write(b"\xff\xff this is no message \x00")
        elif fault is SocketFault.SILENCE:
            transport.pause_reading()
        else:
            transport.write(struct.pack("!BBQ", _TEXT, _LONG, 1 << 40))
            while not transport.is_closing():
                if transport.get_write_buffer_size() < _MOST_UNSENT:
                    transport.write(_CHUNK)
                await asyncio.sleep(0.001)
