"""When a frame may go past the queue of a connection, and that it is the frame the websocket itself would have sent."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from engineio.packet import MESSAGE, Packet
from websockets.protocol import State
from websockets.server import ServerProtocol

from medianest_hub.web.realtime_outbox import MOST_UNSENT, Message, Outbox


class Wire:
    """What Sanic's protocol shows of a connection, and what was written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.unsent = 0
        self.closing = False
        self.transport: Any = SimpleNamespace(
            write=self.written.append, is_closing=lambda: self.closing, get_write_buffer_size=lambda: self.unsent
        )
        finished = asyncio.get_running_loop().create_future()
        self.websocket: Any = SimpleNamespace(ws_proto=ServerProtocol(state=State.OPEN), data_finished_fut=finished)


async def waiting() -> tuple[Outbox, Wire, asyncio.Task[Any]]:
    """A connection whose writer sleeps."""
    outbox, wire = Outbox(), Wire()
    outbox.protocol = wire
    reader = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    return outbox, wire, reader


@pytest.mark.parametrize("length", [0, 1, 124, 125, 126, 65_534, 65_535, 65_536])
@pytest.mark.parametrize("letter", ["x", "ä", "🎬"])
def test_the_frame_is_the_one_the_websocket_would_send(length: int, letter: str) -> None:
    text = letter * (length // len(letter.encode()))
    websocket = ServerProtocol(state=State.OPEN)
    websocket.send_text(Packet(MESSAGE, text).encode().encode())
    message = Message(text)
    assert [message.frame] == websocket.data_to_send()
    assert message.packet.encode() == f"4{text}"


async def test_what_nothing_waits_before_is_written_at_once() -> None:
    outbox, wire, reader = await waiting()
    one, two = Message("one"), Message("two")
    outbox.send(one)
    outbox.send(two)
    assert wire.written == [one.frame, two.frame]
    assert outbox.empty()
    reader.cancel()


async def test_nothing_is_written_before_there_is_a_writer() -> None:
    outbox, wire = Outbox(), Wire()
    outbox.protocol = wire
    message = Message("early")
    outbox.send(message)
    assert wire.written == []
    assert await outbox.get() is message.packet


async def test_what_is_queued_is_not_overtaken_while_its_writer_wakes() -> None:
    outbox, wire, reader = await waiting()
    outbox.put_nowait("first")
    second = Message("second")
    outbox.send(second)
    assert wire.written == []
    assert await reader == "first"
    assert outbox.get_nowait() is second.packet


async def test_what_was_taken_is_not_overtaken_until_its_writer_comes_back() -> None:
    """The library waits for the queue with a limit of time, which Python 3.11 does in a task between the two."""
    outbox, wire = Outbox(), Wire()
    outbox.protocol = wire
    reader = asyncio.create_task(asyncio.wait_for(outbox.get(), 5))
    await asyncio.sleep(0.01)
    outbox.put_nowait("first")
    turns = 0
    while not reader.done():
        outbox.send(Message(f"during {turns}"))
        assert wire.written == []
        await asyncio.sleep(0)
        turns += 1
    outbox.send(Message("before it is written"))
    assert wire.written == []
    assert outbox.qsize() == turns + 1
    for _ in range(turns + 1):
        outbox.get_nowait()
    again = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    message = Message("after it")
    outbox.send(message)
    assert wire.written == [message.frame]
    again.cancel()


async def test_a_writer_that_was_given_up_is_none() -> None:
    outbox, wire, reader = await waiting()
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    outbox.send(Message("late"))
    assert (wire.written, outbox.qsize()) == ([], 1)


async def test_a_page_that_does_not_read_gets_nothing_past_its_queue() -> None:
    outbox, wire, reader = await waiting()
    wire.unsent = MOST_UNSENT
    outbox.send(Message("the last that fits"))
    wire.unsent = MOST_UNSENT + 1
    outbox.send(Message("waits"))
    wire.unsent = 0
    outbox.send(Message("waits behind it"))
    assert (len(wire.written), outbox.qsize()) == (1, 2)
    await reader


@pytest.mark.parametrize("why", ["closing", "closed", "finished", "hanging up", "gone", "no websocket", "extension"])
async def test_a_websocket_that_takes_no_frame_gets_none(why: str) -> None:
    outbox, wire, reader = await waiting()
    match why:
        case "closing":
            wire.websocket.ws_proto.send_close(1000)
        case "closed":
            wire.websocket.ws_proto.state = State.CLOSED
        case "finished":
            wire.websocket.data_finished_fut.set_result(None)
        case "hanging up":
            wire.closing = True
        case "gone":
            wire.transport = None
        case "no websocket":
            wire.websocket = None
        case "extension":
            wire.websocket.ws_proto.extensions = [object()]
    outbox.send(Message("too late"))
    assert (wire.written, outbox.qsize()) == ([], 1)
    await reader
