"""Whether Uptime Kuma is heard; asks Postgres only: who reads Uptime Kuma has written down how it went."""

from __future__ import annotations

from medianest_hub.plugin_api import CheckResult, Context, HealthStatus, health_check
from medianest_uptime_kuma.ledger.source import read
from medianest_uptime_kuma.settings import UptimeKumaSettings


@health_check("uptime_kuma", timeout=5, ttl=10)
async def uptime_kuma(ctx: Context[UptimeKumaSettings]) -> CheckResult:
    """Down when nothing has been heard for so long that no status is believed any more."""
    source = await read(ctx.db, ctx.instance)
    now = ctx.clock.now()
    data: dict[str, str | int | float | bool | None] = {
        "way": source.way,
        "version": source.version,
        "heard_at": source.heard_at.isoformat() if source.heard_at else None,
    }
    if source.is_stale(now):
        heard = f"since {source.heard_at:%Y-%m-%d %H:%M} UTC" if source.heard_at else "yet"
        why = source.trouble or "No worker reads it: is one running?"
        return CheckResult(
            status=HealthStatus.DOWN, detail=f"Nothing was heard of Uptime Kuma {heard}. {why}", data=data
        )
    if source.trouble:
        return CheckResult(status=HealthStatus.DEGRADED, detail=source.trouble, data=data)
    return CheckResult(detail=f"Uptime Kuma {source.version} is heard".replace("  ", " "), data=data)
