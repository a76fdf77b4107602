"""One item whole: what it belongs to, what it holds, where it can be watched."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Context, Page, Record, errors
from medianest_plex.browsing import keyset
from medianest_plex.browsing.cursors import Cursor
from medianest_plex.browsing.keyset import Order, Where
from medianest_plex.browsing.models import Above, Item, ItemWithChildren
from medianest_plex.browsing.rows import BACKGROUND_WIDTH, COLUMNS, fields, item, picture, place, seen_sql
from medianest_plex.browsing.sight import Sight, visible_sql
from medianest_plex.browsing.twins import twins
from medianest_plex.settings import PlexSettings

_ONE: Final = f"""
    SELECT {COLUMNS}, i.parent_key, i.grandparent_key, {seen_sql("i", 2)} AS seen FROM plugin_plex.item i
     WHERE i.id = $1 AND {visible_sql("i", 3)}
"""  # nosec B608 # noqa: S608 - every part is written here
_CHILDREN: Final = f"SELECT {COLUMNS}, {seen_sql('i', 3)} AS seen FROM plugin_plex.item i"  # nosec B608 # noqa: S608 - every part is written here
_BY_NUMBER: Final = Order("i.number", "integer", nullable=True)
_HOLDS: Final = {"show": "season", "season": "episode", "artist": "album"}


class ItemPath(BaseModel):
    """Which item."""

    id: UUID


class ChildrenQuery(BaseModel):
    """Which part of what it holds."""

    limit: int = Field(default=100, ge=1, le=500)
    cursor: Cursor | None = None


async def one(ctx: Context[PlexSettings], seen: Sight, item_id: UUID, query: ChildrenQuery) -> ItemWithChildren:
    """That item with a page of its children. Raises `NotFound` for one that is not there or not to be seen, `BadInput`."""
    row = await ctx.db.fetchrow(_ONE, item_id, seen.person_id, seen.everywhere)
    if row is None:
        raise errors.NotFound("There is no such thing in the library.", code="item_not_found")
    elsewhere = (await twins(ctx.db, seen, [item_id])).get(item_id, [])
    return ItemWithChildren(
        **fields(ctx, seen, row),
        background=picture(ctx, row["instance"], row["art"], BACKGROUND_WIDTH),
        above=await _above(ctx, row),
        places=[place(ctx, seen, there) for there in (row, *elsewhere)],
        children=await _children(ctx, seen, row, query),
        freshness=seen.freshness,
    )


async def _above(ctx: Context[PlexSettings], row: Record) -> list[Above]:
    keys = [key for key in (row["parent_key"], row["grandparent_key"]) if key is not None]
    if not keys:
        return []
    # In the same section: what is to be seen of a season is to be seen of its show.
    found = await ctx.db.fetch(
        """SELECT id, kind, title, rating_key FROM plugin_plex.item
            WHERE instance = $1 AND rating_key = ANY($2::bigint[]) AND section_key = $3""",
        *(row["instance"], keys, row["section_key"]),
    )
    by_key = {one["rating_key"]: one for one in found}
    return [
        Above(id=by_key[key]["id"], kind=by_key[key]["kind"], title=by_key[key]["title"])
        for key in keys
        if key in by_key
    ]


async def _children(ctx: Context[PlexSettings], seen: Sight, row: Record, query: ChildrenQuery) -> Page[Item]:
    held = _HOLDS.get(row["kind"])
    if held is None:
        return Page[Item](items=[])
    where = Where([row["instance"], row["rating_key"], seen.person_id, held, seen.everywhere])
    where.add(f"i.instance = $1 AND i.parent_key = $2 AND i.kind = $4 AND {visible_sql('i', 5)}")
    rows, cursor = await keyset.page(
        ctx.db, _CHILDREN, where, _BY_NUMBER, f"children {row['id']}", query.cursor, query.limit
    )
    return Page[Item](items=[item(ctx, seen, child) for child in rows], next_cursor=cursor)
