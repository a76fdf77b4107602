"""Keeps which libraries a server shares with somebody. What cannot be asked stays as it was; what is refused is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Queries
from medianest_plex.browsing.sight import NEVER, REFRESH_AFTER
from medianest_plex.client.personal import PersonalPlex
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.personal.asking import NotLinked, NotShared, plex_of
from medianest_plex.settings import PlexSettings

AGAIN: Final = timedelta(minutes=5)
"""So long after Plex refused a token, or told only half, it is asked again: a refusal may be a whim of plex.tv's."""


async def note_account(ctx: Context[PlexSettings], person_id: UUID) -> None:
    """From now on the person sees what Plex shares with their account, and nothing until it is known what that is."""
    await ctx.db.execute(
        """INSERT INTO plugin_plex.seen_state (instance, person_id, sections, refreshed_at)
           SELECT instance, $2, ARRAY[]::integer[], $3 FROM unnest($1::text[]) AS instance ON CONFLICT DO NOTHING""",
        *([server.instance for server in ctx.settings.servers], person_id, NEVER),
    )


async def ask_shares(ctx: Context[PlexSettings], person_id: UUID) -> tuple[PersonalPlex, list[int]] | None:
    """Ask what the person may see on the context's server, and keep it; None where that is nothing at all.

    Raises `UpstreamError`, `UpstreamTimeout` or `Unavailable` while it cannot be said; then what was known stays.
    """
    now = ctx.clock.now()
    try:
        plex = await plex_of(ctx, person_id)
        sections = await plex.sections()
    except (NotLinked, NotShared):
        await keep_shares(ctx.db, ctx.instance, person_id, [], now)
        return None
    except TokenRefused:
        await keep_shares(ctx.db, ctx.instance, person_id, [], now - REFRESH_AFTER + AGAIN)
        return None
    await keep_shares(ctx.db, ctx.instance, person_id, sections, now)
    return plex, sections


async def keep_shares(q: Queries, instance: str, person_id: UUID, sections: Sequence[int], at: datetime) -> None:
    """The person may see these sections, as Plex said then."""
    await q.execute(
        """INSERT INTO plugin_plex.seen_state (instance, person_id, sections, refreshed_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (instance, person_id) DO UPDATE SET sections = $3, refreshed_at = $4""",
        *(instance, person_id, list(sections), at),
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
