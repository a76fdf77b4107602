"""Keeps what somebody has watched to the end; a season or a show is watched when all that is here of it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Queries
from medianest_plex.client.personal import PersonalPlex
from medianest_plex.settings import PlexSettings

PAUSE_SECONDS: Final = 0.2
"""Between two pages, for the server has films to play meanwhile."""

MOST: Final = 500_000
_PARTS: Final = {"movie": "movie", "show": "episode"}
"""What is watched in a library of that kind."""

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


async def ask_watched(ctx: Context[PlexSettings], plex: PersonalPlex, sections: Sequence[int]) -> list[int]:
    """The keys of all movies and episodes the person has watched in those of these sections that are kept here."""
    rows = await ctx.db.fetch(
        """SELECT section_key, kind FROM plugin_plex.section
            WHERE instance = $1 AND section_key = ANY($2::integer[]) ORDER BY position""",
        *(ctx.instance, list(sections)),
    )
    found: list[int] = []
    for row in rows:
        kind, start = _PARTS.get(row["kind"]), 0
        while kind is not None and len(found) < MOST:
            page = await plex.watched(row["section_key"], kind, start, ctx.settings.page_size)
            found += page.keys
            if not page.more:
                break
            start += ctx.settings.page_size
            await asyncio.sleep(PAUSE_SECONDS)
    return found


async def keep_watched(q: Queries, instance: str, person_id: UUID, keys: Sequence[int]) -> None:
    """The person has watched these movies and episodes, and no others."""
    await q.execute(_KEEP, instance, person_id, list(keys))
