"""One life of the process: a port, an app and its sockets, from start to end; a new start makes a new one."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Middleware

from .asked import Asked, Log
from .faults import Faults, Handler
from .pushes import after_beat
from .rest import Rest
from .sockets import PATH, Sockets
from .world import Beat, Monitor, World


class Life:
    """Begins on a port, is silent while told so, and ends."""

    def __init__(self, world: World, faults: Faults, log: Log, pings: tuple[float, float]) -> None:
        self.sockets = Sockets(world, faults, log, pings)
        self._world = world
        self._faults = faults
        self._log = log
        self._speaks = asyncio.Event()
        self._speaks.set()
        faults.closing = asyncio.Event()
        app = web.Application(middlewares=[self._middleware()])
        app.on_response_prepare.append(_framed)
        self.sockets.attach(app)
        app.add_routes(Rest(world, faults, self._pushed).routes())
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)

    async def begin(self, host: str, port: int) -> int:
        """Open the port; gives its number."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, reuse_address=True).start()
        return int(self._runner.addresses[0][1])

    async def end(self) -> None:
        """Break off what is open, and close the port."""
        self._faults.closing.set()
        self._speaks.set()
        for site in list(self._runner.sites):
            await site.stop()
        await self.sockets.end()
        await self._runner.cleanup()

    def silence(self, on: bool) -> None:
        """Stand still, or go on."""
        self.sockets.silent = on
        if on:
            self._speaks.clear()
        else:
            self._speaks.set()

    async def _pushed(self, monitor: Monitor, beat: Beat) -> None:
        await self.sockets.tell(after_beat(self._world, monitor, beat, pushed=True))

    def _middleware(self) -> Middleware:
        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            of_socket = request.path.startswith(PATH)
            route = "socket" if of_socket else request.match_info.route.name or "html"
            self._log.add(Asked(route, request.method, request.path, dict(request.query), dict(request.headers)))
            await self._speaks.wait()
            try:
                if not of_socket:
                    return await self._faults.answer(route, request, handler)
                if "sid" in request.query:
                    return await self.sockets.answer(request, handler)
                return await self._faults.answer(route, request, lambda one: self.sockets.answer(one, handler))
            except (web.HTTPException, ConnectionError, asyncio.CancelledError):
                raise
            except Exception as error:
                self._log.broken.append(error)
                raise

        return note


async def _framed(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
