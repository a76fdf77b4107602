"""The libraries somebody may see, and how much is in them; counted once a minute for everybody."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context
from medianest_plex.browsing.models import Libraries, Library
from medianest_plex.browsing.sight import Sight
from medianest_plex.settings import PlexSettings

COUNTED_SECONDS: Final = 60.0


async def libraries(ctx: Context[PlexSettings], seen: Sight) -> Libraries:
    """All of them on this instance, in the server's order."""
    counts = await ctx.cache.remember("counts", COUNTED_SECONDS, lambda: _count(ctx))
    return Libraries(
        items=[
            Library(
                key=one.key,
                instance=one.instance,
                kind=one.kind,
                title=one.title,
                counts=counts.get(str(one.key), {}),
                synced_at=one.synced_at,
            )
            for one in seen.sections.values()
            if one.instance == ctx.instance
        ],
        freshness=seen.freshness,
    )


async def _count(ctx: Context[PlexSettings]) -> dict[str, dict[str, int]]:
    rows = await ctx.db.fetch(
        """SELECT section_key, kind, count(*) AS many FROM plugin_plex.item
            WHERE instance = $1 GROUP BY section_key, kind ORDER BY section_key, kind""",
        ctx.instance,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(str(row["section_key"]), {})[row["kind"]] = row["many"]
    return found
