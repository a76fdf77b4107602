"""Whether Overseerr answers and takes the key, asked once per period over all replicas, and whether requests are kept up."""

from __future__ import annotations

from medianest_hub.plugin_api import CheckResult, HealthStatus, health_check
from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.connection import Ctx, ask_about
from medianest_overseerr.connection import service as client
from medianest_overseerr.requests import looking


@health_check("service", timeout=12, ttl=60)
async def service(ctx: Ctx) -> CheckResult:
    """Whether it answers, is set up, and takes the API key."""
    try:
        about, public = await ask_about(ctx)
        if not public.initialized:
            words = f"{about.dialect.label} is not set up yet: open its own page and finish that first."
            return CheckResult(status=HealthStatus.DEGRADED, detail=words)
        await client(ctx).me()
    except HubError as error:
        return CheckResult(status=HealthStatus.DOWN, detail=error.message)
    return CheckResult(
        detail=f"{about.dialect.label} {about.version} answers and takes the key.",
        data={"service": about.dialect.value, "version": about.version},
    )


@health_check("requests", timeout=5, ttl=10)
async def requests(ctx: Ctx) -> CheckResult:
    """Whether what is shown of requests is as it is there; asks Postgres only: who looks has written down how it went."""
    found = await looking.source(ctx)
    kept = await ctx.db.fetchval("SELECT count(*) FROM plugin_overseerr.request WHERE instance = $1", ctx.instance)
    data: dict[str, str | int | float | bool | None] = {
        "swept_at": found.swept_at.isoformat() if found.swept_at else None,
        "requests": kept,
    }
    if found.trouble:
        stale = looking.is_stale(ctx, found)
        status = HealthStatus.DOWN if stale else HealthStatus.DEGRADED
        return CheckResult(status=status, detail=found.trouble, data=data)
    if found.swept_at is None:
        return CheckResult(detail="Requests have not been read yet.", data=data)
    if looking.is_stale(ctx, found):
        words = f"Requests were last read {found.swept_at:%Y-%m-%d %H:%M} UTC. Is a worker running?"
        return CheckResult(status=HealthStatus.DEGRADED, detail=words, data=data)
    return CheckResult(detail="Requests are kept up.", data=data)
