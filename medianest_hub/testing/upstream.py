"""A small HTTP server that answers what a test scripts, delays and faults included; it knows no service and keeps no state."""

from __future__ import annotations

import asyncio
import json as json_text
import socket
import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web
from multidict import CIMultiDict

from medianest_hub.testing.certificates import Certificate
from medianest_hub.testing.upstream_sockets import FakeWebSocket, Step

_UNSET: Any = object()


class Fault(StrEnum):
    """How an outside service can fail on the wire."""

    HANG = "hang"
    """Takes the request and never answers."""
    RESET = "reset"
    """Resets the connection."""
    EMPTY = "empty"
    """Closes the connection without an answer."""
    GARBAGE = "garbage"
    """Answers something that is not HTTP."""
    CUT = "cut"
    """Promises the whole body, sends half of it and closes."""
    DRIP = "drip"
    """Sends the body one byte at a time, `delay` seconds (default 0.05) apart."""
    ENDLESS = "endless"
    """Begins with the body and goes on for ever."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer; `delay` in seconds before it."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One request the upstream got; header names are case-insensitive."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The parsed body."""
        return json_text.loads(self.body)


_Script: TypeAlias = tuple[Step, ...]


class FakeUpstream:
    """`url` is its root, without a trailing slash. Answers of one method and path are given in order, the last for ever.

        fake_upstream.answer("GET", "/word", status=503)
        fake_upstream.answer("GET", "/word", json={"word": "sunny"})
        fake_upstream.websocket("/live", "welcome", Hear("subscribe"), {"word": "sunny"})

    A request nobody scripted gets 404 and is listed in `unexpected`. `sockets` are all websockets that were opened.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Seen] = []
        self.unexpected: list[str] = []
        self.sockets: list[FakeWebSocket] = []
        self._answers: dict[tuple[str, str], list[Answer | _Script]] = defaultdict(list)
        self._talking: set[FakeWebSocket] = set()
        self._came = asyncio.Condition()
        self._closing = asyncio.Event()
        self._runner: web.ServerRunner | None = None
        self._certificate: Certificate | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one. After `stop` it may be started again on the same port."""
        tls = await asyncio.to_thread(self._certificate.context) if self._certificate is not None else None
        self._closing.clear()
        self._runner = web.ServerRunner(web.Server(self._serve), handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        host, taken, *_ = self._runner.addresses[0]
        self.url = f"{'http' if tls is None else 'https'}://{host}:{taken}"

    async def stop(self) -> None:
        """Stop listening and drop every connection: from now on the service cannot be reached."""
        self._closing.set()
        for one in self._talking:
            one.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def restart(self, certificate: Certificate | None = None) -> None:
        """Listen again where it listened before; with a certificate by https from then on (`url` says so)."""
        await self.stop()
        self._certificate = certificate or self._certificate
        await self.start(urlsplit(self.url).port or 0)

    def answer(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        json: Any = _UNSET,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        fault: Fault | None = None,
    ) -> None:
        """Script the next answer to `method path` (the path without its query). Give `json` or `body`, not both."""
        kept = CIMultiDict(headers or {})
        if json is not _UNSET:
            if body:
                raise ValueError("give json or body, not both")
            body = json_text.dumps(json)
            kept.setdefault("Content-Type", "application/json")
        raw = body.encode() if isinstance(body, str) else body
        self._answers[method.upper(), path].append(Answer(status, raw, kept, delay, fault))

    def websocket(self, path: str, *script: Step) -> None:
        """Script the next websocket at that path, among the answers to `GET path`: that is how one is refused, or hangs.

        `script`: text, bytes or JSON to say, `Hear` to wait for the plugin, `SocketFault`s. After the last step the websocket
        stays open; pings are answered.
        """
        self._answers["GET", path].append(script)

    def forget(self) -> None:
        """Drop all scripted answers and all seen requests; the server goes on, and so do open websockets."""
        self._answers.clear()
        self.requests.clear()
        self.sockets.clear()
        self.unexpected.clear()

    async def seen(self, count: int = 1, within: float = 5.0) -> list[Seen]:
        """Wait until at least `count` requests have come in; `TimeoutError` after `within` seconds."""
        async with asyncio.timeout(within), self._came:
            await self._came.wait_for(lambda: len(self.requests) >= count)
        return list(self.requests)

    async def opened(self, count: int = 1, within: float = 5.0) -> list[FakeWebSocket]:
        """Wait until at least `count` websockets have been opened; `TimeoutError` after `within` seconds."""
        async with asyncio.timeout(within), self._came:
            await self._came.wait_for(lambda: len(self.sockets) >= count)
        return list(self.sockets)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = Seen(request.method, request.path, dict(request.query), request.headers.copy(), await request.read())
        async with self._came:
            self.requests.append(seen)
            self._came.notify_all()
        script = self._answers.get((request.method, request.path))
        if not script:
            self.unexpected.append(f"{request.method} {request.path}")
            return web.json_response({"error": f"nobody scripted {request.method} {request.path}"}, status=404)
        answer = script.pop(0) if len(script) > 1 else script[0]
        if not isinstance(answer, Answer):
            return await self._talk(request, seen, answer)
        if answer.delay and answer.fault is not Fault.DRIP:
            await self._pause(answer.delay)
        if self._closing.is_set():
            return await self._fail(request, answer, Fault.EMPTY)
        if answer.fault is None:
            return web.Response(status=answer.status, body=answer.body, headers=CIMultiDict(answer.headers))
        return await self._fail(request, answer, answer.fault)

    async def _talk(self, request: web.BaseRequest, seen: Seen, script: _Script) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=426)
        socket = FakeWebSocket(seen, request, self.unexpected.append)
        self._talking.add(socket)
        try:
            return await socket.follow(script, self._opened)
        finally:
            self._talking.discard(socket)

    async def _opened(self, socket: FakeWebSocket) -> None:
        async with self._came:
            self.sockets.append(socket)
            self._came.notify_all()

    async def _fail(self, request: web.BaseRequest, answer: Answer, fault: Fault) -> web.StreamResponse:
        transport = request.transport
        if fault is Fault.HANG:
            await self._closing.wait()
        elif fault is Fault.GARBAGE and transport is not None:
            transport.write(b"\x00\x01 this is not HTTP \xff\r\n\r\n")
        elif fault is Fault.RESET and transport is not None:
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close now sends RST
        elif fault in (Fault.CUT, Fault.DRIP, Fault.ENDLESS):
            return await self._send_badly(request, answer, fault)
        if transport is not None:
            transport.close()
        return web.Response()

    async def _send_badly(self, request: web.BaseRequest, answer: Answer, fault: Fault) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=CIMultiDict(answer.headers))
        if fault is Fault.ENDLESS:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(answer.body)
        await response.prepare(request)
        try:
            if fault is Fault.CUT:
                await response.write(answer.body[: len(answer.body) // 2])
                if request.transport is not None:
                    request.transport.close()
            elif fault is Fault.DRIP:
                for byte in answer.body:
                    await response.write(bytes([byte]))
                    await self._pause(answer.delay or 0.05)
            else:
                while not self._closing.is_set():
                    await response.write(answer.body or b" " * 4096)
        except ConnectionError:
            pass  # the other side gave up, which is what such a test waits for
        return response

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return
