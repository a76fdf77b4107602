"""Tells open pages what is being played; writes nothing, and its failing fails nothing: pages ask again after an outage."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context
from medianest_plex.playing.models import PlayingChanged
from medianest_plex.playing.reading import all_open, read_rows, shown
from medianest_plex.playing.writing import Change
from medianest_plex.privacy import BROWSE, SEE_OTHERS_PLAYING
from medianest_plex.settings import PlexSettings

EVENT: Final = "playing"
TILE: Final = "playing"


async def tell(ctx: Context[PlexSettings], change: Change) -> None:
    """Tell at once that something began or ended, was paused or goes on; nothing of anything else."""
    if change.is_news:
        await tell_all(ctx)


async def tell_all(ctx: Context[PlexSettings]) -> None:
    """Tell at once what is being played, on all servers."""
    try:
        await ctx.realtime.widget_changed(TILE)
        await _send(ctx, keep=True)
    except Exception as error:
        ctx.log.warning("pages were not told", error=type(error).__name__)


async def tell_progress(ctx: Context[PlexSettings]) -> None:
    """Tell how far it all has come: worthless a moment later."""
    try:
        await _send(ctx, keep=False)
    except Exception as error:
        ctx.log.warning("pages were not told", error=type(error).__name__)


async def _send(ctx: Context[PlexSettings], *, keep: bool) -> None:
    rows, now = await read_rows(ctx), ctx.clock.now()
    whole = PlayingChanged(complete=True, at=now, items=[shown(row, complete=True) for row in rows])
    await ctx.realtime.send(EVENT, whole, permission=SEE_OTHERS_PLAYING, keep=keep)
    # Everybody gets the same, so it holds only what everybody may see. Else pages ask: each is answered what it may know.
    every = await all_open(ctx, rows)
    if every or keep:
        items = [shown(row, complete=False) for row in rows] if every else None
        await ctx.realtime.send(
            EVENT, PlayingChanged(complete=False, at=now, items=items), permission=BROWSE, keep=keep
        )
