"""Runs the three servers in a thread of their own, and tells tests what they were asked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from . import accounts, media_server, pins, sign_in_page
from .faults import Faults, Handler
from .rendering import MISSING_CLIENT, problem
from .world import Account, World


@dataclass(frozen=True)
class Asked:
    """One request that came in; `route` is the name it has in the simulator."""

    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class PlexSimulator:
    """`plex_tv_url`, `app_url` and `server_url` are roots without a trailing slash. Use it in `with sim.running():`."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.world = World()
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.broken: list[Exception] = []
        self.plex_tv_url = self.app_url = self.server_url = ""
        self._host = host
        self._ports = [port and port + offset for offset in range(3)]

    @contextlib.contextmanager
    def running(self) -> Iterator[PlexSimulator]:
        """Serve until the block ends."""
        started, failed = threading.Event(), []
        loop = asyncio.new_event_loop()

        def run() -> None:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(self._serve(started))
            except BaseException as error:
                failed.append(error)
            finally:
                started.set()
                loop.close()

        thread = threading.Thread(target=run, name="plex-simulator", daemon=True)
        thread.start()
        started.wait()
        if failed:
            raise failed[0]
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(self.faults.closing.set)
            thread.join()
        # A mistake here would look like a fault of Plex, and pass as one.
        assert self.broken == []

    def approve(self, url: str, who: str | Account) -> str:
        """What a browser does at the sign-in page of this address: that person says yes. Returns where it goes then."""
        assert url.startswith(f"{self.app_url}/auth"), url
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).fragment.lstrip("!?")).items()}
        pin = self.world.pin_of_code(asked["code"])
        assert pin is not None, "this sign-in has expired"
        assert pin.client_identifier == asked["clientID"]
        self.world.approve(pin, self.world.find(who) if isinstance(who, str) else who)
        return asked.get("forwardUrl", "")

    def asked_of(self, route: str) -> list[Asked]:
        """The requests to one route."""
        return [one for one in self.asked if one.route == route]

    async def _serve(self, started: threading.Event) -> None:
        self.faults.closing = asyncio.Event()
        runners: list[web.AppRunner] = []
        try:
            self.server_url = await self._site(runners, self._ports[0], media_server.routes(self.world))
            plex_tv = [*pins.routes(self.world), *accounts.routes(self.world, self.server_url)]
            self.plex_tv_url = await self._site(runners, self._ports[1], plex_tv)
            self.app_url = await self._site(runners, self._ports[2], sign_in_page.routes(self.world))
            started.set()
            await self.faults.closing.wait()
        finally:
            for runner in runners:
                await runner.cleanup()

    async def _site(self, runners: list[web.AppRunner], port: int, routes: list[web.RouteDef]) -> str:
        app = web.Application(middlewares=[self._middleware()])
        app.add_routes(routes)
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self._host, port).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    def _middleware(self) -> Middleware:
        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            route = request.match_info.route.name or ""
            self.asked.append(Asked(route, request.method, request.path, dict(request.query), dict(request.headers)))
            if request.path.startswith("/api/v2/") and not request.headers.get("X-Plex-Client-Identifier"):
                return problem(request, MISSING_CLIENT)
            try:
                return await self.faults.answer(route, request, handler)
            except (web.HTTPException, ConnectionError, asyncio.CancelledError):
                raise
            except Exception as error:
                self.broken.append(error)
                raise

        return note
