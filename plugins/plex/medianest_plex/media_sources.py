"""The library as a part of the hub's one search. Shows a person what they may see of it, and nobody nothing."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, MediaHit, MediaSource, Viewer, errors
from medianest_plex.browsing.models import Item
from medianest_plex.browsing.searching import SearchQuery
from medianest_plex.browsing.searching import search as find
from medianest_plex.browsing.single import ChildrenQuery, one
from medianest_plex.personal.refreshing import look
from medianest_plex.settings import PlexSettings

MOST: Final = 20
_LONGEST: Final = 200


async def search(ctx: Context[PlexSettings], viewer: Viewer, text: str) -> list[MediaHit]:
    """What of the library has words like these, the best first."""
    if viewer.person is None:
        return []
    query = SearchQuery(q=text.replace("\0", "")[:_LONGEST], limit=MOST)
    found = await find(ctx, await look(ctx, viewer.person), query)
    return [_hit(hit, hit.score) for hit in found.items]


async def details(ctx: Context[PlexSettings], viewer: Viewer, id: str) -> MediaHit | None:
    """The one of that id; None for one that is not there or not to be seen."""
    if viewer.person is None:
        return None
    try:
        return _hit(await one(ctx, await look(ctx, viewer.person), UUID(id), ChildrenQuery(limit=1)), 1.0)
    except (ValueError, errors.NotFound):
        return None


def _hit(found: Item, score: float) -> MediaHit:
    return MediaHit(
        id=str(found.id),
        kind=found.kind.value,
        title=found.title,
        year=found.year,
        summary=found.summary,
        image=found.image,
        href=found.href,
        available=True,
        external_ids=found.external_ids,
        score=score,
    )


LIBRARY: Final = MediaSource("library", search, details)
