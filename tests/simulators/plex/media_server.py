"""The Plex Media Server at home: who it is, and whom it lets in. Libraries and sessions are yet to come."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .rendering import answer
from .world import Server, World

HTML_401 = "<html><head><title>Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"


def routes(world: World) -> list[web.RouteDef]:
    """`GET /identity` for everybody, `GET /` for those it lets in."""

    async def identity(request: web.Request) -> web.Response:
        server = world.home
        return _container(
            request,
            {
                "size": 0,
                "apiVersion": "1.1.1",
                "claimed": server.owner is not None,
                "machineIdentifier": server.machine_identifier,
                "version": server.version,
            },
        )

    async def root(request: web.Request) -> web.Response:
        server = world.home
        if not let_in(world, server, request):
            return web.Response(text=HTML_401, status=401, content_type="text/html")
        return _container(
            request,
            {
                "size": 0,
                "friendlyName": server.name,
                "machineIdentifier": server.machine_identifier,
                "myPlex": True,
                "myPlexSigninState": "ok",
                "platform": "Linux",
                "version": server.version,
                "Directory": [],
            },
        )

    return [web.get("/identity", identity, name="identity"), web.get("/", root, name="root")]


def let_in(world: World, server: Server, request: web.Request) -> bool:
    """Whether the server answers this caller: by a token it gave out, by its owner's own, or because it asks nobody."""
    token = request.headers.get("X-Plex-Token") or request.query.get("X-Plex-Token")
    if token is None:
        return server.lets_everybody_in
    if any(known == token and server.admits(account) for account, known in server.access_tokens.items()):
        return True
    bearer = world.bearer(token)
    return server.lets_everybody_in or (bearer is not None and bearer is server.owner)


def _container(request: web.Request, value: dict[str, Any]) -> web.Response:
    response = answer(request, "MediaContainer", value)
    if response.content_type == "application/json":
        return web.json_response({"MediaContainer": value}, headers={"X-Plex-Protocol": "1.0"})
    return response
