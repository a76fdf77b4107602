"""Looks at a request a webhook told of, and once more where what it told of is not to be seen yet."""

from __future__ import annotations

from collections.abc import Iterable

from medianest_overseerr.client.answers import Kind
from medianest_overseerr.connection import Ctx
from medianest_overseerr.hearing.later import AgainArgs, look_later
from medianest_overseerr.requests import looking, rows
from medianest_overseerr.states import RequestState

_MOST = 10


async def look(ctx: Ctx, number: int, unless: Iterable[RequestState]) -> None:
    """See how it stands. The services post before they have written it down, so that a look may come too early.

    Raises as the client does.
    """
    await _look(ctx, AgainArgs(request_id=number, unless=sorted(unless)))


async def look_at_title(ctx: Ctx, kind: Kind, tmdb_id: int, unless: Iterable[RequestState]) -> int:
    """The same for all kept requests for a title; returns how many there are. Raises as the client does."""
    kept = (await rows.of_titles(ctx.db, ctx.instance, [(kind, tmdb_id)])).get((kind, tmdb_id), [])
    for row in kept[-_MOST:]:
        await look(ctx, row.request_id, unless)
    return len(kept)


async def look_once_more(ctx: Ctx, args: AgainArgs) -> None:
    """See how it stands now, as `look_later` asked for. Raises as the client does."""
    await _look(ctx, args.model_copy(update={"tries": args.tries + 1}))


async def _look(ctx: Ctx, args: AgainArgs) -> None:
    row = await looking.look(ctx, args.request_id)
    if row is None or row.state in args.unless:
        await look_later(ctx, args)
