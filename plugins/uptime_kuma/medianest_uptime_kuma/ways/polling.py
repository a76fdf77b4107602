"""What the ways in that ask again and again share: waiting, and bearing what is wrong with Uptime Kuma."""

from __future__ import annotations

import asyncio
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import HubError, Unavailable
from medianest_uptime_kuma.ledger.ledger import Ledger
from medianest_uptime_kuma.settings import UptimeKumaSettings

TICK_SECONDS: Final = 1.0
SHORTEST_SECONDS: Final = 0.5


async def pause(ctx: Context[UptimeKumaSettings], ledger: Ledger, until: float) -> None:
    """Return at `until`, by the context's monotonic clock, and half a second from now at the earliest.

    Meanwhile people are told what was waited for.
    """
    until = max(until, ctx.clock.monotonic() + SHORTEST_SECONDS)
    while (left := until - ctx.clock.monotonic()) > 0:
        await asyncio.sleep(min(left, TICK_SECONDS))
        await ledger.tick()


async def bear(ledger: Ledger, error: HubError) -> None:
    """Note that Uptime Kuma does not answer as it should, and go on. What is wrong with the hub itself is raised again."""
    if not isinstance(error, Unavailable):
        await ledger.lost(error.message)
    elif error.error_code != "service_down":
        raise error
    # Held back because it failed again and again: what was wrong has been noted.
