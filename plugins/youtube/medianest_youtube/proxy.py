"""The filtering forward proxy every byte of one download goes through; knows hosts and sizes, not videos.

One proxy per run, on a port of its own, behind a token: it refuses hosts that are not allowed and names that lead to
private addresses, connects to exactly the address it checked (so a name that changes its mind is no way round),
counts what comes in and stops at a cap. A connection is one request or one tunnel.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from medianest_youtube.addresses import HostRules
from medianest_youtube.proxy_head import BadRequest, Head, basic_password, closing_head, parse_head
from medianest_youtube.pump import Pump

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]

HEAD_BYTES: Final = 32 * 1024
HEAD_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 10.0
RESOLVE_SECONDS: Final = 10.0
CONNECTIONS: Final = 64
STRANGERS: Final = 32
"""Connections that have not shown the token yet; the port is open to everyone on this machine."""
_REMEMBERED = 50


class _OverLimit(Exception):
    """The cap on bytes is reached."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something the proxy did not let through: `reason` is `host`, `port` or `address`."""

    host: str
    port: int
    reason: str


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


async def system_resolve(host: str) -> Sequence[str]:
    """Every address the system's resolver knows for the name. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _reset(connection: socket.socket) -> None:
    """Close so that the other side sees an error, never a clean end it could take for the whole file."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


async def _read_to_empty_line(connection: socket.socket) -> tuple[bytes, bytes]:
    """A head with the empty line that ends it, and what came after. Raises `EOFError`, or `BadRequest` if too large."""
    loop = asyncio.get_running_loop()
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        if len(data) > HEAD_BYTES:
            raise BadRequest(431, "head too large")
        piece = await loop.sock_recv(connection, HEAD_BYTES)
        if not piece:
            raise EOFError
        data += piece
    return data[: end + 4], data[end + 4 :]


async def _first(*works: Coroutine[Any, Any, Any]) -> None:
    """Until one of them ends, whose error is raised; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class FilterProxy:
    """`async with FilterProxy(rules, max_bytes=…) as proxy:`, then hand `proxy.url` to the process.

    `received` counts bytes from outside, `refusals` what was not let through, `over_limit` whether the cap was met.
    """

    def __init__(
        self, rules: HostRules, *, max_bytes: int, idle_seconds: float = 60.0, resolve: Resolve = system_resolve
    ) -> None:
        self.received = 0
        self.over_limit = False
        self.refusals: list[Refusal] = []
        self._rules = rules
        self._max_bytes = max_bytes
        self._idle_seconds = idle_seconds
        self._resolve = resolve
        self._token = secrets.token_urlsafe(24)
        self._tasks: set[asyncio.Task[None]] = set()
        self._strangers: dict[asyncio.Task[None], None] = {}
        self._served = 0
        self._listener = socket.socket()

    @property
    def url(self) -> str:
        """Where the proxy listens, with its credentials; a secret."""
        return f"http://job:{self._token}@127.0.0.1:{self._listener.getsockname()[1]}"

    async def __aenter__(self) -> FilterProxy:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(CONNECTIONS)
        self._listener.setblocking(False)
        self._start(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _welcome(self, client: socket.socket) -> None:
        """Listen to a new connection. The job shows its token at once, so the longest silent stranger makes room."""
        if len(self._strangers) >= STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.cancel()
        task = self._start(self._serve(client))
        self._strangers[task] = None

        def gone(task: asyncio.Task[None]) -> None:
            self._strangers.pop(task, None)
            client.close()  # cancelled before its first step, the task itself closes nothing

        task.add_done_callback(gone)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError:  # out of file descriptors: the clients retry
                await asyncio.sleep(0.1)
                continue
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._welcome(client)

    async def _serve(self, client: socket.socket) -> None:
        try:
            head, ahead = await self._read_head(client)
            self._authorize(head)
            with self._serving():
                await self._forward(client, head, ahead)
        except BadRequest as error:
            await self._answer(client, error.status, error.words)
        except _Refused as error:
            self.refusals = [*self.refusals[-_REMEMBERED:], error.refusal]
            words = f"the hub does not let downloads reach {error.refusal.host} ({error.refusal.reason})"
            await self._answer(client, 403, words)
        except EOFError:
            pass
        except (OSError, TimeoutError, _OverLimit):
            _reset(client)
        finally:
            client.close()

    @contextlib.contextmanager
    def _serving(self) -> Iterator[None]:
        """One of the job's own connections, of which there is a bound too."""
        if (task := asyncio.current_task()) is not None:
            self._strangers.pop(task, None)
        if self._served >= CONNECTIONS:
            raise BadRequest(503, "too many connections")
        self._served += 1
        try:
            yield
        finally:
            self._served -= 1

    def _authorize(self, head: Head) -> None:
        if not hmac.compare_digest(basic_password(head.authorization).encode(), self._token.encode()):
            raise BadRequest(407, "give the job's token")

    async def _read_head(self, client: socket.socket) -> tuple[Head, bytes]:
        async with asyncio.timeout(HEAD_SECONDS):
            data, ahead = await _read_to_empty_line(client)
        return parse_head(data), ahead

    async def _answer(self, client: socket.socket, status: int, words: str) -> None:
        extra = 'Proxy-Authenticate: Basic realm="job"\r\n' if status == 407 else ""
        body = f"{words}\n".encode()
        head = f"HTTP/1.1 {status} Refused by proxy\r\n{extra}Content-Type: text/plain\r\nContent-Length: {len(body)}"
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(HEAD_SECONDS):
                await asyncio.get_running_loop().sock_sendall(
                    client, f"{head}\r\nConnection: close\r\n\r\n".encode() + body
                )

    async def _addresses(self, host: str, port: int) -> list[str]:
        """The checked addresses of a host, all of them allowed. Raises `_Refused` or `BadRequest`."""
        if not self._rules.allows_host(host):
            raise _Refused(Refusal(host, port, "host"))
        if not self._rules.allows_port(port):
            raise _Refused(Refusal(host, port, "port"))
        try:
            found: Sequence[str] = [str(ipaddress.ip_address(host))]
        except ValueError:
            try:
                async with asyncio.timeout(RESOLVE_SECONDS):
                    found = await self._resolve(host)
            except (OSError, UnicodeError):
                raise BadRequest(502, f"no address found for {host}") from None
        # One private address among public ones is refused too: which of them answers is not for the name to choose.
        if not found or not all(self._rules.allows_address(ipaddress.ip_address(one)) for one in found):
            raise _Refused(Refusal(host, port, "address"))
        return list(found)[:4]

    async def _connect(self, host: str, port: int) -> socket.socket:
        loop = asyncio.get_running_loop()
        for address in await self._addresses(host, port):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            upstream = socket.socket(family, socket.SOCK_STREAM)
            upstream.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await loop.sock_connect(upstream, (address, port))
            except (OSError, TimeoutError):
                upstream.close()
            except BaseException:
                upstream.close()
                raise
            else:
                upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return upstream
        raise BadRequest(502, f"{host} does not answer")

    async def _forward(self, client: socket.socket, head: Head, ahead: bytes) -> None:
        if self.over_limit:
            raise _OverLimit
        loop = asyncio.get_running_loop()
        upstream = await self._connect(head.host, head.port)
        try:
            if head.tunnel:
                await loop.sock_sendall(client, b"HTTP/1.1 200 Connection established\r\n\r\n")
                await loop.sock_sendall(upstream, ahead)
                await self._both_ways(client, upstream)
            else:
                await loop.sock_sendall(upstream, head.forward)
                await self._send_body(client, upstream, ahead, head.body)
                await self._receive(client, upstream)
        finally:
            upstream.close()

    async def _send_body(self, client: socket.socket, upstream: socket.socket, ahead: bytes, size: int) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._idle_seconds):
            while size:
                piece = ahead or await loop.sock_recv(client, 64 * 1024)
                if not piece:
                    raise EOFError
                await loop.sock_sendall(upstream, piece[:size])
                ahead, size = b"", size - len(piece[:size])

    async def _receive(self, client: socket.socket, upstream: socket.socket) -> None:
        """Pass the answer on until the server ends it, or the client goes away."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._idle_seconds):
            data, ahead = await _read_to_empty_line(upstream)
            head = closing_head(data) + ahead
            await loop.sock_sendall(client, head)
        self._count(len(head))
        leaving = loop.sock_recv(client, 1)  # nothing may come any more, so whatever comes is the end
        await _first(self._pump(upstream, client), leaving)

    async def _both_ways(self, client: socket.socket, upstream: socket.socket) -> None:
        await _first(self._pump(upstream, client), self._pump(client, upstream, counted=False))

    def _count(self, size: int) -> None:
        self.received += size
        if self.received > self._max_bytes:
            self.over_limit = True
            raise _OverLimit

    async def _pump(self, source: socket.socket, sink: socket.socket, *, counted: bool = True) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()

        def moved(size: int) -> None:
            nonlocal last
            last = loop.time()
            if counted:
                self._count(size)

        running = asyncio.ensure_future(Pump(source, sink, moved).run())
        try:
            while not running.done():
                # The other direction of a tunnel may rest while this one is busy; its own end is what ends it.
                wait = last + self._idle_seconds - loop.time() if counted else None
                if wait is not None and wait <= 0:
                    raise TimeoutError(f"nothing came for {self._idle_seconds:g} s")
                await asyncio.wait({running}, timeout=wait)
            running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
