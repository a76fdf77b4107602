"""Runs one Overseerr or Seerr in a thread of its own: tests turn its knobs and read what it was asked."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..threaded import in_a_thread
from . import (
    issue_routes,
    media_routes,
    pictures,
    request_routes,
    settings_routes,
    setup_routes,
    title_routes,
    user_routes,
    webhook,
)
from .access import API, json_answer, not_found
from .faults import Faults, Handler
from .knobs import Knobs
from .notices import Kind, Notice
from .records import (
    Issue,
    IssueType,
    Media,
    MediaStatus,
    Permission,
    Request,
    RequestStatus,
    User,
)
from .world import World

__all__ = ["Asked", "Issue", "IssueType", "Kind", "Media", "MediaStatus", "OverseerrSimulator", "Permission", "Request",
           "RequestStatus", "User"]  # fmt: skip

T = TypeVar("T")
OVERSEERR, SEERR = "1.34.0", "3.1.0"
_PATIENCE = 30.0
_PARTS = (
    settings_routes,
    setup_routes,
    user_routes,
    title_routes,
    request_routes,
    issue_routes,
    media_routes,
    pictures,
)
_PAGE = '<!DOCTYPE html><html><head><title>{title}</title></head><body><div id="__next"></div></body></html>'


@dataclass(frozen=True)
class Asked:
    """One request that came in; `route` is the name it has in the simulator, `raw` path and query as they were sent."""

    route: str
    method: str
    path: str
    raw: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def user(self) -> str:
        """As whom it was asked; empty for the owner."""
        return self.headers.get("X-Api-User", "")


class OverseerrSimulator(Knobs):
    """`url` is its root, without a trailing slash; pictures are below `picture_url`. Use it in `with sim.running():`.

    It begins with an owner (user 1, Plex id 1001) and the invented titles of `titles`, unless it is to be `empty`.
    """

    def __init__(self, version: str = SEERR, *, port: int = 0, host: str = "127.0.0.1", empty: bool = False) -> None:
        self.world = World(version)
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.broken: list[Exception] = []
        self.url = ""
        self._host, self._port = host, port
        self._news = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: web.AppRunner | None = None
        self._posting: set[asyncio.Task[None]] = set()
        self._end = asyncio.Event()
        self._after: dict[str, list[Callable[[], object]]] = {}
        self.world.tell = self._told
        if not empty:
            self.world.catalogue.add_invented()
            self.world.add_user("owner@home.example", plex_username="owner", plex_id=1001)

    @property
    def api_key(self) -> str:
        """What goes into `X-Api-Key`."""
        return self.world.api_key

    @property
    def picture_url(self) -> str:
        """What stands here for TMDB's address for pictures, without a size."""
        return f"{self.url}{pictures.PREFIX}"

    # --- running

    @contextlib.contextmanager
    def running(self) -> Iterator[OverseerrSimulator]:
        """Serve until the block ends."""
        with in_a_thread("overseerr-simulator", self._serve, lambda: self._end.set()) as self._loop:
            try:
                yield self
            finally:
                self._loop = None
        # A mistake here would look like a fault of the service, and pass as one.
        assert self.broken == []

    async def _serve(self, started: threading.Event) -> None:
        self._end = asyncio.Event()
        try:
            await self._begin()
            started.set()
            await self._end.wait()
        finally:
            await self._cease()

    async def _begin(self) -> None:
        self.faults.closing = asyncio.Event()
        app = web.Application(middlewares=[self._middleware()])
        app.on_response_prepare.append(_signed)
        app.add_routes(self.routes())
        app.router.add_route("*", "/{path:.*}", self._rest, name="rest")
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, self._host, self._port, reuse_address=True).start()
        self._port = int(runner.addresses[0][1])
        self.url = f"http://{self._host}:{self._port}"
        self._runner = runner

    def routes(self) -> list[web.RouteDef]:
        """All that is described; their names are those of faults, and of what was asked."""
        return [one for part in _PARTS for one in part.routes(self.world)]

    async def _cease(self) -> None:
        runner, self._runner = self._runner, None
        self.faults.closing.set()
        if runner is not None:
            for site in list(runner.sites):
                await site.stop()
            await runner.cleanup()

    async def _rest(self, request: web.Request) -> web.Response:
        """Below the API nothing is there; elsewhere is the app, whatever the path."""
        if request.path.startswith(API):
            return await self._not_there(request)
        page = _PAGE.format(title=self.world.settings.application_title)
        return web.Response(text=page, content_type="text/html")

    async def _not_there(self, request: web.Request) -> web.Response:
        """405 where another method is described, else 404."""
        for one in request.app.router.resources():
            found, methods = await one.resolve(request)
            if found is None and methods:
                words = f"{request.method} method not allowed"
                return json_answer({"message": words, "errors": [{"path": request.path, "message": words}]}, 405)
        return not_found(request.path)

    def _middleware(self) -> Middleware:
        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            route = request.match_info.route.name or "rest"
            body = await request.text()
            about = (dict(request.query), dict(request.headers), body)
            self.asked.append(Asked(route, request.method, request.path, request.raw_path, *about))
            self._changed()
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

    def until(self, check: Callable[[], Any], timeout: float = 10.0) -> None:
        """Wait until the check holds. Raises TimeoutError."""
        ends = time.monotonic() + timeout
        with self._news:
            while not check():
                left = ends - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the simulator waited in vain")
                self._news.wait(min(left, 0.05))

    async def reached(self, check: Callable[[], Any], timeout: float = 10.0) -> None:
        """The same for coroutines."""
        await asyncio.to_thread(self.until, check, timeout)

    def after(self, route: str, work: Callable[[], object]) -> None:
        """Do it once, right after the next answer of that route was made."""
        self._do(lambda: self._after.setdefault(route, []).append(work))

    # --- the service itself

    def stop(self) -> None:
        """The process ends: the port is closed."""
        self._run(self._cease)

    def restart(self, version: str | None = None) -> None:
        """The process begins anew on the same port with what its database holds; as another version if told."""

        async def work() -> None:
            await self._cease()
            if version is not None:
                self.world.version, self.world.seerr = version, not version.startswith("1.")
            await self._begin()

        self._run(work)

    def new_api_key(self) -> str:
        """An admin made a new key: the former one no longer opens anything."""

        def work() -> str:
            self.world.renew_key()
            return self.world.api_key

        return self._do(work)

    # --- the webhook

    def _told(self, notice: Notice) -> None:
        """Post it if the webhook is set so; what happens before it runs is told to nobody."""
        hook = self.world.webhook
        loop = self._loop
        if loop is None or not hook.enabled or not hook.url or not hook.types & notice.kind:
            return
        said = webhook.body(self.world, notice, hook.template)
        task = loop.create_task(self._post(notice.kind, hook.url, said, hook.authorization))
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _post(self, kind: Kind, url: str, said: Any, authorization: str) -> None:
        status = await webhook.post(url, said, authorization)
        self.world.webhook.sent.append((kind.name or "", status))
        self._changed()

    async def notify(
        self, kind: Kind, url: str, authorization: str = "", template: str | None = None, **about: Any
    ) -> int:
        """Post that notice by itself (`request=`, `issue=`, `comment=`, `media=`); gives the answer's status."""
        found = about.get("media") or getattr(about.get("request") or about.get("issue"), "media", None)
        said = webhook.body(self.world, Notice(kind, **{**about, "media": found}), template)
        return await webhook.post(url, said, authorization)

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


async def _signed(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("X-Powered-By", "Express")


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
