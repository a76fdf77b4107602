"""The genres of a library, for whoever wants to narrow its list to one; counted every few minutes for everybody."""

from __future__ import annotations

from functools import partial
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_plex.browsing.lists import KINDS, no_library
from medianest_plex.browsing.models import Genre, Genres
from medianest_plex.browsing.sight import Section, Sight
from medianest_plex.settings import PlexSettings

COUNTED_SECONDS: Final = 300.0
MOST: Final = 1000
"""Of the most frequent; a library with more of them has something else in that field."""


async def genres(ctx: Context[PlexSettings], seen: Sight, key: int) -> Genres:
    """Those of the library of that key of the first server of `seen`. Raises `NotFound` for one that is not to be seen."""
    section = next((one for (_, of), one in seen.sections.items() if of == key), None)
    if section is None:
        raise no_library()
    name = f"genres:{section.instance}:{key}"
    counted = await ctx.cache.remember(name, COUNTED_SECONDS, partial(_count, ctx, section))
    return Genres(items=[Genre(title=title, count=many) for title, many in counted], freshness=seen.freshness)


async def _count(ctx: Context[PlexSettings], section: Section) -> list[tuple[str, int]]:
    kinds = KINDS.get(section.kind, ())
    if not kinds:
        return []
    rows = await ctx.db.fetch(
        """SELECT genre, count(*) AS many FROM plugin_plex.item i CROSS JOIN LATERAL unnest(i.genres) AS genre
            WHERE i.instance = $1 AND i.section_key = $2 AND i.kind = $3
            GROUP BY genre ORDER BY many DESC, genre LIMIT $4""",
        *(section.instance, section.key, kinds[0], MOST),
    )
    return sorted(((row["genre"], row["many"]) for row in rows), key=lambda one: (one[0].casefold(), one[0]))
