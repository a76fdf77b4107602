"""However a websocket is left, it is left within moments, and no task, socket or complaint stays behind, on either loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket as sockets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from medianest_hub.infrastructure.http_client import HttpClient, HttpClients
from medianest_hub.plugin_api import TlsTrust, WebSocket
from medianest_hub.plugin_api.errors import HubError, UpstreamError
from medianest_hub.testing import Authority, FakeUpstream, Fault, SocketFault

HOME = Authority()
TLS = TlsTrust(ca=HOME.pem)

Scenario = Callable[[HttpClient, FakeUpstream], Coroutine[Any, Any, None]]


def connected_to(port: int) -> int:
    """How many sockets of this process are connected to that port."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with sockets.socket(fileno=os.dup(int(name))) as one:
                    count += one.family is sockets.AF_INET and one.getpeername()[1] == port
    return count


async def tried(scenario: Scenario, *, tls: bool) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    upstream, clients = FakeUpstream(), HttpClients()
    await upstream.start()
    if tls:
        await upstream.restart(HOME.certificate())
    port = int(upstream.url.rpartition(":")[2])
    try:
        before = asyncio.all_tasks()
        async with asyncio.timeout(20):
            await scenario(clients.client("weather"), upstream)
        for _ in range(10):  # what is closed is let go of by the loop, in its next turns
            await asyncio.sleep(0)
        assert connected_to(port) == 0
        assert {
            task.get_name() for task in asyncio.all_tasks() - before if task.get_name().startswith("websocket")
        } == set()
    finally:
        await clients.close()
        await upstream.stop()
    assert complaints == []


async def cancelled(task: asyncio.Task[None]) -> None:
    began = time.monotonic()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert time.monotonic() - began < 0.9


@contextlib.asynccontextmanager
async def opened(http: HttpClient, upstream: FakeUpstream, **options: Any) -> AsyncIterator[WebSocket]:
    async with http.websocket(f"{upstream.url}/live", tls=TLS, **options) as socket:
        yield socket


async def send_for_ever(socket: WebSocket) -> None:
    while True:
        await socket.send("x" * 1024 * 1024)


async def leaving(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.websocket("/live", "sunny")
    for ping in (None, 0.01):
        async with opened(http, upstream, ping=ping) as socket:
            await socket.receive()
        assert await upstream.sockets[-1].gone() == 1000


async def leaving_unread_messages(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.websocket("/live", *["x" * 100_000] * 50)
    async with opened(http, upstream, cap=100_000) as socket:
        await socket.receive()


async def leaving_by_an_error(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.websocket("/live", "sunny")

    async def stumble() -> None:
        async with opened(http, upstream) as socket:
            await socket.receive()
            raise LookupError

    with pytest.raises(LookupError):
        await stumble()
    assert await upstream.sockets[0].gone() == 1000


async def leaving_one_that_does_not_answer(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.websocket("/live", SocketFault.SILENCE)
    async with opened(http, upstream):
        await upstream.opened()
        began = time.monotonic()
    assert time.monotonic() - began < 3


async def leaving_one_that_takes_nothing_in(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.websocket("/live", SocketFault.SILENCE)
    async with opened(http, upstream, deadline=1) as socket:
        with pytest.raises(UpstreamError):
            await send_for_ever(socket)
        began = time.monotonic()
    assert time.monotonic() - began < 3


async def leaving_one_that_ended(http: HttpClient, upstream: FakeUpstream) -> None:
    for fault in (SocketFault.END, SocketFault.CUT, SocketFault.GARBAGE, SocketFault.HUGE):
        upstream.forget()
        upstream.websocket("/live", fault)
        async with opened(http, upstream, cap=1000) as socket:
            with pytest.raises(UpstreamError):
                await socket.receive()
            began = time.monotonic()
        assert time.monotonic() - began < 0.9


async def being_refused(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.answer("GET", "/live", status=401)
    upstream.answer("GET", "/live", status=404, body="x" * 1_000_000)
    upstream.answer("GET", "/live", status=302, headers={"Location": "/other"})
    upstream.answer("GET", "/live", status=101, headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    for fault in (Fault.RESET, Fault.EMPTY, Fault.GARBAGE, Fault.HANG):
        upstream.answer("GET", "/live", fault=fault)
    for _ in range(8):
        with pytest.raises(HubError):
            async with opened(http, upstream, service=str(_), deadline=0.5):
                pytest.fail("it was opened")
    assert len(upstream.requests) == 8


async def being_cancelled_while_connecting(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.answer("GET", "/live", fault=Fault.HANG)
    task = asyncio.create_task(_receive(http, upstream))
    await upstream.seen()
    await cancelled(task)


async def being_cancelled_at_any_turn(http: HttpClient, upstream: FakeUpstream) -> None:
    """Wherever it stands after that many turns of the loop."""
    upstream.websocket("/live", "sunny")
    for turns in range(60):
        task = asyncio.create_task(_leave_at_once(http, upstream))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None


async def being_cancelled_while_receiving(http: HttpClient, upstream: FakeUpstream) -> None:
    for script in ((), (SocketFault.SILENCE,)):
        upstream.forget()
        upstream.websocket("/live", *script)
        task = asyncio.create_task(_receive(http, upstream))
        await upstream.opened()
        began = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert time.monotonic() - began < 3


async def being_cancelled_while_closing(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.websocket("/live", SocketFault.SILENCE)
    closing = asyncio.Event()

    async def leave() -> None:
        async with opened(http, upstream, ping=5):
            await upstream.opened()
            closing.set()

    task = asyncio.create_task(leave())
    await closing.wait()
    await cancelled(task)


async def being_closed_with_the_context(http: HttpClient, upstream: FakeUpstream) -> None:
    upstream.websocket("/live")
    upstream.websocket("/live", SocketFault.SILENCE)
    tasks = [asyncio.create_task(_receive(http, upstream)) for _ in range(2)]
    await upstream.opened(2)
    began = time.monotonic()
    await http.close()
    assert time.monotonic() - began < 3
    await asyncio.wait(tasks)
    assert all(isinstance(task.exception(), HubError) for task in tasks)


async def _receive(http: HttpClient, upstream: FakeUpstream) -> None:
    async with opened(http, upstream, ping=5) as socket:
        await socket.receive()
        pytest.fail("there was a message")


async def _leave_at_once(http: HttpClient, upstream: FakeUpstream) -> None:
    async with opened(http, upstream, ping=5) as socket:
        await socket.receive()


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", sorted(LOOPS))
@pytest.mark.parametrize(
    "scenario",
    [
        leaving,
        leaving_unread_messages,
        leaving_by_an_error,
        leaving_one_that_does_not_answer,
        leaving_one_that_takes_nothing_in,
        leaving_one_that_ended,
        being_refused,
        being_cancelled_while_connecting,
        being_cancelled_at_any_turn,
        being_cancelled_while_receiving,
        being_cancelled_while_closing,
        being_closed_with_the_context,
    ],
)
def test_nothing_stays_behind(scenario: Scenario, loop: str, tls: bool) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(tried(scenario, tls=tls))


@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_nothing_stays_behind_when_tls_never_comes_about(loop: str) -> None:
    """The port takes connections and says nothing, so that the handshake of TLS itself waits."""

    async def try_it() -> None:
        came = asyncio.Event()
        kept: list[asyncio.StreamWriter] = []

        async def keep(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            kept.append(writer)
            came.set()

        clients = HttpClients()
        async with await asyncio.start_server(keep, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]

            async def connect(deadline: float) -> None:
                async with clients.client("weather").websocket(f"https://127.0.0.1:{port}/", deadline=deadline):
                    pytest.fail("it was opened")

            task = asyncio.create_task(connect(30))
            await came.wait()
            await cancelled(task)
            with pytest.raises(UpstreamError):
                await connect(0.2)
            for _ in range(10):
                await asyncio.sleep(0)
            assert connected_to(port) == 0
            for writer in kept:
                writer.close()
        await clients.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(try_it())
