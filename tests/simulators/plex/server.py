"""Runs the three servers in a thread of their own, and tells tests what they were asked."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..threaded import in_a_thread
from . import accounts, friends, media_server, pins, sign_in_page
from .faults import Faults, Handler
from .items import Item, Section
from .knobs import LibraryKnobs
from .library import Library
from .notifications import Notifications
from .player_knobs import PlayerKnobs
from .playing import Playing
from .pms import Pms, Scan
from .rendering import MISSING_CLIENT, problem
from .scans import Scanner
from .world import Account, World

__all__ = ["Asked", "Item", "Playing", "PlexSimulator", "Scan", "Section"]

T = TypeVar("T")
_PATIENCE = 30.0


@dataclass(frozen=True)
class Asked:
    """One request that came in; `route` is the name it has in the simulator."""

    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class PlexSimulator(LibraryKnobs, PlayerKnobs):
    """`plex_tv_url`, `app_url` and `server_url` are roots without a trailing slash. Use it in `with sim.running():`.

    A second server is a second simulator, with the `world` of the first one's `world.beside("Attic")`.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1", world: World | None = None) -> None:
        super().__init__()
        self.world = world or World()
        self.faults = Faults()
        self._news = threading.Condition()
        self.pms = Pms(self.world, Library(self.world.now), Notifications(self._changed))
        self.scanner = Scanner(self.pms)
        self.asked: list[Asked] = []
        self.broken: list[Exception] = []
        self.plex_tv_url = self.app_url = self.server_url = ""
        self._host = host
        self._ports = [port and port + offset for offset in range(3)]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._home: web.AppRunner | None = None
        self._after: dict[str, list[Callable[[], object]]] = {}

    # --- running

    @contextlib.contextmanager
    def running(self) -> Iterator[PlexSimulator]:
        """Serve until the block ends."""
        with in_a_thread("plex-simulator", self._serve, lambda: self.faults.closing.set()) as self._loop:
            try:
                yield self
            finally:
                self._loop = None
        # A mistake here would look like a fault of Plex, and pass as one.
        assert self.broken == []

    async def _serve(self, started: threading.Event) -> None:
        self.faults.closing = asyncio.Event()
        runners: list[web.AppRunner] = []
        try:
            await self._begin()
            plex_tv = [*pins.routes(self.world), *friends.routes(self.world)]
            plex_tv += accounts.routes(self.world, lambda: self.server_url)
            self.plex_tv_url = await self._site(runners, self._ports[1], plex_tv)
            self.app_url = await self._site(runners, self._ports[2], sign_in_page.routes(self.world))
            started.set()
            await self.faults.closing.wait()
        finally:
            await self._cease()
            for runner in runners:
                await runner.cleanup()

    async def _begin(self) -> None:
        runners: list[web.AppRunner] = []
        self.server_url = await self._site(runners, self._ports[0], media_server.routes(self.pms, self.scanner))
        self._ports[0] = int(self.server_url.rpartition(":")[2])
        self.world.home.url = self.server_url
        self._home = runners[0]

    async def _cease(self) -> None:
        home, self._home = self._home, None
        if home is not None:
            for site in list(home.sites):
                await site.stop()
            self.pms.notifications.close()
            await home.cleanup()

    async def _site(self, runners: list[web.AppRunner], port: int, routes: list[web.RouteDef]) -> str:
        app = web.Application(middlewares=[self._middleware()])
        app.add_routes(routes)
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self._host, port, reuse_address=True).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    def _middleware(self) -> Middleware:
        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            route = (request.match_info.route.name or "").partition(":")[0]
            self.asked.append(Asked(route, request.method, request.path, dict(request.query), dict(request.headers)))
            self._changed()
            if request.path.startswith("/api/v2/") and not request.headers.get("X-Plex-Client-Identifier"):
                return problem(request, MISSING_CLIENT)
            try:
                answer = await self.faults.answer(route, request, handler)
                for work in self._after.pop(route, []):
                    work()
            except (web.HTTPException, ConnectionError, asyncio.CancelledError):
                raise
            except Exception as error:
                self.broken.append(error)
                raise
            return answer

        return note

    # --- what was asked

    def asked_of(self, route: str) -> list[Asked]:
        """The requests to one route."""
        return [one for one in self.asked if one.route == route]

    @property
    def scans(self) -> list[Scan]:
        """The scans that were asked for."""
        return self.pms.scans

    @property
    def listeners(self) -> int:
        """How many listen on the websocket."""
        return len(self.pms.notifications.listeners)

    def until(self, check: Callable[[], bool], timeout: float = 5.0) -> None:
        """Wait until the check holds. Raises TimeoutError."""
        ends = time.monotonic() + timeout
        with self._news:
            while not check():
                left = ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the simulator waited in vain")
                self._news.wait(min(left, 0.05))

    async def reached(self, check: Callable[[], bool], timeout: float = 5.0) -> None:
        """The same for coroutines."""
        await asyncio.to_thread(self.until, check, timeout)

    def after(self, route: str, work: Callable[[], object]) -> None:
        """Do it once, right after the next answer of that route was made: `sim.after("all", lambda: sim.delete(film))`."""
        self._do(lambda: self._after.setdefault(route, []).append(work))

    # --- people

    def approve(self, url: str, who: str | Account) -> str:
        """What a browser does at the sign-in page of this address: that person says yes. Returns where it goes then."""
        assert url.startswith(f"{self.app_url}/auth"), url
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).fragment.lstrip("!?")).items()}
        pin = self.world.pin_of_code(asked["code"])
        assert pin is not None, "this sign-in has expired"
        assert pin.client_identifier == asked["clientID"]
        self.world.approve(pin, self.world.find(who) if isinstance(who, str) else who)
        return asked.get("forwardUrl", "")

    def token(self, account: Account | None = None) -> str:
        """The account's token for the server at home; the owner's unless told."""
        return self.world.home.access_token((account or self.world.owner).id)

    def share(self, account: Account, sections: list[Section] | None = None) -> None:
        """The owner shares the server with the account: those sections, or all."""

        def work() -> None:
            self.world.home.shared_with.add(account.id)
            if sections is None:
                self.world.home.sections_of.pop(account.id, None)
            else:
                self.world.home.sections_of[account.id] = {one.key for one in sections}

        self._do(work)

    # --- the service itself

    def stop(self) -> None:
        """The process ends: the port is closed, nothing is playing any more. plex.tv goes on."""
        self._run(self._stop)

    async def _stop(self) -> None:
        await self._cease()
        self.pms.playing.clear()
        self.pms.activities.clear()

    def restart(self) -> None:
        """The process begins anew on the same port, with what its database holds."""

        async def work() -> None:
            await self._stop()
            await self._begin()

        self._run(work)

    def move_server(self, *, port: bool = True, machine: bool = False) -> str:
        """It comes back at another address, or is another machine that has the same libraries. Returns its URL."""

        async def work() -> None:
            await self._stop()
            self._ports[0] = 0 if port else self._ports[0]
            if machine:
                self.world.home.machine_identifier = secrets.token_hex(20)
            await self._begin()

        self._run(work)
        return self.server_url

    def kick(self) -> None:
        """All websockets break off."""
        self._do(self.pms.notifications.close)

    def mute(self, on: bool = True) -> None:
        """The websockets stay, and what happens is told to nobody."""

        def work() -> None:
            self.pms.notifications.muted = on

        self._do(work)

    def say(self, text: str) -> None:
        """Say that on all websockets, whether it makes sense or not."""
        self._do(lambda: self.pms.notifications.raw(text))

    def reachable(self, on: bool) -> None:
        """The server found out that it can, or cannot, be reached from outside."""
        self._do(lambda: self.pms.notifications.say("reachability", [{"reachability": on}]))

    def hold_scans(self, on: bool = True) -> None:
        """Scans begin and do not end until they are let go on."""
        self._do(self.scanner.gate.clear if on else self.scanner.gate.set)

    # --- crossing over to the simulator's loop

    def _changed(self) -> None:
        with self._news:
            self._news.notify_all()

    def _do(self, work: Callable[[], T]) -> T:
        loop = self._loop
        if loop is None or _is_running(loop):
            return work()
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        def inside() -> None:
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)

        loop.call_soon_threadsafe(inside)
        result = done.result(_PATIENCE)
        self._changed()
        return result

    def _run(self, work: Callable[[], object]) -> None:
        assert self._loop is not None, "it does not run"
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(_PATIENCE)  # type: ignore[arg-type]
        self._changed()


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
