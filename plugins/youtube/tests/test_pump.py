"""Bytes moved between sockets: all of them, in order, at the reader's pace, with and without the kernel's help."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import socket

import pytest

from medianest_youtube.pump import Pump

SIZE = 8 << 20


@pytest.fixture(params=["splice", "buffer"])
def way(request, monkeypatch):
    """Some sandboxes cannot splice sockets; then bytes go through a buffer."""
    if request.param == "buffer":

        def refuse(*_: object) -> int:
            raise OSError(errno.EINVAL, "not here")

        monkeypatch.setattr(os, "splice", refuse)


def pair() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
    return ends


@pytest.mark.usefixtures("way")
async def test_a_slow_reader_gets_every_byte_in_order():
    loop = asyncio.get_running_loop()
    (writer, source), (sink, reader) = pair(), pair()
    moved = 0

    def count(size: int) -> None:
        nonlocal moved
        moved += size

    data = os.urandom(SIZE)
    sending = asyncio.ensure_future(loop.sock_sendall(writer, data))
    pumping = asyncio.ensure_future(Pump(source, sink, count).run())
    seen = hashlib.sha256()
    left = SIZE
    while left:
        piece = await loop.sock_recv(reader, 50_000)
        seen.update(piece)
        left -= len(piece)
        await asyncio.sleep(0)
    await sending
    writer.close()
    await asyncio.wait_for(pumping, 5)

    assert seen.digest() == hashlib.sha256(data).digest()
    assert moved == SIZE
    for end in (source, sink, reader):
        end.close()


@pytest.mark.usefixtures("way")
async def test_a_reader_that_goes_away_ends_it_with_an_error():
    loop = asyncio.get_running_loop()
    (writer, source), (sink, reader) = pair(), pair()
    reader.close()
    pumping = asyncio.ensure_future(Pump(source, sink, lambda _: None).run())
    await loop.sock_sendall(writer, b"hello")

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(pumping, 5)
    for end in (writer, source, sink):
        end.close()


async def test_no_descriptor_is_left_open():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        (writer, source), (sink, reader) = pair(), pair()
        pumping = asyncio.ensure_future(Pump(source, sink, lambda _: None).run())
        await asyncio.sleep(0)
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
        for end in (writer, source, sink, reader):
            end.close()

    assert len(os.listdir("/proc/self/fd")) == before
