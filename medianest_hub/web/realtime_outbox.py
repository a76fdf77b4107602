"""What waits to be sent to one connection, and the short way past it for one event to many; knows no room and no person.

The library gives each connection a task that sleeps on a queue. For one event to a thousand pages that is a thousand tasks
woken, each of which encodes the same websocket frame: twice the time of everything else. Where nothing waits, the frame,
encoded once, goes to the transport at once. It then stands in the same line as all else, since the transport keeps order.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from engineio.packet import MESSAGE, Packet
from websockets.frames import Frame, Opcode
from websockets.protocol import State

MOST_UNSENT: Final = 16 * 1024
"""Bytes the transport may hold for a page that does not read, and still get more by the short way.

Not above the mark below which Sanic lets writing go on, or the short way would go past its pause.
"""

_OPEN: Final = State.OPEN
"""Looked up once: members of an enum are slow to reach, and this is asked of every page."""


class Message:
    """One text to many connections, encoded once for all of them: as a packet for the queue and as a frame for the wire.

    The frame is what any server sends whose connections agreed on no extension: neither masked nor compressed.
    """

    __slots__ = ("frame", "packet")

    def __init__(self, text: str) -> None:
        self.packet = Packet(MESSAGE, text)
        self.frame = Frame(Opcode.TEXT, self.packet.encode().encode()).serialize(mask=False)


class Outbox(asyncio.Queue[Any]):
    """The queue of one connection, which knows when all that it ever held has been written.

    Its one reader, the library's writer, comes back to `get` only when it has written everything it took before; so while
    it waits there and nothing else does, a frame may go past it without overtaking anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        """Sanic's protocol object of the connection, once that is known."""

        self._reader_waits = False

    async def get(self) -> Any:
        """The next packet; None means the end."""
        self._reader_waits = True
        try:
            return await super().get()
        finally:
            # In the very step that takes the packet out: there is no moment at which it is in nobody's hands.
            self._reader_waits = False

    def send(self, message: Message) -> None:
        """Write it now, or queue it behind what has to be written first."""
        if self._reader_waits and self.empty() and self._is_open():
            self.protocol.transport.write(message.frame)
        else:
            self.put_nowait(message.packet)

    def _is_open(self) -> bool:
        """Whether the websocket would take a frame without waiting for the other side to read."""
        protocol = self.protocol
        websocket, transport = protocol.websocket, protocol.transport
        if websocket is None or websocket.ws_proto.state is not _OPEN or websocket.ws_proto.extensions:
            return False
        finished = websocket.data_finished_fut
        if finished is None or finished.done() or transport is None or transport.is_closing():
            return False
        return bool(transport.get_write_buffer_size() <= MOST_UNSENT)
