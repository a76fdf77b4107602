"""Finds the same movie, show or album in other libraries and on other servers, by the ids it is known by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Queries, Record
from medianest_plex.browsing.sight import Sight, visible_sql

# One look by each index, for an OR over all of them would be answered by none. A guid that was made up on the spot (of
# home videos, say) may be another thing's on another server.
_SAME: Final = """
      SELECT o.id FROM plugin_plex.item o WHERE o.guid = i.guid AND o.guid <> ''
         AND i.guid NOT LIKE 'local:%' AND i.guid NOT LIKE '%agents.none%'
      UNION SELECT o.id FROM plugin_plex.item o WHERE o.imdb = i.imdb
      UNION SELECT o.id FROM plugin_plex.item o WHERE o.tmdb = i.tmdb
      UNION SELECT o.id FROM plugin_plex.item o WHERE o.tvdb = i.tvdb
      UNION SELECT o.id FROM plugin_plex.item o WHERE o.musicbrainz = i.musicbrainz
"""
_TWINS: Final = f"""
    SELECT i.id AS of, o.id, o.instance, o.section_key, o.rating_key, o.tmdb, o.added_at
      FROM plugin_plex.item i
     CROSS JOIN LATERAL ({_SAME}) same
      JOIN plugin_plex.item o ON o.id = same.id AND o.kind = i.kind AND o.id <> i.id
     WHERE i.id = ANY($1::uuid[]) AND {visible_sql("o", 2)}
       AND (i.tmdb IS NULL OR o.tmdb IS NULL OR i.tmdb = o.tmdb)
     ORDER BY o.instance <> $3, o.instance, o.section_key, o.rating_key
"""  # nosec B608 # noqa: S608 - every part is written here


async def twins(q: Queries, seen: Sight, ids: Sequence[UUID]) -> dict[UUID, list[Record]]:
    """Of each id its rows elsewhere that the person may see, the first server's first; never one with another `tmdb`.

    A row has `id`, `instance`, `section_key`, `rating_key`, `tmdb` and `added_at`.
    """
    found: dict[UUID, list[Record]] = {}
    for row in await q.fetch(_TWINS, list(ids), seen.everywhere, seen.instance):
        found.setdefault(row["of"], []).append(row)
    return found
