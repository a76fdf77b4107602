"""ntfy, Gotify, Mattermost and a plain webhook on one port, as far as somebody who sends to them sees of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.simulators.faults import Faults


class SinkFaults(Faults):
    """Besides the common ones: `away` sends elsewhere, by the address in `elsewhere`."""

    others = frozenset({"away", "forbidden", "busy"})

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere = "http://127.0.0.1:1/"
        self.status = 307

    async def special(self, fault: str, route: str, request: web.Request, handler: Any) -> web.StreamResponse | None:
        """Answers of these services' own."""
        if fault == "away":
            return web.Response(status=self.status, headers={"Location": self.elsewhere})
        if fault == "forbidden":
            return web.json_response({"code": 40301, "http": 403, "error": "forbidden"}, status=403)
        if fault == "busy":
            words = {"code": 42901, "http": 429, "error": "limit reached: too many requests"}
            return web.json_response(words, status=429, headers={"Retry-After": "40"})
        return None


@dataclass(frozen=True)
class Arrived:
    """One message: at which service, for which topic or token, and its words."""

    service: str
    to: str
    title: str
    body: str
    raw: dict[str, Any]


class NotifySinks:
    """`async with NotifySinks().running() as sinks:`; what arrived is in `arrived`, every request in `asked`."""

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.arrived: list[Arrived] = []
        self.asked: list[str] = []
        self.faults = SinkFaults()
        self.token = "AgotifyTokenOf15"
        self.port = 0
        self._tls = certificate

    @property
    def host(self) -> str:
        """Address and port, as an Apprise address has them."""
        return f"127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[NotifySinks]:
        """Serve on 127.0.0.1 until the block ends."""
        app = web.Application(middlewares=[self._spoil])
        app.router.add_post("/", self._ntfy)
        app.router.add_post("/message", self._gotify)
        app.router.add_post("/hooks/{token}", self._mattermost)
        app.router.add_route("*", "/hook/{name}", self._webhook)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=self._tls)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            self.faults.closing.set()
            await runner.cleanup()

    async def until(self, count: int, within: float = 20.0) -> list[Arrived]:
        """What arrived, once it is that many."""
        ends = time.monotonic() + within
        while len(self.arrived) < count:
            if time.monotonic() > ends:
                raise TimeoutError(f"{len(self.arrived)} of {count} arrived; asked: {self.asked}")
            await asyncio.sleep(0.02)
        return self.arrived

    @web.middleware
    async def _spoil(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        await request.read()
        return await self.faults.answer("message", request, handler)

    def _keep(self, service: str, to: str, title: str, body: str, raw: dict[str, Any]) -> None:
        self.arrived.append(Arrived(service, to, title, body, raw))

    async def _ntfy(self, request: web.Request) -> web.Response:
        message = await request.json()
        if not isinstance(message.get("topic"), str) or not message.get("message"):
            return web.json_response(
                {"code": 40009, "http": 400, "error": "invalid request: topic invalid"}, status=400
            )
        self._keep("ntfy", message["topic"], message.get("title", ""), message["message"], message)
        answer = {"id": "xyz", "time": int(time.time()), "event": "message", "topic": message["topic"]}
        return web.json_response(answer | {"message": message["message"]})

    async def _gotify(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Gotify-Key") != self.token and request.query.get("token") != self.token:
            words = {"error": "Unauthorized", "errorCode": 401}
            return web.json_response(
                words | {"errorDescription": "you need to provide a valid access token"}, status=401
            )
        message = await request.json()
        self._keep("gotify", self.token, message.get("title", ""), message["message"], message)
        return web.json_response({"id": len(self.arrived), "appid": 1, "message": message["message"]})

    async def _mattermost(self, request: web.Request) -> web.Response:
        form = await request.post()
        message = json.loads(str(form["payload"])) if "payload" in form else await request.json()
        self._keep("mattermost", request.match_info["token"], "", str(message.get("text", "")), message)
        return web.Response(text="ok")

    async def _webhook(self, request: web.Request) -> web.Response:
        message = await request.json()
        self._keep("json", request.match_info["name"], message.get("title", ""), message.get("message", ""), message)
        return web.json_response({})
