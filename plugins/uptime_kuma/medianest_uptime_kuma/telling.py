"""Tells open pages what changed; writes nothing, and its failing fails nothing: pages ask again after an outage."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from medianest_hub.plugin_api import Context
from medianest_uptime_kuma.models import MonitorAlerted, MonitorChanged
from medianest_uptime_kuma.privacy import DETAILS, READ
from medianest_uptime_kuma.settings import UptimeKumaSettings

DETAILS_TILE = "monitors"
STATUS_TILES = ("status", DETAILS_TILE)


async def tell(
    ctx: Context[UptimeKumaSettings], changes: Sequence[MonitorChanged], alerts: Sequence[MonitorAlerted]
) -> None:
    """`uptime_kuma:monitor.changed` and `…:monitor.alerted`, to whom the monitor is shown, and their tiles anew."""
    for change in changes:
        await _send(ctx, "monitor.changed", change, shown=change.shown_to_members)
    for alert in alerts:
        await _send(ctx, "monitor.alerted", alert, shown=alert.shown_to_members)
    if changes:
        shown = any(change.shown_to_members for change in changes)
        await tell_tiles(ctx, *(STATUS_TILES if shown else (DETAILS_TILE,)))


async def tell_incident(ctx: Context[UptimeKumaSettings], event: str, data: BaseModel) -> None:
    """`uptime_kuma:incident.opened` or `…closed`, to members where they see anything at all."""
    await _send(ctx, event, data, shown=ctx.settings.members_see != "nothing")


async def tell_tiles(ctx: Context[UptimeKumaSettings], *tiles: str) -> None:
    """These tiles would show something else now."""
    try:
        for tile in tiles:
            await ctx.realtime.widget_changed(tile)
    except Exception as error:
        ctx.log.warning("pages were not told", error=type(error).__name__)


async def _send(ctx: Context[UptimeKumaSettings], event: str, data: BaseModel, *, shown: bool) -> None:
    try:
        # Everybody who has the right to details has the one to read, too: nobody hears it twice. Not kept for pages that
        # slept: what members may see could be another thing by then, and tiles and lists say how it is.
        await ctx.realtime.send(event, data, permission=READ if shown else DETAILS, keep=False)
    except Exception as error:
        ctx.log.warning("pages were not told", error=type(error).__name__)
