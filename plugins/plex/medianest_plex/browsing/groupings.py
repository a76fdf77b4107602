"""Collections of the libraries, and the playlists of the servers' owners, with what one person may see of them.

Plex shows a playlist to nobody but whose it is, and it may tell more of its owner than what is in it. So only admins see them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Context, Page, Record, errors
from medianest_plex.browsing import cursors, keyset
from medianest_plex.browsing.cursors import Cursor, Last
from medianest_plex.browsing.keyset import Order, Where
from medianest_plex.browsing.lists import ServerName
from medianest_plex.browsing.models import Grouping, Groupings, GroupingWithItems, Item
from medianest_plex.browsing.rows import COLUMNS, POSTER_WIDTH, item, picture, seen_sql
from medianest_plex.browsing.sight import Sight, visible_sql
from medianest_plex.settings import PlexSettings

GroupingKind = Literal["collection", "playlist"]
# What is in it and to be seen: a collection is of one library, a playlist may be of several.
_SELECT: Final = f"""
    SELECT i.id, i.instance, i.kind, i.section_key, i.rating_key, i.title, i.sort_title, i.summary, i.thumb, held.many
      FROM plugin_plex.grouping i
     CROSS JOIN LATERAL (
          SELECT count(*) AS many FROM plugin_plex.grouped g
            JOIN plugin_plex.item m ON m.instance = g.instance AND m.rating_key = g.rating_key
           WHERE g.instance = i.instance AND g.grouping_key = i.rating_key AND {visible_sql("m", 2)}
     ) held
"""  # nosec B608 # noqa: S608 - every part is written here
_ITEMS: Final = f"""
    SELECT {COLUMNS}, g.position, {seen_sql("i", 4)} AS seen
      FROM plugin_plex.grouped g
      JOIN plugin_plex.item i ON i.instance = g.instance AND i.rating_key = g.rating_key
     WHERE g.instance = $1 AND g.grouping_key = $2 AND i.section_key = ANY($3::integer[])
       AND ($5::integer IS NULL OR (g.position, g.rating_key) > ($5, $6::bigint))
     ORDER BY g.position, g.rating_key LIMIT $7
"""  # nosec B608 # noqa: S608 - every part is written here
_BY_TITLE: Final = Order("i.sort_title", "text")


class GroupingsQuery(BaseModel):
    """Which of them."""

    library: int | None = Field(default=None, ge=0, lt=2**31, description="only those of the library of that key")
    server: ServerName | None = Field(
        default=None, description="only that server's; with `library` the first's unless named"
    )
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None


class PlaylistsQuery(BaseModel):
    """Which of them."""

    server: ServerName | None = Field(default=None, description="only that server's")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None


class GroupingPath(BaseModel):
    """Which collection or playlist."""

    id: UUID


class MembersQuery(BaseModel):
    """Which part of what is in it."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None


class _LastMember(Last):
    position: Annotated[int, Field(ge=-(2**31), lt=2**31)]
    key: Annotated[int, Field(ge=-(2**63), lt=2**63)]


async def groupings(
    ctx: Context[PlexSettings], seen: Sight, kind: GroupingKind, library: int | None, cursor: str | None, limit: int
) -> Groupings:
    """A page of those with something in them that the person may see, by title. Raises `BadInput`."""
    where = _to_be_seen(seen, kind)
    if library is not None:
        where.add(f"i.section_key = {where.arg(library)}")
    rows, following = await keyset.page(ctx.db, _SELECT, where, _BY_TITLE, f"{kind}s", cursor, limit)
    return Groupings(
        items=[Grouping(**_fields(ctx, row)) for row in rows], next_cursor=following, freshness=seen.freshness
    )


async def grouping(
    ctx: Context[PlexSettings], seen: Sight, kind: GroupingKind, grouping_id: UUID, query: MembersQuery
) -> GroupingWithItems:
    """One with a page of its items, in its order. Raises `NotFound` for one that is not to be seen, `BadInput`."""
    where = _to_be_seen(seen, kind)
    where.add(f"i.id = {where.arg(grouping_id)}")
    row = await ctx.db.fetchrow(f"{_SELECT} WHERE {where.also()}", *where.args)
    if row is None:
        raise errors.NotFound(f"There is no such {kind}.", code=f"{kind}_not_found")
    name = f"{kind} {row['id']}"
    last = cursors.read(_LastMember, name, query.cursor) if query.cursor else None
    rows = await ctx.db.fetch(
        _ITEMS,
        *(row["instance"], row["rating_key"], seen.keys(row["instance"]), seen.person_id),
        *((last.position, last.key) if last is not None else (None, None)),
        query.limit + 1,
    )
    shown, following = rows[: query.limit], None
    if len(rows) > query.limit:
        end = shown[-1]
        following = cursors.write(_LastMember(list=name, position=end["position"], key=end["rating_key"]))
    return GroupingWithItems(
        **_fields(ctx, row),
        items=Page[Item](items=[item(ctx, seen, one) for one in shown], next_cursor=following),
        freshness=seen.freshness,
    )


def _to_be_seen(seen: Sight, kind: GroupingKind) -> Where:
    instances = seen.instances
    where = Where([kind, seen.everywhere])
    # Of one server an index leads from page to page; of several, what is found is put in order.
    where.add(
        f"i.instance = {where.arg(instances[0])}"
        if len(instances) == 1
        else f"i.instance = ANY({where.arg(instances)}::text[])"
    )
    where.add("i.kind = $1 AND held.many > 0")
    if kind == "collection":
        where.add(visible_sql("i", 2))
    elif not seen.is_admin:
        where.add("false")
    return where


def _fields(ctx: Context[PlexSettings], row: Record) -> dict[str, object]:
    return {
        "id": row["id"],
        "instance": row["instance"],
        "kind": row["kind"],
        "library": row["section_key"],
        "title": row["title"],
        "summary": row["summary"],
        "size": row["many"],
        "image": picture(ctx, row["instance"], row["thumb"], POSTER_WIDTH),
    }
