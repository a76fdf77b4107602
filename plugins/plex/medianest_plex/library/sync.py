"""One sync of the library: sections, their items, what is gone, collections and playlists. Goes on where one was killed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_hub.plugin_api.tasks import ReportProgress
from medianest_plex.client.library import PlexLibrary
from medianest_plex.connection import connection
from medianest_plex.library import hints, state
from medianest_plex.library.arrivals import release
from medianest_plex.library.comparing import compare
from medianest_plex.library.groups import bring_collections, bring_playlists
from medianest_plex.library.removing import missing, settle
from medianest_plex.library.replacing import LIBRARY_TAG, empty_replaced
from medianest_plex.library.run import Run
from medianest_plex.library.sections import Section, advance, bring, finish, read_sections, renamed
from medianest_plex.library.walking import ALL, NEW, by_id, is_due, mode_of, start, steps, walk
from medianest_plex.servers import here
from medianest_plex.settings import PlexSettings

FULL_EVERY: Final = timedelta(days=1)
STRETCH_SECONDS: Final = 1500.0
"""How long one job works at most; what is left is for the next."""

_MISSING_SHARE: Final = 20
"""A first reading that comes to less than 19 in 20 of what the server says it has is not a reading."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sync did: items that came, changed and went."""

    fresh: int
    changed: int
    removed: int


async def library_client(ctx: Context[PlexSettings]) -> PlexLibrary | None:
    """The client that speaks for the server's owner; None without a token. Raises what `connection` raises."""
    server = here(ctx)
    if server.token is None:
        return None
    link = await connection(ctx)
    return PlexLibrary.of_owner(
        *(ctx.http, server.url, ctx.settings.product, link.client_identifier, server.tls),
        *(server.token.get_secret_value(), server.service, server.field("token")),
    )


async def due(ctx: Context[PlexSettings]) -> bool:
    """Whether there is a reason to sync: one is under way, something was hinted at, or it is time."""
    server = await state.read_server(ctx.db, ctx.instance)
    if server.synced_at is None or await hints.hinted(ctx.db, ctx.instance):
        return True
    if ctx.clock.now() - server.synced_at >= timedelta(minutes=ctx.settings.sync_minutes):
        return True
    known = await read_sections(ctx.db, ctx.instance)
    return any(one.part or (one.missing_since is None and not here(ctx).shows(one.title)) for one in known)


async def synchronise(ctx: Context[PlexSettings], report: ReportProgress, *, full: bool = False) -> Outcome | None:
    """Bring the library to what the server has; `full`: compare everything. None without a token.

    Raises `AuthFailed`, `UpstreamError` and `Unavailable`, and `OutOfTime` when there is more to do: whatever was read
    until then stays, and the next sync goes on from there.
    """
    client = await library_client(ctx)
    if client is None:
        return None
    run = Run(ctx, client, report, ctx.clock.monotonic() + STRETCH_SECONDS, ctx.settings.page_size)
    began = ctx.clock.now()
    await hints.begin_round(ctx.db, ctx.instance)
    try:
        await _meet(run)
        sections, gone = await bring(ctx, await run.ask(client.sections))
        run.removed += gone
        sections = [await _begun(run, one, began, full=full) for one in sections]
        sections = [await walk(run, one) for one in sections]
        await _look_at_hints(run, sections)
        whole = [await _settled(run, sections, one) for one in sections]
        await _bring_groups(run, sections)
        async with ctx.db.transaction() as tx:
            for one, complete in zip(sections, whole, strict=True):
                await finish(tx, ctx.instance, one, full=complete, now=began)
            await tx.execute("UPDATE plugin_plex.server SET synced_at = $2 WHERE instance = $1", ctx.instance, began)
        await release(ctx)
    finally:
        if run.left_out:
            ctx.log.warning("plex_items_left_out", server=ctx.instance, times=run.left_out)
        if run.has_changed:
            await ctx.cache.bump(LIBRARY_TAG)
    await state.heard(ctx)
    await state.note_sync(ctx, await renamed(ctx))
    return Outcome(run.fresh, run.changed, run.removed)


async def _meet(run: Run) -> None:
    """Make sure that it is our server, before it is shown the token; learn its name. Raises `UpstreamError`."""
    link, server = await connection(run.ctx), here(run.ctx)
    identity = await run.ask(link.server.identity)
    if identity.machine_identifier != link.machine_identifier:
        raise UpstreamError(
            f"Another {server.service} than before answers at its address, {identity.machine_identifier}. Correct the "
            "address, or enter this as machine identifier in the settings.",
            service=server.service,
            field="machineIdentifier",
        )
    await empty_replaced(run.ctx, identity.machine_identifier)
    about = await run.ask(run.client.about)
    await state.heard(
        *(run.ctx,), name=about.name, version=about.version, machine_identifier=identity.machine_identifier
    )


async def _begun(run: Run, section: Section, now: datetime, *, full: bool) -> Section:
    wanted = ALL if full or is_due(section, now, FULL_EVERY) else NEW
    if section.part:
        return section
    return await start(run, section, wanted)


async def _look_at_hints(run: Run, sections: Sequence[Section]) -> None:
    """Bring in what was hinted at; what of it is not there any more is left to counting."""
    ctx = run.ctx
    rows = await ctx.db.fetch("SELECT rating_key, at FROM plugin_plex.hint WHERE instance = $1", ctx.instance)
    run.hinted_gone = await missing(run, sections, [row["rating_key"] for row in rows if row["rating_key"]])
    await ctx.db.execute(
        """DELETE FROM plugin_plex.hint h USING unnest($2::bigint[], $3::timestamptz[]) AS x(rating_key, at)
            WHERE h.instance = $1 AND h.rating_key = x.rating_key AND h.at = x.at""",
        *(ctx.instance, [row["rating_key"] for row in rows], [row["at"] for row in rows]),
    )


async def _settled(run: Run, sections: Sequence[Section], section: Section) -> bool:
    """Let go of what is gone; whether the section was read whole by that, and is to be believed."""
    if mode_of(section) != ALL:
        for kind in section.kinds:
            await compare(run, sections, section, kind)
        return False
    if not section.was_read:
        await _check_first(run, section)
    return await settle(run, sections, section)


async def _check_first(run: Run, section: Section) -> None:
    """A first reading decides what is news later: it must have come to all there is. Raises `UpstreamError`."""
    ctx = run.ctx
    for kind in section.kinds:
        total = await run.ask(partial(run.client.count, section.key, kind, sort=by_id(section, kind)))
        ours = await ctx.db.fetchval(
            "SELECT count(*) FROM plugin_plex.item WHERE instance = $1 AND section_key = $2 AND kind = $3",
            *(ctx.instance, section.key, kind),
        )
        # `until` is when something changed last: as the sync began, something was there.
        emptied = kind == section.kinds[0] and not ours and section.until
        if not emptied and total - ours <= max(10, total // _MISSING_SHARE):
            continue
        async with ctx.db.transaction() as tx:
            await advance(tx, ctx.instance, section, steps(ALL, section)[0], 0)
        service = here(ctx).service
        raise UpstreamError(
            f"{service} has items in the library {section.title} that it did not send: it says {total}, and sent {ours}. It "
            "is asked again.",
            service=service,
            field="MediaContainer.Metadata",
        )


async def _bring_groups(run: Run, sections: Sequence[Section]) -> None:
    for section in sections:
        await bring_collections(run, section, every=mode_of(section) == ALL)
    whole = [one.run for one in sections if mode_of(one) == ALL]
    await bring_playlists(run, max(whole, default=0), every=bool(whole))
