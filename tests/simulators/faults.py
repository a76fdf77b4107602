"""The ways an HTTP answer can go wrong, for every simulator, switched on by the name of a route; knows no service."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from aiohttp import web


class Fault(StrEnum):
    """What a caller gets instead of the answer."""

    HANG = "hang"
    SLOW = "slow"
    """The right answer, half a second late."""
    RESET = "reset"
    EMPTY = "empty"
    CUT = "cut"
    ENDLESS = "endless"
    HTML = "html"
    HTML_401 = "html_401"
    HTML_404 = "html_404"
    JSON_403 = "json_403"
    NOT_JSON = "not_json"
    OTHER_SHAPE = "other_shape"
    NOTHING = "nothing"
    REDIRECT = "redirect"
    STATUS_429 = "429"
    STATUS_500 = "500"
    STATUS_502 = "502"
    STATUS_503 = "503"
    STATUS_504 = "504"


@dataclass
class _Planned:
    fault: str
    times: int | None


SLOW_SECONDS = 0.5
_HTML = "<!doctype html><title>Sorry</title><h1>Something went wrong</h1>"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Faults:
    """`set("user", "hang")` spoils the route of that name until `clear`, or so many times.

    A simulator adds faults of its own by `others` and answers with them in `special`, which may also answer a common
    fault in the service's own words.
    """

    others: ClassVar[frozenset[str]] = frozenset()
    beginning: ClassVar[str] = '{"id": 1, "code": "'
    """Of the answers that are cut, never end, or are no JSON."""
    refusal: ClassVar[dict[str, Any]] = {"error": "Not allowed"}

    def __init__(self) -> None:
        self.closing = asyncio.Event()
        self._planned: dict[str, _Planned] = {}

    def set(self, route: str, fault: str, times: int | None = None) -> None:
        """Spoil the answers of that route. Raises ValueError for a fault nobody knows."""
        self._planned[route] = _Planned(fault if fault in self.others else Fault(fault), times)

    def clear(self) -> None:
        """All is well again."""
        self._planned.clear()

    def take(self, route: str) -> str | None:
        """The fault planned for this answer, which counts as given."""
        planned = self._planned.get(route)
        if planned is None:
            return None
        if planned.times is not None:
            planned.times -= 1
            if planned.times <= 0:
                del self._planned[route]
        return planned.fault

    async def answer(self, route: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer, spoiled if so planned."""
        fault = self.take(route)
        if fault is None:
            return await handler(request)
        if fault == Fault.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
            return await handler(request)
        own = await self.special(fault, route, request, handler)
        return own if own is not None else await self._spoiled(Fault(fault), request)

    async def special(
        self, fault: str, route: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse | None:
        """The service's own way to fail so; None leaves it to the common way."""
        return None

    async def _spoiled(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if fault.value.isdigit():
            return web.Response(text=_HTML, status=int(fault.value), content_type="text/html")
        match fault:
            case Fault.HANG:
                await self.closing.wait()
            case Fault.CUT | Fault.ENDLESS:
                return await self._stream(fault, request)
            case Fault.HTML | Fault.HTML_401 | Fault.HTML_404:
                status = int(fault.value.rpartition("_")[2]) if "_" in fault.value else 200
                return web.Response(text=_HTML, status=status, content_type="text/html")
            case Fault.JSON_403:
                return web.json_response(self.refusal, status=403)
            case Fault.NOT_JSON:
                return web.Response(text=self.beginning, content_type="application/json")
            case Fault.OTHER_SHAPE:
                return web.json_response({"unexpected": [True, None, {"id": "x" * 100}]})
            case Fault.NOTHING:
                return web.Response(text="", content_type="application/json")
            case Fault.REDIRECT:
                return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"})
            case _:
                drop(request, reset=fault is Fault.RESET)
        return web.Response()

    async def _stream(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if fault is Fault.CUT:
            response.content_length = 1000
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            await response.write(self.beginning.encode())
            while fault is Fault.ENDLESS and not self.closing.is_set():
                await response.write(b"x" * 65536)
        except ConnectionError:
            return response  # the caller had enough, which is what a test waits for
        drop(request)
        return response


def drop(request: web.Request, *, reset: bool = False) -> None:
    """End the connection without another word; `reset` ends it with RST."""
    transport = request.transport
    if transport is None:
        return
    if reset:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close now sends RST
    transport.close()
