"""Finds an item by the ids others know it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context
from medianest_plex.browsing.sight import Sight, visible_sql
from medianest_plex.settings import PlexSettings

# One look by each index, for an OR over all of them would be answered by none.
_FOUND: Final = f"""
    SELECT i.id
      FROM (SELECT o.id, 1 AS trust FROM plugin_plex.item o WHERE o.tmdb = $1
             UNION ALL SELECT o.id, 2 FROM plugin_plex.item o WHERE o.tvdb = $2
             UNION ALL SELECT o.id, 3 FROM plugin_plex.item o WHERE o.imdb = $3
             UNION ALL SELECT o.id, 4 FROM plugin_plex.item o WHERE o.musicbrainz = $4) same
      JOIN plugin_plex.item i ON i.id = same.id
     WHERE i.kind = $5 AND {visible_sql("i", 6)} AND ($1::text IS NULL OR i.tmdb IS NULL OR i.tmdb = $1)
     ORDER BY same.trust, i.instance <> $7, i.instance, i.section_key, i.rating_key LIMIT 1
"""  # nosec B608 # noqa: S608 - every part is written here


async def find(ctx: Context[PlexSettings], seen: Sight, kind: str, external_ids: Mapping[str, str]) -> UUID | None:
    """The item of that kind with any of these ids that the person may see, on the first server that has it.

    Of several, the one with the same `tmdb`, then `tvdb`, `imdb`, `musicbrainz`; never one with another `tmdb`.
    """
    ids = [external_ids.get(name) or None for name in ("tmdb", "tvdb", "imdb", "musicbrainz")]
    if not seen.sections or not any(ids):
        return None
    found: UUID | None = await ctx.db.fetchval(_FOUND, *ids, kind, seen.everywhere, seen.instance)
    return found
