"""Many Socket.IO clients in one small process: they count and time what they get, and ask nothing of whoever serves them.

    python -m benchmarks.live_clients URL <<< '["TOKEN", …]'

Raw sockets and one epoll, since the client must not be what is measured. Prints `ready` once every client has had
`realtime:ready`; then, for each event with a field `sent` (nanoseconds of `CLOCK_MONOTONIC`, which Node calls `hrtime`),
one line of JSON as soon as the last client has it. Ends with its standard input.
"""

from __future__ import annotations

import json
import re
import select
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

SENT = re.compile(rb'"sent":(\d+)')
READY = b'42["realtime:ready"'
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
CONNECT_SECONDS = 10.0
LARGEST_READ = 1 << 16
MOST_UNDER_WAY = 100


class Client:
    """One page, as far as the server can tell."""

    def __init__(self, url: str, token: str) -> None:
        host, _, port = urlsplit(url).netloc.partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS)
        self._rest = b""
        self._shake_hands(f"{host}:{port}")
        self._sign_in(token)
        self.socket.setblocking(False)

    def _shake_hands(self, host: str) -> None:
        self.socket.sendall(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, self._rest = answer.partition(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"no websocket: {answer[:500]!r}")

    def _sign_in(self, token: str) -> None:
        self.write(TEXT, b"40" + json.dumps({"token": token}).encode())
        came = list(self.frames(b""))
        while not any(text.startswith(READY) for text in came):
            if any(text.startswith(b"44") for text in came):
                raise RuntimeError(f"refused: {came!r}")
            came += self.frames(self._more())

    def _more(self) -> bytes:
        data = self.socket.recv(LARGEST_READ)
        if not data:
            raise RuntimeError("the server hung up")
        return data

    def write(self, kind: int, payload: bytes) -> None:
        """One frame, masked with zeros: a mask as good as any other on loopback."""
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        self.socket.sendall(bytes([0x80 | kind]) + length + bytes(4) + payload)

    def frames(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with this; pings are answered."""
        data = self._rest + data
        while (end := _end_of_frame(data)) is not None and end[1] <= len(data):
            kind, payload, data = data[0] & 0x0F, data[end[0] : end[1]], data[end[1] :]
            if kind == PING:
                self.write(PONG, payload)
            elif kind == CLOSE:
                raise RuntimeError(f"the server closed the connection: {payload!r}")
            elif payload == b"2":
                self.write(TEXT, b"3")
            else:
                yield payload
        self._rest = data


def _end_of_frame(data: bytes) -> tuple[int, int] | None:
    """Where the payload begins and ends; None while that cannot be told."""
    if len(data) < 2:
        return None
    length, start = data[1], 2
    if length >= 126:
        start = 4 if length == 126 else 10
        if len(data) < start:
            return None
        length = int.from_bytes(data[2:start], "big")
    return start, start + length


def summary(sent: int, times: list[int]) -> dict[str, float]:
    """Milliseconds from the event to the middle client, to all but one in a hundred, to the last."""
    took = sorted((at - sent) / 1e6 for at in times)
    return {"median": statistics.median(took), "p99": statistics.quantiles(took, n=100)[-1], "last": took[-1]}


class Pages:
    """All clients, and what each event has reached of them. Those connected already answer pings while others connect."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._by_fd: dict[int, Client] = {}
        self._came: dict[int, list[int]] = {}
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)

    def open(self, url: str, token: str) -> None:
        """One more."""
        client = Client(url, token)
        self._by_fd[client.socket.fileno()] = client
        self._poll.register(client.socket.fileno(), select.EPOLLIN)
        self.turn(0)

    def turn(self, seconds: float | None = None) -> bool:
        """Time what comes, waiting that long for it; False when standard input has ended."""
        for fd, _ in self._poll.poll(seconds):
            if fd not in self._by_fd:
                return False
            client = self._by_fd[fd]
            data = client.socket.recv(LARGEST_READ)
            now = time.monotonic_ns()
            if not data:
                raise RuntimeError("the server hung up")
            for text in client.frames(data):
                if found := SENT.search(text):
                    self._came.setdefault(int(found[1]), []).append(now)
        self._report()
        return True

    def _report(self) -> None:
        for sent in [sent for sent, times in self._came.items() if len(times) == len(self._by_fd)]:
            print(json.dumps(summary(sent, self._came.pop(sent))), flush=True)
        if len(self._came) > MOST_UNDER_WAY:
            raise RuntimeError(f"{len(self._came)} events reached some clients and not others")


if __name__ == "__main__":
    tokens: list[str] = json.loads(sys.stdin.readline())
    pages = Pages()
    for each in tokens:
        pages.open(sys.argv[1], each)
    print("ready", flush=True)
    while pages.turn():
        pass
