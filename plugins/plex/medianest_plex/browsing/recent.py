"""What came in last: movies, albums, and seasons for all their new episodes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from medianest_hub.plugin_api import Context, Record
from medianest_plex.browsing import cursors
from medianest_plex.browsing.cursors import Cursor, Last
from medianest_plex.browsing.lists import ServerName, no_library
from medianest_plex.browsing.models import Recent, Recents
from medianest_plex.browsing.rows import COLUMNS, fields, seen_sql
from medianest_plex.browsing.sight import Sight
from medianest_plex.browsing.twins import twins
from medianest_plex.settings import PlexSettings

# Of each season its newest episode stands in the list, so that no page has a season a second time. What came within a day
# before counts with it; where that is more than one, the season is shown in its stead.
_RECENT: Final = f"""
    WITH newest AS MATERIALIZED (
        SELECT n.id, n.instance, n.parent_key, n.kind, n.added_at, n.rating_key
          FROM plugin_plex.item n
         WHERE n.instance = $1 AND n.section_key = ANY($2::integer[]) AND n.kind IN ('movie', 'episode', 'album')
           AND ($4::timestamptz IS NULL OR (n.added_at, n.id) < ($4, $5::uuid))
           AND NOT EXISTS (
               SELECT FROM plugin_plex.item later
                WHERE n.kind = 'episode' AND later.instance = n.instance AND later.parent_key = n.parent_key
                  AND later.kind = 'episode' AND (later.added_at, later.id) > (n.added_at, n.id)
           )
         ORDER BY n.added_at DESC, n.id DESC LIMIT $6
    )
    SELECT {COLUMNS}, {seen_sql("i", 3)} AS seen, n.id AS newest_id, n.added_at AS newest_at, came.many
      FROM newest n
     CROSS JOIN LATERAL (
         SELECT CASE WHEN n.kind = 'episode' AND n.parent_key IS NOT NULL THEN (
             SELECT count(*) FROM plugin_plex.item e
              WHERE e.instance = n.instance AND e.parent_key = n.parent_key AND e.kind = 'episode'
                AND e.added_at > n.added_at - interval '1 day'
         ) ELSE 1 END AS many
     ) came
      LEFT JOIN plugin_plex.item season
        ON came.many > 1 AND season.instance = n.instance AND season.rating_key = n.parent_key AND season.kind = 'season'
      JOIN plugin_plex.item i ON i.id = coalesce(season.id, n.id)
     ORDER BY n.added_at DESC, n.id DESC
"""  # nosec B608 # noqa: S608 - every part is written here


_MOST_ROUNDS: Final = 5
"""How often more is read to fill a page, in place of what stands on it already."""


class RecentQuery(BaseModel):
    """Which of it."""

    library: int | None = Field(default=None, ge=0, lt=2**31, description="only what is in the library of that key")
    server: ServerName | None = Field(
        default=None, description="only that server's; with `library` the first's unless named"
    )
    limit: int = Field(default=30, ge=1, le=100)
    cursor: Cursor | None = None


class _LastRecent(Last):
    at: AwareDatetime
    id: UUID


async def recently_added(
    ctx: Context[PlexSettings], seen: Sight, library: int | None, cursor: str | None, limit: int
) -> Recents:
    """A page, the newest first; what is in several libraries or on several servers once, where it came in last.

    Raises `NotFound` for a library that is not to be seen, `BadInput`.
    """
    wanted = {instance: seen.keys(instance) for instance in seen.instances}
    if library is not None:
        wanted = {instance: [key] for instance, key in seen.sections if key == library}
        if not wanted:
            raise no_library()
    at, last = _read(cursor) if cursor else (None, None)
    shown = replace(
        seen, sections={place: one for place, one in seen.sections.items() if place[1] in wanted.get(place[0], ())}
    )
    kept: list[Record] = []
    following = None
    for _ in range(_MOST_ROUNDS):
        rows, following = await _part(ctx, seen, wanted, (at, last), limit - len(kept))
        kept += await _folded(ctx, shown, kept, rows)
        if following is None or len(kept) == limit:
            break
        at, last = following.at, following.id
    return Recents(
        items=[Recent(**{**fields(ctx, seen, row), "added_at": row["newest_at"]}, new=row["many"]) for row in kept],
        next_cursor=cursors.write(following) if following is not None else None,
        freshness=seen.freshness,
    )


async def _part(
    ctx: Context[PlexSettings],
    seen: Sight,
    wanted: Mapping[str, list[int]],
    after: tuple[datetime | None, UUID | None],
    limit: int,
) -> tuple[list[Record], _LastRecent | None]:
    """So many of all servers, the newest first, and where they end if there are more."""
    rows: list[Record] = []
    for instance, keys in wanted.items():  # one after the other: each by its index
        rows += await ctx.db.fetch(_RECENT, instance, keys, seen.person_id, *after, limit + 1)
    rows.sort(key=lambda row: (row["newest_at"], row["newest_id"]), reverse=True)
    if len(rows) <= limit:
        return rows, None
    end = rows[limit - 1]
    return rows[:limit], _LastRecent(list="recent", at=end["newest_at"], id=end["newest_id"])


async def _folded(
    ctx: Context[PlexSettings], shown: Sight, before: Sequence[Record], rows: Sequence[Record]
) -> list[Record]:
    """Without what came into another library or onto another server later, and so stands further up already.

    Of movies and albums that is so on whatever page; of seasons and episodes where it is on the same one.
    """
    if not rows:
        return []
    async with ctx.db.transaction() as tx:
        # Of that many at once Postgres would rather read the whole library than look into an index for each.
        await tx.fetchval(
            "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)"
        )
        elsewhere = await twins(tx, shown, [row["id"] for row in rows])
    listed = {row["id"] for row in before}
    kept = []
    for row in rows:
        others = elsewhere.get(row["id"], ())
        is_whole = row["kind"] in ("movie", "album")
        mine = (row["newest_at"], row["newest_id"])
        if any(one["id"] in listed or (is_whole and (one["added_at"], one["id"]) > mine) for one in others):
            continue
        listed.add(row["id"])
        kept.append(row)
    return kept


def _read(cursor: str) -> tuple[datetime, UUID]:
    last = cursors.read(_LastRecent, "recent", cursor)
    try:
        return last.at.astimezone(UTC), last.id
    except OverflowError:
        raise cursors.bad_cursor() from None
