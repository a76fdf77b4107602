"""The stream: here a mere pulse; in a real plugin the socket of an outside service. One worker in the cluster runs it."""

from __future__ import annotations

import asyncio

from medianest_hello import store
from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import Context, Lease, stream


@stream("pulse", max_backoff=10)
async def pulse(ctx: Context[HelloSettings], lease: Lease) -> None:
    """Beat until cancelled. A beat is refused once a later holder has written: two never beat at once."""
    while await store.beat(ctx.db, lease.fence, ctx.clock.now()):
        ctx.metrics.counter("beats", "Beats of the stream in this process.").inc()
        await asyncio.sleep(ctx.settings.pulse_seconds)
    ctx.log.warning("another worker holds the pulse", fence=lease.fence)
