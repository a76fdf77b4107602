"""Who asks, and in which order the service looks at a call: CSRF, path, key, parameters, person, permission."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .contract import Shape, check, read_body, whole
from .records import Permission, Refused, User
from .world import World

API = "/api/v1"
COOKIE = "connect.sid"
_CHANGES = frozenset({"POST", "PUT", "DELETE", "PATCH"})
_FORBIDDEN = {"status": 403, "error": "You do not have permission to access this endpoint"}
INVALID_CSRF = "invalid csrf token"


@dataclass(frozen=True)
class Asking:
    """One call: who asks (None for an open path), with what; `query` is decoded, `path` are the parts of the path."""

    world: World
    who: User | None
    query: dict[str, str]
    body: dict[str, Any]
    path: dict[str, str]
    request: web.Request

    @property
    def user(self) -> User:
        """Who asks, where the path is not open."""
        assert self.who is not None
        return self.who

    def number(self, name: str, default: int) -> int:
        """A number of the query; 0 and the empty one count as not given, as in the real one."""
        return whole(self.query.get(name) or 0) or default


Work = Callable[[Asking], Any]
"""Gives the JSON to answer with, or a whole answer."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guarded(world: World, shape: Shape, work: Work, permissions: tuple[Permission, ...]) -> Handler:
    """The work, done only for who may. No permissions: for everybody who is known."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            if world.settings.csrf_protection and request.method in _CHANGES:
                answer = json_answer({"message": INVALID_CSRF}, 403)
                answer.set_cookie("_csrf", "simulated", path="/", httponly=True, secure=True, samesite="Strict")
                return answer
            if not shape.open and COOKIE not in request.cookies and "X-Api-Key" not in request.headers:
                raise not_signed_in(request)
            query = check(shape, request, seerr=world.seerr)
            body = await read_body(shape, request, seerr=world.seerr) if request.method in _CHANGES else {}
            who = asking_user(world, request)
            if not shape.open and (who is None or (permissions and not who.may(*permissions))):
                return json_answer(_FORBIDDEN, 403)
            said = work(Asking(world, who, query, body, dict(request.match_info), request))
        except Refused as refused:
            return json_answer(refused.body, refused.status)
        return said if isinstance(said, web.StreamResponse) else json_answer(said)

    return handle


def asking_user(world: World, request: web.Request) -> User | None:
    """By the key: the owner, or whom `X-Api-User` names. Else by the cookie."""
    if request.headers.get("X-Api-Key") == world.api_key:
        named = request.headers.get("X-Api-User")
        if not named:
            return world.users.get(1)
        return world.users.get(whole(named)) if named.strip().isdecimal() else None
    return world.users.get(world.sessions.get(request.cookies.get(COOKIE, ""), 0))


def not_signed_in(request: web.Request) -> Refused:
    """401: neither key nor cookie."""
    words = f"cookie '{COOKIE}' required"
    return Refused(401, words, errors=[{"path": request.path, "message": words}])


def not_found(path: str) -> web.Response:
    """404 for a path nobody described."""
    return json_answer({"message": "not found", "errors": [{"path": path, "message": "not found"}]}, 404)


def json_answer(value: Any, status: int = 200) -> web.Response:
    """As Express writes it."""
    return web.json_response(value, status=status)
