"""The libraries somebody may see, and how much is in them; counted once a minute for everybody."""

from __future__ import annotations

from functools import partial
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_plex.browsing.models import Libraries, Library
from medianest_plex.browsing.sight import Sight
from medianest_plex.settings import PlexSettings

COUNTED_SECONDS: Final = 60.0


async def libraries(ctx: Context[PlexSettings], seen: Sight) -> Libraries:
    """All of them, server by server, in their order."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for instance in seen.instances:
        counts[instance] = await ctx.cache.remember(
            f"counts:{instance}", COUNTED_SECONDS, partial(_count, ctx, instance)
        )
    return Libraries(
        items=[
            Library(
                key=one.key,
                instance=one.instance,
                server=seen.servers[one.instance].name,
                kind=one.kind,
                title=one.title,
                counts=counts[one.instance].get(str(one.key), {}),
                synced_at=one.synced_at,
            )
            for one in seen.sections.values()
        ],
        freshness=seen.freshness,
    )


async def _count(ctx: Context[PlexSettings], instance: str) -> dict[str, dict[str, int]]:
    rows = await ctx.db.fetch(
        """SELECT section_key, kind, count(*) AS many FROM plugin_plex.item
            WHERE instance = $1 GROUP BY section_key, kind ORDER BY section_key, kind""",
        instance,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(str(row["section_key"]), {})[row["kind"]] = row["many"]
    return found
