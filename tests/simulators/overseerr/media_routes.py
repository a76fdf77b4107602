"""The paths below /media: what is known of titles, and an admin's changes to it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .access import API, Asking, guarded
from .contract import PAGED, TEXT, Rule, Shape, whole
from .paging import paged
from .record_json import media_json
from .records import MOVIE, Media, MediaStatus, Permission, Refused
from .world import World

_LIST = Shape(
    {
        **PAGED,
        "filter": Rule(
            null=True,
            among=("all", "available", "partial", "allavailable", "processing", "pending"),
            among_seerr=("deleted",),
        ),
        "sort": Rule(among=("added", "modified", "mediaAdded")),
    }
)
_FILTERS = {
    "available": (MediaStatus.AVAILABLE,),
    "partial": (MediaStatus.PARTIALLY_AVAILABLE,),
    "allavailable": (MediaStatus.AVAILABLE, MediaStatus.PARTIALLY_AVAILABLE),
    "processing": (MediaStatus.PROCESSING,),
    "pending": (MediaStatus.PENDING,),
    "deleted": (MediaStatus.DELETED,),
}
_STATUSES = {
    "available": MediaStatus.AVAILABLE,
    "partial": MediaStatus.PARTIALLY_AVAILABLE,
    "processing": MediaStatus.PROCESSING,
    "pending": MediaStatus.PENDING,
    "unknown": MediaStatus.UNKNOWN,
    "deleted": MediaStatus.DELETED,
}


def routes(world: World) -> list[web.RouteDef]:
    """All of them."""
    at, manage = f"{API}/media", (Permission.MANAGE_REQUESTS,)
    names = "|".join(one for one in _STATUSES if world.seerr or one != "deleted")
    changed = Shape(body={"is4k": TEXT})
    return [
        web.get(at, guarded(world, _LIST, _list, ()), name="media"),
        web.post(f"{at}/{{id}}/{{status:{names}}}", guarded(world, changed, _change, manage), name="change_media"),
        web.delete(f"{at}/{{id}}", guarded(world, Shape(), _delete, manage), name="delete_media"),
    ]


def _list(asking: Asking) -> dict[str, Any]:
    world, query = asking.world, asking.query
    wanted = _FILTERS.get(query.get("filter", ""))
    found = [one for one in world.media.values() if wanted is None or one.status in wanted]
    match query.get("sort"):
        case "modified":
            found.sort(key=lambda one: (-one.updated_at, -one.id))
        case "mediaAdded":
            found.sort(key=lambda one: (-(one.added_at or 0), -one.id))
        case _:
            found.sort(key=lambda one: -one.id)
    return paged(asking, found, 20, lambda one: media_json(world, one, seasons=True))


def _find(asking: Asking, words: str) -> Media:
    text = asking.path["id"]
    found = asking.world.media.get(whole(text)) if text.isdecimal() else None
    if found is None:
        raise Refused(404, words)
    return found


def _change(asking: Asking) -> dict[str, Any]:
    """Arriving by an admin's word is told like any other."""
    world, media = asking.world, _find(asking, "Media does not exist.")
    status, is4k = _STATUSES[asking.path["status"]], bool(asking.body.get("is4k"))
    if status is MediaStatus.PARTIALLY_AVAILABLE and media.type == MOVIE:
        raise Refused(400, "Only series can be set to be partially available")
    world.put_status(media, status, is4k=is4k and (world.seerr or status is MediaStatus.AVAILABLE))
    return media_json(world, media, seasons=True)


def _delete(asking: Asking) -> web.Response:
    asking.world.remove_media(_find(asking, "Media not found"))
    return web.Response(status=204)
