"""What the worker does from time to time to keep history; the rules are in `history`."""

from __future__ import annotations

from datetime import timedelta

from medianest_hub.plugin_api import Context, Job, task
from medianest_uptime_kuma.history.rolling import roll_up as add_up
from medianest_uptime_kuma.history.tidying import tidy_history
from medianest_uptime_kuma.history.uptimes import refresh_uptimes
from medianest_uptime_kuma.settings import UptimeKumaSettings


@task("roll_up", every=timedelta(minutes=5), timeout=290, retries=0)
async def roll_up(ctx: Context[UptimeKumaSettings], job: Job) -> None:
    """Add up what came in to hours and days, and work out how much of the time each monitor was up."""
    now = ctx.clock.now()
    await add_up(ctx.db, now)
    await refresh_uptimes(ctx.db, now)


@task("tidy", every=timedelta(hours=1), timeout=600, retries=0)
async def tidy(ctx: Context[UptimeKumaSettings], job: Job) -> None:
    """Delete history that is older than the settings want it kept."""
    gone = await tidy_history(ctx.db, ctx.instance, ctx.settings.history, ctx.clock.now())
    if gone:
        ctx.log.info("old history deleted", rows=gone)
