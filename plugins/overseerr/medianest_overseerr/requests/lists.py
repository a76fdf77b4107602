"""Requests as people see them: from Postgres, with titles of their own, and names only for those who manage them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr import cursors
from medianest_overseerr.catalogue.titles import Title, titles
from medianest_overseerr.connection import About, Ctx, about, href_of
from medianest_overseerr.images import poster_link
from medianest_overseerr.models import Counts, Freshness, Kind, Requester, RequestPage, RequestView
from medianest_overseerr.people.accounts import names
from medianest_overseerr.privacy import MANAGE, full
from medianest_overseerr.requests import looking
from medianest_overseerr.requests.looking import Source
from medianest_overseerr.requests.rows import COLUMNS, Row, row_of
from medianest_overseerr.states import RequestState

_LIST: Final = "requests"


class RequestsQuery(BaseModel):
    """Which requests: in any of these states, of this kind."""

    state: list[RequestState] = Field(default=[], max_length=10, description="in any of these states")
    kind: Kind | None = None
    limit: int = Field(default=50, ge=1, le=100)
    cursor: cursors.Cursor | None = None


class _Place(cursors.Place):
    at: cursors.Moment
    id: cursors.Number


def manages(person: Person) -> bool:
    """Whether the person may see and decide on everybody's requests."""
    return person.can(full(MANAGE))


async def page(ctx: Ctx, query: RequestsQuery, reader: Person, mine: int | None, of: int | None) -> RequestPage:
    """A page of requests, of the user `of` or (None) of all, for a reader who is the user `mine` there."""
    found = await looking.look_if_stale(ctx)
    last = cursors.read(_Place, _LIST, query.cursor) if query.cursor else None
    records = await ctx.db.fetch(
        f"SELECT {COLUMNS} FROM plugin_overseerr.request WHERE instance = $1 AND ($2::integer IS NULL OR user_id = $2) "  # nosec B608 # noqa: S608 - constants
        "AND ($3::text[] = ARRAY[]::text[] OR state = ANY($3)) AND ($4::text IS NULL OR kind = $4) "
        "AND ($5::timestamptz IS NULL OR (created_at, request_id) < ($5, $6::integer)) "
        "ORDER BY created_at DESC, request_id DESC LIMIT $7",
        ctx.instance,
        of,
        [state.value for state in query.state],
        query.kind,
        last.at if last else None,
        last.id if last else None,
        query.limit + 1,
    )
    rows = [row_of(record) for record in records]
    shown, more = rows[: query.limit], len(rows) > query.limit
    place = _Place(list=_LIST, at=shown[-1].created_at, id=shown[-1].request_id) if more else None
    return RequestPage(
        items=await views(ctx, shown, reader, mine),
        next_cursor=cursors.write(place) if place else None,
        freshness=freshness(ctx, found),
    )


async def counts(ctx: Ctx, of: int | None) -> Counts:
    """How many requests are in each state, of the user `of` or (None) of all."""
    found = await looking.look_if_stale(ctx)
    rows = await ctx.db.fetch(
        "SELECT state, count(*) AS many FROM plugin_overseerr.request "
        "WHERE instance = $1 AND ($2::integer IS NULL OR user_id = $2) GROUP BY state",
        ctx.instance,
        of,
    )
    states = {RequestState(row["state"]): int(row["many"]) for row in rows}
    return Counts(total=sum(states.values()), states=states, freshness=freshness(ctx, found))


async def views(ctx: Ctx, rows: Sequence[Row], reader: Person, mine: int | None) -> list[RequestView]:
    """The rows as the reader may see them: what they are called is asked for once for all of them."""
    called = await titles(ctx, [(row.kind, row.tmdb_id) for row in rows])
    told = await _requesters(ctx, rows) if manages(reader) else {}
    found = await about_if_known(ctx)
    return [_view(ctx, row, called.get((row.kind, row.tmdb_id)), told, reader, mine, found) for row in rows]


async def about_if_known(ctx: Ctx) -> About | None:
    """What the service is; None while it cannot be asked, for lists do without."""
    try:
        return await about(ctx)
    except HubError:
        return None


def freshness(ctx: Ctx, found: Source) -> Freshness:
    """How far what is kept can be believed."""
    return Freshness(as_of=found.swept_at, stale=looking.is_stale(ctx, found), reason=found.trouble)


def _view(
    ctx: Ctx,
    row: Row,
    title: Title | None,
    told: dict[int, Requester],
    reader: Person,
    mine: int | None,
    found: About | None,
) -> RequestView:
    known = title or Title(row.kind, row.tmdb_id, "")
    is_mine = mine is not None and row.user_id == mine
    return RequestView(
        id=row.request_id,
        kind=row.kind,
        tmdb_id=row.tmdb_id,
        title=known.title,
        year=known.year,
        poster=poster_link(ctx, known.poster),
        seasons=row.seasons,
        is4k=row.is4k,
        state=row.state,
        reason=row.reason,
        created_at=row.created_at,
        changed_at=row.changed_at,
        mine=is_mine,
        cancellable=manages(reader) or (is_mine and row.state is RequestState.PENDING),
        href=None if found is None else href_of(found, row.kind, row.tmdb_id),
        by=None if row.user_id is None else told.get(row.user_id),
    )


async def _requesters(ctx: Ctx, rows: Sequence[Row]) -> dict[int, Requester]:
    users = {row.user_id for row in rows if row.user_id is not None}
    called = await names(ctx, users)
    matched: dict[int, UUID] = {
        record["user_id"]: record["person_id"]
        for record in await ctx.db.fetch(
            "SELECT user_id, person_id FROM plugin_overseerr.match WHERE instance = $1 AND user_id = ANY($2::integer[])",
            ctx.instance,
            sorted(users),
        )
    }
    return {
        user: Requester(user_id=user, name=called.get(user, f"#{user}"), person_id=matched.get(user)) for user in users
    }
