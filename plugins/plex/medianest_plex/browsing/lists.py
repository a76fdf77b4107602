"""Lists of what is in one library: sorted, filtered, page after page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from medianest_hub.plugin_api import Context, Queries, errors
from medianest_plex.browsing import keyset
from medianest_plex.browsing.cursors import Cursor
from medianest_plex.browsing.keyset import Order, Where
from medianest_plex.browsing.models import Items
from medianest_plex.browsing.rows import COLUMNS, item, seen_sql
from medianest_plex.browsing.sight import Sight
from medianest_plex.browsing.words import patterns, words
from medianest_plex.events import Kind
from medianest_plex.settings import PlexSettings

Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
ServerName = Annotated[str, StringConstraints(max_length=32, pattern=r"^[a-z][a-z0-9_]*$")]
"""A server's, as `instance` says it in answers."""

Sort = Literal["added", "title", "year", "rating"]
Direction = Literal["asc", "desc"]
KINDS: Final = {
    "movie": (Kind.MOVIE,),
    "show": (Kind.SHOW, Kind.SEASON, Kind.EPISODE),
    "artist": (Kind.ARTIST, Kind.ALBUM),
}
"""What may be listed of a library of that kind; the first unless one is asked for."""

_IN_COLLECTION: Final = """
    i.rating_key IN (
        SELECT m.rating_key FROM plugin_plex.grouping c
          JOIN plugin_plex.grouped m ON m.instance = c.instance AND m.grouping_key = c.rating_key
         WHERE c.instance = $1 AND c.kind = 'collection' AND c.id = {})
"""


class ItemsQuery(BaseModel):
    """What of a library to list, in which order."""

    kind: Kind | None = Field(
        default=None, description="movies, shows or artists unless one of what they hold is named"
    )
    sort: Sort = "added"
    order: Direction | None = Field(default=None, description="desc unless sorted by title")
    unwatched: bool = Field(default=False, description="only what you have not seen to the end")
    year_from: int | None = Field(default=None, ge=0, le=9999)
    year_to: int | None = Field(default=None, ge=0, le=9999)
    genre: Word = Field(default="", description="only those of that genre, spelt as the library does")
    resolution: Word = Field(default="", description="as 8k, 4k, 1080, 720, 576, 480 or sd")
    collection: UUID | None = Field(default=None, description="only those in that collection")
    q: Word = Field(default="", description="only those with words that begin like these")
    server: ServerName | None = Field(default=None, description="whose library: the first server's unless one is named")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether it is left to chance how many rows lie between two that are wanted."""
        years = self.year_from is not None or self.year_to is not None
        return bool(years or self.genre or self.resolution or self.collection or self.q or self.unwatched)


def order_of(sort: Sort, direction: Direction | None) -> Order:
    """What `ORDER BY` must say so that the index of that name leads the way."""
    descending = (direction or ("asc" if sort == "title" else "desc")) == "desc"
    if sort == "title":
        return Order("i.sort_title", "text", descending)
    if sort == "added":
        return Order("i.added_at", "time", descending)
    of: Literal["integer", "real"] = "integer" if sort == "year" else "real"
    return Order(f"i.{sort}", of, descending, nullable=True, backwards=not descending)


async def items(ctx: Context[PlexSettings], seen: Sight, key: int, query: ItemsQuery) -> Items:
    """A page of the library of that key, of the server the query names or else of the first.

    Raises `NotFound` for one that is not there or not to be seen, `BadInput`.
    """
    server = query.server or seen.instance
    seen = seen.only(server, ctx.clock.now())
    section = seen.sections.get((server, key))
    if section is None:
        raise no_library()
    kinds = KINDS.get(section.kind, ())
    if query.kind is not None and query.kind not in kinds:
        message = f"There is nothing of that kind in this library; there may be {' or '.join(kinds) or 'nothing'}."
        raise errors.BadInput(
            message, fields=[errors.FieldProblem(field="query.kind", code="other_kind", message=message)]
        )
    if not kinds:
        return Items(items=[], freshness=seen.freshness)
    where = Where([section.instance, key, query.kind or kinds[0], seen.person_id])
    where.add("i.instance = $1 AND i.section_key = $2 AND i.kind = $3")
    _narrow(where, query)
    order = order_of(query.sort, query.order)
    name = f"items {query.sort} {'desc' if order.descending else 'asc'}"
    select = f"SELECT {COLUMNS}, i.sort_title, {seen_sql('i', 4)} AS seen FROM plugin_plex.item i"  # nosec B608 # noqa: S608 - every part is written here
    async with _planned(ctx, query) as q:
        rows, cursor = await keyset.page(q, select, where, order, name, query.cursor, query.limit)
    return Items(items=[item(ctx, seen, row) for row in rows], next_cursor=cursor, freshness=seen.freshness)


def no_library() -> errors.NotFound:
    """What to say of one that is not there, or not to be seen."""
    return errors.NotFound("There is no such library.", code="library_not_found")


def _narrow(where: Where, query: ItemsQuery) -> None:
    if query.unwatched:
        where.add(f"NOT {seen_sql('i', 4)}")
    if query.year_from is not None:
        where.add(f"i.year >= {where.arg(query.year_from)}")
    if query.year_to is not None:
        where.add(f"i.year <= {where.arg(query.year_to)}")
    if query.genre:
        where.add(f"i.genres @> ARRAY[{where.arg(query.genre)}::text]")
    if query.resolution:
        where.add(f"i.resolution = {where.arg(query.resolution.lower().removesuffix('p'))}")
    if query.collection is not None:
        where.add(_IN_COLLECTION.format(where.arg(query.collection)))
    if query.q:
        typed = words(query.q)
        if not typed:
            where.add("false")  # nothing but punctuation
        for word in patterns(typed):
            where.add(f"i.words LIKE ANY({where.arg(word)}::text[])")


@asynccontextmanager
async def _planned(ctx: Context[PlexSettings], query: ItemsQuery) -> AsyncIterator[Queries]:
    """Where it is left to chance how many rows are wanted, Postgres has to look at the values before it makes a plan."""
    if not query.is_narrowed:
        yield ctx.db
        return
    async with ctx.db.transaction() as tx:
        await tx.fetchval("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
        yield tx
