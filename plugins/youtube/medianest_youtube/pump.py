"""Moves bytes from one socket to another inside the kernel (`splice`), with flow control; knows no protocol."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Callable

_PIPE_BYTES = 1 << 20
_TURNS = 4
"""How many pieces are moved before other connections get their turn."""
_NO_SPLICE = (errno.EINVAL, errno.ENOSYS, errno.EPERM)


class Pump:
    """One direction of a connection. `moved` is called with the size of each piece and may raise to end it.

    Where the kernel cannot splice sockets (some sandboxes), bytes take the way through a buffer.
    """

    def __init__(self, source: socket.socket, sink: socket.socket, moved: Callable[[int], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._source = source.fileno()
        self._sink = sink.fileno()
        self._moved = moved
        self._pending = 0
        self._buffer: memoryview | None = None
        self._offset = 0
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._pipe = self._make_pipe()

    @staticmethod
    def _make_pipe() -> tuple[int, int]:
        pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # over the user's quota of pipe memory the default size must do
            fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        return pipe

    async def run(self) -> None:
        """Until the source ends. Raises `ConnectionError` when either side breaks, or what `moved` raised."""
        self._loop.add_reader(self._source, self._pull)
        try:
            await self._done
        finally:
            self._loop.remove_reader(self._source)
            self._loop.remove_writer(self._sink)
            for end in self._pipe:
                os.close(end)

    def _finish(self, error: BaseException | None) -> None:
        self._loop.remove_reader(self._source)
        self._loop.remove_writer(self._sink)
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        elif isinstance(error, OSError) and not isinstance(error, ConnectionError):
            self._done.set_exception(ConnectionAbortedError(str(error)))
        else:
            self._done.set_exception(error)

    def _pull(self) -> None:
        try:
            for _ in range(_TURNS):
                size = self._fill()
                if size == 0:
                    self._finish(None)
                    return
                self._pending = size
                self._moved(size)
                self._push()
        except BlockingIOError:
            if self._pending:
                self._loop.remove_reader(self._source)
                self._loop.add_writer(self._sink, self._drain)
        except Exception as error:  # a callback of the loop: whatever it is ends this connection alone
            self._finish(error)

    def _drain(self) -> None:
        try:
            self._push()
        except BlockingIOError:
            return
        except Exception as error:  # as above
            self._finish(error)
            return
        self._loop.remove_writer(self._sink)
        self._loop.add_reader(self._source, self._pull)

    def _fill(self) -> int:
        if self._buffer is None:
            try:
                return os.splice(self._source, self._pipe[1], _PIPE_BYTES)
            except OSError as error:
                if error.errno not in _NO_SPLICE:
                    raise
                self._buffer = memoryview(bytearray(_PIPE_BYTES // 4))
        self._offset = 0
        return os.readv(self._source, [self._buffer])

    def _push(self) -> None:
        while self._pending:
            if self._buffer is None:
                self._pending -= os.splice(self._pipe[0], self._sink, self._pending)
            else:
                sent = os.write(self._sink, self._buffer[self._offset : self._offset + self._pending])
                self._offset += sent
                self._pending -= sent
