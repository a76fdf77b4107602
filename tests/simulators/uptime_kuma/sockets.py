"""Uptime Kuma's Socket.IO side: logging in, the burst, calls, and telling everybody what happens; keeps no state of Kuma's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import socketio
from aiohttp import web

from . import pushes
from .asked import Asked, Log, without_secrets
from .calls import Answer, Calls, Result
from .faults import GIANT, HALF, HUGE, NO_ACK, SLOW_SECONDS, TWICE, Fault, Faults, Handler, altered, halved
from .pushes import PAUSE, TO_ONE, Event
from .world import World

PATH = "/socket.io/"
USER = "user"
_NOT_LOGGED_IN = {"ok": False, "msg": "You are not logged in."}
_TOO_OFTEN = {"ok": False, "msg": "Too frequently, try again later."}
_TRANSPORT: ContextVar[asyncio.Transport | None] = ContextVar("transport", default=None)


def route_of(event: str) -> str:
    """The name of a call or an event among the routes: `loginByToken` is `login_by_token`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", event).lower()


class Sockets:
    """One life of the server's sockets. `silent` sockets stay open, and hear and say nothing."""

    def __init__(self, world: World, faults: Faults, log: Log, pings: tuple[float, float]) -> None:
        self.known: set[str] = set()
        self.logged_in: set[str] = set()
        self.silent = False
        self._world = world
        self._faults = faults
        self._log = log
        self._calls = Calls(world)
        self._open: set[asyncio.Transport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = socketio.AsyncServer(
            async_mode="aiohttp",
            cors_allowed_origins=[],  # the check below is Kuma's
            always_connect=True,  # first the connection stands, then Kuma speaks
            ping_interval=pings[0],
            ping_timeout=pings[1],
            logger=False,
            engineio_logger=False,
        )
        self._server.on("connect", self._connected)
        self._server.on("disconnect", self._disconnected)
        self._server.on("*", self._called)

    # --- the connection

    def attach(self, app: web.Application) -> None:
        """Answer under Socket.IO's path."""
        self._server.attach(app)

    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """One HTTP request of Socket.IO's, be it a handshake, a poll or a websocket."""
        if is_foreign(request):
            return web.Response(text="Forbidden", status=400, content_type="text/html")
        transport = request.transport
        assert isinstance(transport, asyncio.Transport)
        _TRANSPORT.set(transport)
        self._open.add(transport)
        try:
            return await handler(request)
        finally:
            self._open.discard(transport)

    async def kick(self) -> None:
        """Every socket's connection breaks off."""
        for transport in list(self._open):
            transport.abort()
        for socket in list(self._server.eio.sockets.values()):
            if not socket.upgraded:
                await socket.close(wait=False, abort=True)
        while self.known:
            await asyncio.sleep(0.001)

    async def refresh(self) -> None:
        """After a change of the password: everybody is told so and let go."""
        for sid in list(self.known):
            await self._emit("refresh", (), to=sid)
            await self._server.disconnect(sid)

    async def end(self) -> None:
        """The process ends."""
        await self.kick()
        for task in self._tasks:
            task.cancel()
        await self._server.shutdown()

    async def _connected(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        try:
            await self._greet(sid)
        except Exception as error:
            self._log.broken.append(error)
            raise

    async def _greet(self, sid: str) -> None:
        self._amend(sid)
        self.known.add(sid)
        self._log.changed()
        name, args = pushes.info(self._world, known=False)
        await self._emit(name, args, to=sid)
        if self._world.auth_disabled:
            await self._burst(sid)
            await self._emit("autoLogin", (), to=sid)
        elif self._world.v2:
            await self._emit("loginRequired", (), to=sid)

    def _amend(self, sid: str) -> None:
        """Let this connection be silent, and answer a poll under way when it ends, as engine.io does."""
        socket = self._server.eio.sockets[self._server.manager.eio_sid_from_sid(sid, "/")]
        send, close = socket.send, socket.close

        async def unless_silent(packet: Any) -> None:
            if not self.silent:
                await send(packet)

        async def answering(*args: Any, **options: Any) -> None:
            await close(*args, **options)
            if not socket.upgraded:
                socket.queue.put_nowait(None)

        socket.send, socket.close = unless_silent, answering

    async def _disconnected(self, sid: str, *_: Any) -> None:
        self.known.discard(sid)
        self.logged_in.discard(sid)
        self._log.changed()

    async def _drop(self, sid: str) -> None:
        """Close this socket's connection after what was said has gone out."""
        eio_sid = self._server.manager.eio_sid_from_sid(sid, "/")
        socket = self._server.eio.sockets.get(eio_sid)
        while socket is not None and not socket.queue.empty():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        transport = _TRANSPORT.get()
        if transport is not None:
            transport.close()

    # --- speaking

    async def tell(self, events: Iterable[Event]) -> None:
        """Every socket of the user hears of it."""
        if self.logged_in:
            for name, args in events:
                await self._emit(name, args, to=USER)

    async def _emit(self, name: str, args: tuple[Any, ...], to: str) -> None:
        fault = self._faults.take(route_of(name))
        if fault in (Fault.NOTHING, Fault.HANG, NO_ACK):
            return
        if fault in (HALF, GIANT, TWICE):
            args = tuple(altered(fault, args))
        elif fault == Fault.OTHER_SHAPE:
            args = ([True, None, {"id": "x" * 100}],)
        elif fault == HUGE:
            args = ("x" * self._faults.huge_bytes, *args)
        await self._server.emit(name, args if len(args) != 1 else args[0] if args[0] is not None else args, to=to)

    async def _burst(self, sid: str) -> None:
        self.logged_in.add(sid)
        await self._server.enter_room(sid, USER)
        self._log.changed()
        fault = self._faults.take("burst")
        if fault in (Fault.NOTHING, Fault.HANG, Fault.EMPTY, NO_ACK):
            return
        events = list(pushes.burst(self._world))
        for at, (name, args) in enumerate(events):
            if at == len(events) // 2:
                if fault in (Fault.CUT, Fault.RESET):
                    await self._drop(sid)
                    return
                await asyncio.sleep(SLOW_SECONDS if fault == Fault.SLOW else 0)
            if name == PAUSE:
                await asyncio.sleep(0 if self._world.v2 else self._world.pause_in_burst)
                continue
            await self._emit(name, _spoiled(fault, args, self._faults), to=sid if name in TO_ONE else USER)

    # --- listening

    async def _called(self, event: str, sid: str, *args: Any) -> Any:
        route = route_of(event)
        self._log.add(Asked(route, "SOCKET", PATH, {}, {}, event, without_secrets(event, args)))
        if self.silent:
            return self._server.not_handled
        fault = self._faults.take(route)
        if fault in (Fault.HANG, Fault.EMPTY, NO_ACK):
            return self._server.not_handled
        if fault == Fault.SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        if fault in (Fault.CUT, Fault.RESET):
            await self._drop(sid)
            return self._server.not_handled
        try:
            return _acknowledged(fault, await self._answered(event, sid, args), self._faults)
        except Answer as answer:
            return {"ok": False, "msg": str(answer)}
        except Exception as error:
            self._log.broken.append(error)
            raise

    async def _answered(self, event: str, sid: str, args: tuple[Any, ...]) -> Any:
        world = self._world
        if event == "login":
            return await self._login(sid, args[0] if args else None)
        if event == "loginByToken":
            return await self._login_by_token(sid, args[0] if args else None)
        if event == "logout":
            if not world.may_try():
                return _TOO_OFTEN
            self.logged_in.discard(sid)
            await self._server.leave_room(sid, USER)
            return None
        if event == "needSetup":
            return False
        call = self._calls.find(event)
        if call is None:
            return self._server.not_handled  # nobody listens for it, so nobody answers
        if sid not in self.logged_in:
            return _NOT_LOGGED_IN
        try:
            result: Result = call(*args)
        except (TypeError, KeyError) as error:  # of arguments nobody foresaw: Kuma, too, says what it tripped over
            raise Answer(str(error)) from error
        await self.tell(result.before)
        if result.after:
            self._later(self.tell(result.after))
        return result.ack

    async def _login(self, sid: str, given: Any) -> Any:
        if not isinstance(given, dict):
            return self._server.not_handled
        world = self._world
        if not world.may_try():
            return _TOO_OFTEN
        if not world.is_password(given.get("username"), given.get("password")):
            return self._refused("authIncorrectCreds", "Incorrect username or password.")
        if world.totp_secret is not None:
            if not given.get("token"):
                return {"tokenRequired": True}
            if not world.takes_code(given["token"]):
                return self._refused("authInvalidToken", "Invalid Token!")
        await self._let_in(sid)
        return {"ok": True, "token": world.session_token()}

    async def _login_by_token(self, sid: str, token: Any) -> Any:
        if not self._world.is_token(token):
            return self._refused("authInvalidToken", "Invalid token.")
        await self._let_in(sid)
        return {"ok": True}

    async def _let_in(self, sid: str) -> None:
        """2.x says everything and then acknowledges, 1.x the other way round."""
        if self._world.v2:
            await self._burst(sid)
        else:
            self.logged_in.add(sid)
            self._later(self._burst(sid))

    def _refused(self, key: str, text: str) -> dict[str, Any]:
        return {"ok": False, "msg": key, "msgi18n": True} if self._world.v2 else {"ok": False, "msg": text}

    def _later(self, work: Any) -> None:
        """After the ack, which goes out before anything else runs."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._log.broken.append(error)


def is_foreign(request: web.Request) -> bool:
    """Whether a page of another site opens a websocket here; polling is let in."""
    origin = request.headers.get("Origin")
    if origin is None or request.query.get("transport") != "websocket" or "sid" in request.query:
        return False
    try:
        return urlsplit(origin).netloc != request.headers.get("Host", "")
    except ValueError:
        return True


def _spoiled(fault: str | None, args: tuple[Any, ...], faults: Faults) -> tuple[Any, ...]:
    if fault in (HALF, GIANT, TWICE):
        return tuple(altered(fault, args))
    if fault == Fault.OTHER_SHAPE:
        return ([True, None, {"id": "x" * 100}],)
    if fault == HUGE and args and isinstance(args[0], dict) and "1" in args[0]:
        return ({**args[0], "1": {**args[0]["1"], "description": "x" * faults.huge_bytes}},)
    return args


def _acknowledged(fault: str | None, ack: Any, faults: Faults) -> Any:
    if fault is None or fault == Fault.SLOW:
        return ack
    if fault == HALF:
        return halved(ack)
    if fault == Fault.OTHER_SHAPE:
        return [True, None, {"id": "x" * 100}]
    if fault == Fault.NOTHING:
        return None
    if fault == HUGE:
        return {"ok": True, "msg": "x" * faults.huge_bytes}
    return {"ok": False, "msg": "SQLITE_BUSY: database is locked"}
