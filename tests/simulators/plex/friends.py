"""plex.tv's list of those an owner shares with: `/api/users`, XML alone, as of old. Shares nothing itself."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from aiohttp import web

from .world import Account, Server, World

_NO_RIGHTS = ("spencer", "allowTuners", "allowSync", "allowCameraUpload", "allowChannels", "allowSubtitleAdmin")
_FILTERS = ("filterAll", "filterMovies", "filterMusic", "filterPhotos", "filterTelevision")


def routes(world: World) -> list[web.RouteDef]:
    """`GET /api/users`, with a slash or without."""

    async def users(request: web.Request) -> web.Response:
        owner = world.bearer(request.headers.get("X-Plex-Token") or request.query.get("X-Plex-Token"))
        if owner is None:
            return web.Response(
                text="<errors><error>Unauthorized</error></errors>", status=401, content_type="text/xml"
            )
        server = world.home
        theirs = sorted(server.shared_with) if server.owner is owner else []
        friends = [world.accounts[one] for one in theirs]
        root = ElementTree.Element(
            "MediaContainer",
            friendlyName="myPlex",
            identifier="com.plexapp.plugins.myplex",
            machineIdentifier=server.machine_identifier,
            totalSize=str(len(friends)),
            size=str(len(friends)),
        )
        for one in friends:
            ElementTree.SubElement(
                ElementTree.SubElement(root, "User", _friend(one)), "Server", _share(one, server, len(friends))
            )
        text = ElementTree.tostring(root, encoding="unicode")
        return web.Response(text=f'<?xml version="1.0" encoding="UTF-8"?>\n{text}', content_type="application/xml")

    return [web.get("/api/users", users, name="users"), web.get("/api/users/", users, name="users:slash")]


def _friend(one: Account) -> dict[str, str]:
    said: dict[str, Any] = {
        "id": one.id,
        "title": one.friendly_name or one.title,
        "username": one.username,
        "email": one.email or "",
        "recommendationsPlaylistId": "",
        "thumb": f"https://plex.tv/users/{one.uuid}/avatar?c={one.joined_at}",
        "protected": 0,
        "restricted": int(one.restricted),
        "home": int(one.home),
    }
    said |= dict.fromkeys(_NO_RIGHTS, 0) | dict.fromkeys(_FILTERS, "")
    return {name: str(value) for name, value in said.items()}


def _share(one: Account, server: Server, libraries: int) -> dict[str, str]:
    allowed = server.sections_of.get(one.id)
    said = {
        "id": 7654321 + one.id % 1000,
        "serverId": "000001",
        "machineIdentifier": server.machine_identifier,
        "name": server.name,
        "lastSeenAt": 1614072646,
        "numLibraries": libraries if allowed is None else len(allowed),
        "allLibraries": int(allowed is None),
        "owned": 1,
        "pending": 0,
    }
    return {name: str(value) for name, value in said.items()}
