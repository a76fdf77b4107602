"""Keeps requests as the service has them: all of them now and then, single ones when there is a reason to look."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from medianest_hub.plugin_api.errors import HubError, UpstreamError
from medianest_overseerr import telling
from medianest_overseerr.client import Overseerr, answers
from medianest_overseerr.client.refusals import SERVICE
from medianest_overseerr.connection import Ctx, service
from medianest_overseerr.installation import ensure_same
from medianest_overseerr.requests import rows
from medianest_overseerr.requests.rows import Change

MOST: Final = 5000
"""Requests that are kept: the newest."""

_AT_ONCE: Final = 4
_GONE_AT_ONCE: Final = 200
_AGAIN_SECONDS: Final = 10.0
_PATIENCE: Final = 8.0
_SETTLED: Final = timedelta(minutes=10)
_TITLES_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Source:
    """How far what is kept can be believed. `swept_at`: the last look that found what had changed, `whole_at`: at everything.

    `trouble` is what kept the last look from its end; `since` when it began.
    """

    swept_at: datetime | None = None
    trouble: str = ""
    since: datetime | None = None
    whole_at: datetime | None = None


async def source(ctx: Ctx) -> Source:
    """How it stands."""
    row = await ctx.db.fetchrow(
        "SELECT swept_at, trouble, since, whole_at FROM plugin_overseerr.source WHERE instance = $1", ctx.instance
    )
    return Source() if row is None else Source(row["swept_at"], row["trouble"], row["since"], row["whole_at"])


def is_stale(ctx: Ctx, found: Source) -> bool:
    """Whether changes may have gone unnoticed for longer than they should."""
    limit = timedelta(seconds=2 * ctx.settings.poll_seconds + 30)
    return found.swept_at is None or ctx.clock.now() - found.swept_at > limit


async def sweep(ctx: Ctx) -> list[Change]:
    """Read all requests, tell of what changed, and note how it went. Raises as the client does."""
    try:
        changes = await _sweep(ctx)
    except HubError as error:
        await note_trouble(ctx, error.message)
        raise
    await note_trouble(ctx, "")
    return changes


async def look(ctx: Ctx, number: int, reason: str | None = None) -> rows.Row | None:
    """Read one request, tell if it changed, and return it; None where there is none (any more). `reason` as for `take`."""
    await ensure_same(ctx)
    asked_at = await now_of_database(ctx)
    found = await service(ctx).request(number)
    if found is None:
        await forget(ctx, number, asked_at)
        return None
    await take(ctx, found, asked_at, reason)
    return await rows.row(ctx.db, ctx.instance, number)


async def take(ctx: Ctx, found: answers.Request, asked_at: datetime, reason: str | None = None) -> None:
    """Keep one answer, and tell if it is news. `reason`: why it was declined; None leaves what is kept."""
    reasons = {} if reason is None else {found.id: reason}
    users = [None if found.by is None else found.by.id]
    known = await telling.know(ctx, users, [(found.kind, found.media.tmdb_id)])
    async with ctx.db.transaction() as tx:
        changes = await rows.write(tx, ctx.instance, [found], asked_at, ctx.clock.now(), reasons)
        await telling.tell(ctx, tx, changes, known)
    await telling.show(ctx, changes, known)


async def forget(ctx: Ctx, number: int, asked_at: datetime, removed: rows.Row | None = None) -> None:
    """It was taken back. `removed`: the request, where somebody else than whose it is removed it here."""
    kept = removed or await rows.row(ctx.db, ctx.instance, number)
    if kept is None:
        return
    known = await telling.know(ctx, [kept.user_id], [(kept.kind, kept.tmdb_id)])
    async with ctx.db.transaction() as tx:
        changes = await rows.remove(tx, ctx.instance, [number], asked_at)
        await telling.tell(ctx, tx, changes, known)
        if removed is not None:
            await telling.tell_removed(ctx, tx, removed, known)
    await telling.show(ctx, changes, known)


async def now_of_database(ctx: Ctx) -> datetime:
    """When a question is asked that `take` gets the answer to."""
    found: datetime = await ctx.db.fetchval("SELECT clock_timestamp()")
    return found


async def look_if_stale(ctx: Ctx) -> Source:
    """How it stands, after a look if the last one is too long ago: a worker may be missing.

    Raises as the client does where nothing was ever read; else what is kept is shown, however it went.
    """
    await ensure_same(ctx)
    found = await source(ctx)
    if not is_stale(ctx, found):
        return found

    async def read() -> bool:
        async with asyncio.timeout(_PATIENCE):
            await sweep(ctx)
        return True

    try:
        await ctx.cache.remember(f"sweep:{ctx.generation}", _AGAIN_SECONDS, read)
    except TimeoutError:
        if found.swept_at is None:
            raise UpstreamError(
                f"{SERVICE} takes long to list its requests. Try again in a minute.", service=SERVICE
            ) from None
    except HubError:
        if found.swept_at is None:
            raise
    return await source(ctx)


async def note_trouble(ctx: Ctx, words: str) -> None:
    """What keeps us from looking, or that nothing does: said in the log once when it begins and once when it ends."""
    before = await source(ctx)
    if before.trouble == words:
        return
    await ctx.db.execute(
        "INSERT INTO plugin_overseerr.source (instance, trouble, since) VALUES ($1, $2, $3) "
        "ON CONFLICT (instance) DO UPDATE SET trouble = EXCLUDED.trouble, since = CASE WHEN source.trouble = '' "
        "OR EXCLUDED.trouble = '' THEN EXCLUDED.since ELSE source.since END",
        ctx.instance,
        words,
        ctx.clock.now() if words else None,
    )
    if words and not before.trouble:
        ctx.log.warning("overseerr_down", reason=words)
    elif not words and before.trouble:
        ctx.log.info("overseerr_up")


async def _sweep(ctx: Ctx) -> list[Change]:
    await ensure_same(ctx)
    first = (await source(ctx)).swept_at is None
    asked, asked_at = service(ctx), await now_of_database(ctx)
    found, whole = await _all(asked)
    kept = await rows.rows(ctx.db, ctx.instance, sorted(found))
    vague = [one.id for one in found.values() if wants_a_closer_look(one, kept.get(one.id))]
    found |= await closer(asked, vague)
    gone: list[int] = []
    if whole:
        missing = sorted(await rows.all_numbers(ctx.db, ctx.instance, asked_at) - set(found))[:_GONE_AT_ONCE]
        there = await closer(asked, missing)
        gone = [number for number in missing if number not in there]
        found |= there
    return await keep(ctx, found, kept, gone, asked_at, whole=True, first=first)


async def keep(
    ctx: Ctx,
    found: dict[int, answers.Request],
    kept: dict[int, rows.Row],
    gone: list[int],
    asked_at: datetime,
    *,
    whole: bool,
    first: bool = False,
) -> list[Change]:
    """Keep what a look found, and that it was done; tell of what changed since `kept`.

    `whole`: it was a look at all there is. `first`: nothing was known before, so that nothing of it is news.
    """
    known = await _known(ctx, found, kept, gone)
    async with ctx.db.transaction() as tx:
        changes = await rows.write(tx, ctx.instance, found.values(), asked_at, ctx.clock.now())
        changes += await rows.remove(tx, ctx.instance, gone, asked_at)
        if not first:
            await telling.tell(ctx, tx, changes, known)
        await tx.execute(
            "INSERT INTO plugin_overseerr.source (instance, swept_at, whole_at) VALUES ($1, $2, $3) "
            "ON CONFLICT (instance) DO UPDATE SET swept_at = EXCLUDED.swept_at, "
            "whole_at = coalesce(EXCLUDED.whole_at, source.whole_at)",
            ctx.instance,
            ctx.clock.now(),
            ctx.clock.now() if whole else None,
        )
    if first:
        await telling.show_all(ctx)
    else:
        await telling.show(ctx, changes, known)
    return changes


async def _known(
    ctx: Ctx, found: dict[int, answers.Request], kept: dict[int, rows.Row], gone: list[int]
) -> telling.Known:
    """What is needed to tell of what seems to have changed; and the titles of all, for lists to have them."""
    going = await rows.rows(ctx.db, ctx.instance, gone)
    users = {one.user_id for one in going.values()}
    for number, one in found.items():
        before = kept.get(number)
        if one.by is not None and (before is None or before.state is not rows.state_in(one)):
            users.add(one.by.id)
    keys = {(one.kind, one.media.tmdb_id) for one in found.values()} | {(r.kind, r.tmdb_id) for r in going.values()}
    return await telling.know(ctx, users, keys, wait=_TITLES_SECONDS)


def wants_a_closer_look(found: answers.Request, kept: rows.Row | None) -> bool:
    """Whether only the request by itself says how it stands, and it was not looked at well after its media last changed.

    That time is told in whole seconds of another machine's clock.
    """
    if not rows.is_vague(found):
        return False
    if kept is None or kept.media_at is None or kept.media_at != found.media.updated_at:
        return True
    return kept.asked_at - kept.media_at < _SETTLED


async def _all(asked: Overseerr) -> tuple[dict[int, answers.Request], bool]:
    """All requests by number, `MOST` at most, and whether these are all there are."""
    found: dict[int, answers.Request] = {}
    skip = 0
    while len(found) < MOST:
        page = await asked.requests(skip)
        found |= {one.id: one for one in page.results}
        skip += len(page.results)
        if skip >= page.page.results:
            return found, True
        if not page.results:
            raise UpstreamError(
                f"{SERVICE} does not list as many requests as it says there are.",
                service=SERVICE,
                field="pageInfo.results",
            )
    return found, False


async def closer(asked: Overseerr, numbers: Sequence[int]) -> dict[int, answers.Request]:
    """Each of these by itself, a few at once; those that are gone are left out."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> answers.Request | None:
        async with slots:
            return await asked.request(number)

    found: Iterable[answers.Request | None] = await asyncio.gather(*(one(number) for number in numbers))
    return {one.id: one for one in found if one is not None}
