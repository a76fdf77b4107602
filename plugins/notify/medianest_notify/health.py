"""Whether messages leave; asks Postgres only, and never a service: whom people write to is their own affair."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import CheckResult, Context, HealthStatus, health_check
from medianest_notify.settings import NotifySettings

_LATE: Final = timedelta(minutes=10)


@health_check("delivery", timeout=5, ttl=30)
async def delivery(ctx: Context[NotifySettings]) -> CheckResult:
    """Degraded when no message has been tried for ten minutes: there is no worker, or no process for Apprise can be started."""
    row = await ctx.db.fetchrow(
        """SELECT (SELECT count(*) FROM plugin_notify.outgoing WHERE instance = $1) AS waiting,
                  (SELECT count(*) FROM plugin_notify.address WHERE instance = $1) AS addresses,
                  (SELECT count(*) FROM plugin_notify.address WHERE instance = $1 AND trouble <> '') AS in_trouble,
                  (SELECT count(*) FROM plugin_notify.device WHERE instance = $1) AS devices,
                  (SELECT count(*) FROM plugin_notify.outgoing o WHERE instance = $1 AND created_at < $2
                      AND NOT EXISTS (SELECT FROM plugin_notify.address t WHERE t.id = o.target_id AND t.trouble <> '')
                      AND NOT EXISTS (SELECT FROM plugin_notify.device t WHERE t.id = o.target_id AND t.trouble <> ''))
                    AS untried""",
        *(ctx.instance, ctx.clock.now() - _LATE),
    )
    if row is None:
        raise LookupError("counting always finds a row")
    data: dict[str, str | int | float | bool | None] = {
        name: row[name] for name in ("addresses", "in_trouble", "devices", "waiting")
    }
    if row["untried"]:
        words = f"{row['untried']} messages have been waiting for ten minutes and more. Is a worker running?"
        return CheckResult(status=HealthStatus.DEGRADED, detail=words, data=data)
    return CheckResult(detail="Messages leave as they should.", data=data)
