"""The push service: endpoints browsers subscribed at, over https, which verifies and decrypts what is sent to them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from tests.simulators.faults import Faults
from tests.simulators.push.receiving import BrowserKeys, NotForUs, check_authorization, decoded, decrypt, encoded


class PushFaults(Faults):
    """Besides the common ones, what a push service says: `gone` (410), `busy` (429), `key` (403), `large` (413)."""

    others = frozenset({"gone", "busy", "key", "large"})

    async def special(self, fault: str, route: str, request: web.Request, handler: Any) -> web.StreamResponse | None:
        """Answers of its own."""
        match fault:
            case "gone":
                return web.json_response({"code": 410, "errno": 106, "error": "Gone"}, status=410)
            case "busy":
                return web.Response(status=429, headers={"Retry-After": "90"})
            case "key":
                return web.json_response({"code": 403, "errno": 109, "error": "VapidPkHashMismatch"}, status=403)
            case "large":
                return web.Response(status=413)
        return None


@dataclass
class Browser:
    """One subscription: what its page was given, and what its service worker was told."""

    endpoint: str
    keys: BrowserKeys
    hub_key: bytes
    told: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)

    def subscription(self) -> dict[str, Any]:
        """As `PushSubscription.toJSON()`."""
        keys = {"p256dh": encoded(self.keys.point), "auth": encoded(self.keys.secret)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}


class PushService:
    """`async with PushService(certificate).running() as service:`, then `subscribe`. Refusals are listed in `refused`."""

    def __init__(self, certificate: ssl.SSLContext) -> None:
        self.faults = PushFaults()
        self.refused: list[str] = []
        self.asked = 0
        self.origin = ""
        self._tls = certificate
        self._browsers: dict[str, Browser] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[PushService]:
        """Serve on 127.0.0.1 until the block ends."""
        app = web.Application(middlewares=[self._spoil])
        app.router.add_post("/push/{token}", self._push)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.origin = f"https://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self.faults.closing.set()
            await runner.cleanup()

    def subscribe(self, application_server_key: str) -> Browser:
        """A browser allows push to whoever has that key."""
        token = secrets.token_urlsafe(24)
        keys = BrowserKeys(ec.generate_private_key(ec.SECP256R1()), os.urandom(16))
        browser = Browser(f"{self.origin}/push/{token}", keys, decoded(application_server_key))
        self._browsers[token] = browser
        return browser

    def unsubscribe(self, browser: Browser) -> None:
        """The person took it back in the browser."""
        del self._browsers[browser.endpoint.rpartition("/")[2]]

    @web.middleware
    async def _spoil(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked += 1
        await request.read()
        return await self.faults.answer("push", request, handler)

    async def _push(self, request: web.Request) -> web.Response:
        browser = self._browsers.get(request.match_info["token"])
        if browser is None:
            return web.json_response({"code": 410, "errno": 106, "error": "Gone"}, status=410)
        try:
            claims = check_authorization(request.headers["Authorization"], self.origin, browser.hub_key)
        except (NotForUs, KeyError, ValueError) as error:
            self.refused.append(repr(error))
            return web.json_response({"code": 403, "errno": 109, "error": "Unauthorized"}, status=403)
        if request.headers.get("Content-Encoding") != "aes128gcm" or not request.headers.get("TTL", "").isdigit():
            self.refused.append("no aes128gcm, or no TTL")
            return web.json_response({"code": 400, "errno": 110, "error": "Bad Request"}, status=400)
        # A push service could not read it. This one also stands for the browser.
        browser.told.append(json.loads(decrypt(await request.read(), browser.keys)))
        browser.headers.append(dict(request.headers))
        browser.claims.append(claims)
        return web.Response(status=201, headers={"Location": f"{self.origin}/m/{secrets.token_urlsafe(8)}", "TTL": "0"})
