"""The library as a part of the hub's one search. Shows a person what they may see of it, and nobody nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from medianest_hub.plugin_api import Context, MediaDetails, MediaElsewhere, MediaHit, MediaSource, Viewer, errors
from medianest_plex.browsing.finding import find as found_by
from medianest_plex.browsing.models import Item, Place
from medianest_plex.browsing.searching import SearchQuery
from medianest_plex.browsing.searching import search as searched
from medianest_plex.browsing.sight import Sight
from medianest_plex.browsing.single import ChildrenQuery, one
from medianest_plex.personal.refreshing import look
from medianest_plex.privacy import BROWSE
from medianest_plex.settings import PlexSettings

MOST: Final = 20
_LONGEST: Final = 200


async def search(ctx: Context[PlexSettings], viewer: Viewer, text: str) -> list[MediaHit]:
    """What of the library has words like these, the best first."""
    if viewer.person is None:
        return []
    query = SearchQuery(q=text.replace("\0", "")[:_LONGEST], limit=MOST)
    found = await searched(ctx, await look(ctx, viewer.person), query)
    return [MediaHit(**_fields(hit, hit.places), score=hit.score) for hit in found.items]


async def details(ctx: Context[PlexSettings], viewer: Viewer, id: str) -> MediaDetails | None:
    """The one of that id; None for one that is not there or not to be seen."""
    if viewer.person is None:
        return None
    try:
        return await _details(ctx, await look(ctx, viewer.person), UUID(id))
    except ValueError:
        return None


async def find(
    ctx: Context[PlexSettings], viewer: Viewer, kind: str, external_ids: Mapping[str, str]
) -> MediaDetails | None:
    """The one with any of these ids, by itself and wherever else it is; None for one that is not there or not to be seen."""
    if viewer.person is None:
        return None
    seen = await look(ctx, viewer.person)
    found = await found_by(ctx, seen, kind, external_ids)
    return None if found is None else await _details(ctx, seen, found)


async def _details(ctx: Context[PlexSettings], seen: Sight, id: UUID) -> MediaDetails | None:
    try:
        item = await one(ctx, seen, id, ChildrenQuery(limit=1))
    except errors.NotFound:
        return None
    minutes = None if item.seconds is None else round(item.seconds / 60)
    return MediaDetails(**_fields(item, item.places), genres=item.genres, runtime_minutes=minutes)


def _fields(found: Item, places: Sequence[Place]) -> dict[str, Any]:
    servers = [place.server for place in places]
    named = [
        MediaElsewhere(
            place=place.server if servers.count(place.server) == 1 else f"{place.server}: {place.library}",
            href=place.href,
        )
        for place in places
    ]
    return {
        "id": str(found.id),
        "kind": found.kind.value,
        "title": found.title,
        "original_title": found.original_title,
        "year": found.year,
        "summary": found.summary,
        "image": found.image,
        "href": named[0].href if named else found.href,
        "place": named[0].place if named else "",
        "elsewhere": named[1:],
        "available": True,
        "external_ids": found.external_ids,
    }


LIBRARY: Final = MediaSource("library", search, details, find, permission=BROWSE)
