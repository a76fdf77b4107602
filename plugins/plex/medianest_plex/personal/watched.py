"""Keeps what somebody has watched to the end; a season or a show is watched when all that is here of it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Queries
from medianest_plex.client.personal import PersonalPlex
from medianest_plex.personal.shares import doubt
from medianest_plex.settings import PlexSettings

PAUSE_SECONDS: Final = 0.2
"""Between two pages, for the server has films to play meanwhile."""

MOST: Final = 500_000
_PARTS: Final = {"movie": "movie", "show": "episode"}
"""What is watched in a library of that kind."""

_HAD: Final = """
    SELECT DISTINCT i.section_key FROM plugin_plex.seen s
      JOIN plugin_plex.item i ON i.instance = s.instance AND i.rating_key = s.rating_key
     WHERE s.instance = $1 AND s.person_id = $2 AND i.kind IN ('movie', 'episode')
"""
_KEEP: Final = """
    WITH leaves AS (SELECT unnest($3::bigint[]) AS key),
    seasons AS (
        SELECT e.parent_key AS key, e.grandparent_key AS show
          FROM plugin_plex.item e JOIN leaves l ON l.key = e.rating_key
         WHERE e.instance = $1 AND e.kind = 'episode' AND e.parent_key IS NOT NULL
         GROUP BY e.parent_key, e.grandparent_key
        HAVING count(*) >= (SELECT count(*) FROM plugin_plex.item o
                             WHERE o.instance = $1 AND o.parent_key = e.parent_key AND o.kind = 'episode')
    ),
    shows AS (
        SELECT s.show AS key FROM seasons s WHERE s.show IS NOT NULL
         GROUP BY s.show
        HAVING count(*) >= (SELECT count(*) FROM plugin_plex.item o
                             WHERE o.instance = $1 AND o.parent_key = s.show AND o.kind = 'season')
    ),
    wanted AS (SELECT key FROM leaves UNION SELECT key FROM seasons UNION SELECT key FROM shows),
    gone AS (
        DELETE FROM plugin_plex.seen WHERE instance = $1 AND person_id = $2 AND rating_key NOT IN (SELECT key FROM wanted)
    )
    INSERT INTO plugin_plex.seen (instance, person_id, rating_key) SELECT $1, $2, key FROM wanted
    ON CONFLICT DO NOTHING
"""


async def ask_watched(
    ctx: Context[PlexSettings], person_id: UUID, plex: PersonalPlex, sections: Sequence[int]
) -> list[int]:
    """The keys of all movies and episodes the person has watched in those of these sections that are kept here.

    Raises what `PersonalPlex` raises, and `UpstreamError` the first time a section has nothing where something was known.
    """
    rows = await ctx.db.fetch(
        """SELECT section_key, kind FROM plugin_plex.section
            WHERE instance = $1 AND section_key = ANY($2::integer[]) ORDER BY position""",
        *(ctx.instance, list(sections)),
    )
    had = {row["section_key"] for row in await ctx.db.fetch(_HAD, ctx.instance, person_id)}
    found: list[int] = []
    for row in rows:
        kind = _PARTS.get(row["kind"])
        if kind is None:
            continue
        keys = await _ask_section(ctx, plex, row["section_key"], kind, MOST - len(found))
        if not keys and row["section_key"] in had:
            await doubt(ctx, person_id)
        found += keys
    return found


async def _ask_section(ctx: Context[PlexSettings], plex: PersonalPlex, section: int, kind: str, most: int) -> list[int]:
    found: list[int] = []
    start = 0
    while len(found) < most:
        page = await plex.watched(section, kind, start, ctx.settings.page_size)
        found += page.keys
        if not page.more:
            break
        start += page.read
        await asyncio.sleep(PAUSE_SECONDS)
    return found


async def keep_watched(q: Queries, instance: str, person_id: UUID, keys: Sequence[int]) -> None:
    """The person has watched these movies and episodes, and no others."""
    await q.execute(_KEEP, instance, person_id, list(keys))
