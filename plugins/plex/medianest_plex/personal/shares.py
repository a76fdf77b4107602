"""Keeps which libraries a server shares with somebody. What cannot be asked stays as it was; what is refused is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Queries
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_plex.browsing.sight import NEVER, REFRESH_AFTER
from medianest_plex.client.personal import PersonalPlex
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.personal.asking import NotLinked, NotShared, plex_of
from medianest_plex.servers import here
from medianest_plex.settings import PlexSettings

AGAIN: Final = timedelta(minutes=5)
"""So long after Plex refused a token, or told only half, it is asked again: a refusal may be a whim of plex.tv's."""


_HAD: Final = """
    SELECT cardinality(sections) > 0 FROM plugin_plex.seen_state WHERE instance = $1 AND person_id = $2 AND subject = $3
"""
_KEEP: Final = """
    WITH other AS (
        DELETE FROM plugin_plex.seen w USING plugin_plex.seen_state t
         WHERE t.instance = $1 AND t.person_id = $2 AND t.subject <> $3 AND w.instance = $1 AND w.person_id = $2
    )
    INSERT INTO plugin_plex.seen_state AS t (instance, person_id, subject, sections, refreshed_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (instance, person_id) DO UPDATE
       SET subject = $3, sections = $4, refreshed_at = $5,
           doubt_since = CASE WHEN t.subject = $3 THEN t.doubt_since END
"""


async def note_account(ctx: Context[PlexSettings], person_id: UUID) -> None:
    """From now on the person sees what Plex shares with their account, and nothing until it is known what that is."""
    await ctx.db.execute(
        """INSERT INTO plugin_plex.seen_state (instance, person_id, sections, refreshed_at)
           SELECT instance, $2, ARRAY[]::integer[], $3 FROM unnest($1::text[]) AS instance ON CONFLICT DO NOTHING""",
        *([server.instance for server in ctx.settings.servers], person_id, NEVER),
    )
    await forget_if_gone(ctx, person_id)


async def ask_shares(ctx: Context[PlexSettings], person_id: UUID) -> tuple[PersonalPlex, list[int]] | None:
    """Ask what the person may see on the context's server, and keep it; None where that is nothing at all.

    Raises `UpstreamError`, `UpstreamTimeout` or `Unavailable` while it cannot be said; then what was known stays.
    """
    now = ctx.clock.now()
    account = await ctx.people.identity(person_id)
    subject = account.subject if account is not None else ""
    try:
        plex = await plex_of(ctx, person_id, account)
        sections = await plex.sections()
    except (NotLinked, NotShared):
        await keep_shares(ctx.db, ctx.instance, person_id, subject, [], now)
        return None
    except TokenRefused:
        await keep_shares(ctx.db, ctx.instance, person_id, subject, [], now - REFRESH_AFTER + AGAIN)
        return None
    if not sections and await ctx.db.fetchval(_HAD, ctx.instance, person_id, subject):
        await doubt(ctx, person_id)
    await keep_shares(ctx.db, ctx.instance, person_id, subject, sections, now)
    return plex, sections


async def keep_shares(
    q: Queries, instance: str, person_id: UUID, subject: str, sections: Sequence[int], at: datetime
) -> None:
    """The person may see these sections by that account, as Plex said then; of another account of theirs nothing is kept."""
    await q.execute(_KEEP, *(instance, person_id, subject, list(sections), at))


async def doubt(ctx: Context[PlexSettings], person_id: UUID) -> None:
    """The server told of nothing where there was something: raise `UpstreamError`, unless it did so the last time, too."""
    since = await ctx.db.fetchval(
        "SELECT doubt_since FROM plugin_plex.seen_state WHERE instance = $1 AND person_id = $2",
        *(ctx.instance, person_id),
    )
    if since is not None:
        return
    await ctx.db.execute(
        "UPDATE plugin_plex.seen_state SET doubt_since = $3 WHERE instance = $1 AND person_id = $2",
        *(ctx.instance, person_id, ctx.clock.now()),
    )
    service = here(ctx).service
    raise UpstreamError(f"The {service} told of nothing where there was something; it is asked again.", service=service)


async def settle(q: Queries, instance: str, person_id: UUID) -> None:
    """All was told of the person: nothing is in doubt any more."""
    await q.execute(
        "UPDATE plugin_plex.seen_state SET doubt_since = NULL WHERE instance = $1 AND person_id = $2",
        *(instance, person_id),
    )


async def ask_again_soon(ctx: Context[PlexSettings], person_id: UUID) -> None:
    """What is known of the person holds, and is asked for again before the hour is over."""
    await ctx.db.execute(
        """UPDATE plugin_plex.seen_state SET refreshed_at = least(refreshed_at, $3)
            WHERE instance = $1 AND person_id = $2""",
        *(ctx.instance, person_id, ctx.clock.now() - REFRESH_AFTER + AGAIN),
    )


async def forget(q: Queries, person_id: UUID) -> None:
    """Nothing is kept of that person any more."""
    await q.execute("DELETE FROM plugin_plex.seen WHERE person_id = $1", person_id)
    await q.execute("DELETE FROM plugin_plex.seen_state WHERE person_id = $1", person_id)


async def forget_if_gone(ctx: Context[PlexSettings], person_id: UUID) -> None:
    """After something was kept: who was removed meanwhile may have been forgotten just before it was."""
    if await ctx.people.get(person_id) is None:
        await forget(ctx.db, person_id)
