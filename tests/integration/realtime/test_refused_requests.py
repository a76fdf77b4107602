"""What is no websocket is refused like everything else is; connections that break leave nothing behind."""

import asyncio
import gc
import socket
import struct
from typing import Any

import aiohttp
import pytest

from .conftest import StartReplica

FRONT = "http://front.test:3000"
OF_A_CONNECTION = {"WebsocketImplProtocol.auto_close_connection", "WebsocketImplProtocol.keepalive_ping"}
"""The tasks Sanic makes for each websocket."""


@pytest.mark.parametrize(
    "query",
    [
        "EIO=4&transport=websocket&sid=%3Cscript%3Ealert(1)%3C/script%3E",
        "EIO=4&transport=polling",
        "EIO=3&transport=websocket",
        "EIO=4&transport=websocket&j=x",
        "EIO=4&transport=websocket",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refusal_is_a_problem_with_the_headers_of_all_answers(
    start_replica: StartReplica, query: str, method: str
) -> None:
    replica = await start_replica(MEDIANEST_SERVER__CORS_ORIGINS=FRONT)
    url = f"{replica.url}/socket.io/?{query}"
    async with aiohttp.ClientSession() as session:
        for origin in (None, FRONT, "http://evil.test/<script>"):
            headers = {"Origin": origin, "X-Request-ID": "mine"} if origin else {"X-Request-ID": "mine"}
            async with session.request(method, url, headers=headers) as answer:
                text = await answer.text()
                assert answer.status == 400
                assert answer.content_type == "application/problem+json"
                assert (await answer.json(content_type=None))["code"] == "bad_request"
            assert "script" not in text
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert answer.headers["X-Request-ID"] == "mine"
            allowed = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-Allow")}
            assert allowed.get("Access-Control-Allow-Origin") == (FRONT if origin == FRONT else None)
            assert bool(allowed) == (origin == FRONT)


async def test_connections_that_break_leave_no_task_behind(start_replica: StartReplica) -> None:
    replica = await start_replica()
    loop, wrong = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, context: wrong.append(context))
    port = int(replica.url.rpartition(":")[2])
    request = (
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    for number in range(6):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await reader.readuntil(b"}")  # the library's first packet: the websocket is up
        if number % 2:
            writer.write(b"\x81\x85\0\0\0\x0040{}x")
        raw: Any = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # an abort, not an end
        writer.transport.abort()
    async with asyncio.timeout(5):
        while replica.realtime.door.guests:
            await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        while {task.get_coro().__qualname__ for task in asyncio.all_tasks()} & OF_A_CONNECTION:  # type: ignore[union-attr]
            await asyncio.sleep(0.02)
    gc.collect()
    assert not wrong
