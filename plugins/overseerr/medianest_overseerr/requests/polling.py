"""Looks what changed without reading everything: the net beneath the webhook. Once in a while everything is read all the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.client import Overseerr, answers
from medianest_overseerr.connection import Ctx, service
from medianest_overseerr.installation import ensure_same
from medianest_overseerr.requests import looking, rows
from medianest_overseerr.requests.rows import Change, Row
from medianest_overseerr.states import RequestState

WHOLE_EVERY: Final = timedelta(minutes=15)
"""How long something that no shorter look finds may stay unseen: what was deleted after it had arrived, say."""

FEW: Final = 100
"""So many requests are on one page, and read whole each time."""

_PAGE: Final = 50
_MOST_PAGES: Final = 5
_MOST_CLOSER: Final = 50
_MOST_OPEN: Final = 500
_EARLY: Final = timedelta(seconds=5)

_OPEN: Final = (RequestState.PENDING, RequestState.APPROVED, RequestState.PROCESSING, RequestState.PARTLY_AVAILABLE)


async def is_due(ctx: Ctx) -> bool:
    """Whether it is time to look again."""
    found = await looking.source(ctx)
    every = timedelta(seconds=ctx.settings.poll_seconds) - _EARLY
    return found.swept_at is None or ctx.clock.now() - found.swept_at >= every


async def poll(ctx: Ctx) -> list[Change]:
    """Find out what changed, tell of it, and note how it went. Raises as the client does."""
    await ensure_same(ctx)
    found = await looking.source(ctx)
    kept = await ctx.db.fetchval("SELECT count(*) FROM plugin_overseerr.request WHERE instance = $1", ctx.instance)
    if kept <= FEW or found.whole_at is None or ctx.clock.now() - found.whole_at >= WHOLE_EVERY:
        return await looking.sweep(ctx)
    try:
        changes = await _look(ctx)
    except HubError as error:
        await looking.note_trouble(ctx, error.message)
        raise
    await looking.note_trouble(ctx, "")
    return changes


async def _look(ctx: Ctx) -> list[Change]:
    """What changed lately, and what of those still to come has come: a request does not change when its title arrives."""
    asked, asked_at = service(ctx), await looking.now_of_database(ctx)
    found = await _changed(ctx, asked)
    found |= await _to_come(asked)
    kept = await rows.rows(ctx.db, ctx.instance, sorted(found))
    vague = [one.id for one in found.values() if looking.wants_a_closer_look(one, kept.get(one.id))]
    missing = await _open_ones(ctx, asked_at, set(found))
    there = await looking.closer(asked, sorted({*vague, *missing}))
    gone = [number for number in missing if number not in there]
    return await looking.keep(ctx, found | there, kept, gone, asked_at, whole=False)


async def _changed(ctx: Ctx, asked: Overseerr) -> dict[int, answers.Request]:
    """Those that changed last, up to the first page that holds nothing new."""
    found: dict[int, answers.Request] = {}
    for _ in range(_MOST_PAGES):
        page = await asked.requests(len(found), _PAGE, sort="modified")
        fresh = {one.id: one for one in page.results if one.id not in found}
        kept = await rows.rows(ctx.db, ctx.instance, sorted(fresh))
        found |= fresh
        if not any(_is_news(one, kept.get(one.id)) for one in fresh.values()) or len(found) >= page.page.results:
            break
    return found


def _is_news(found: answers.Request, kept: Row | None) -> bool:
    return kept is None or kept.updated_at != found.updated_at


async def _to_come(asked: Overseerr) -> dict[int, answers.Request]:
    found: dict[int, answers.Request] = {}
    while len(found) < _MOST_OPEN:
        page = await asked.requests(len(found), which="unavailable")
        before = len(found)
        found |= {one.id: one for one in page.results}
        if len(found) >= page.page.results or len(found) == before:
            break
    return found


async def _open_ones(ctx: Ctx, asked_at: datetime, found: set[int]) -> list[int]:
    """Requests with something to come that were in no list: it has come, or they are gone. Those looked at longest ago first."""
    records = await ctx.db.fetch(
        "SELECT request_id FROM plugin_overseerr.request WHERE instance = $1 AND state = ANY($2::text[]) AND asked_at < $3 "
        "AND request_id <> ALL($4::integer[]) ORDER BY asked_at, request_id LIMIT $5",
        ctx.instance,
        [state.value for state in _OPEN],
        asked_at,
        sorted(found),
        _MOST_CLOSER,
    )
    return [record["request_id"] for record in records]
