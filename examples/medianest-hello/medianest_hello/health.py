"""The health check: whether the word service answers. It being away only degrades the hub."""

from __future__ import annotations

from medianest_hello import client
from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import CheckResult, Context, HealthStatus, errors, health_check


@health_check("word_service", timeout=5, ttl=30)
async def word_service(ctx: Context[HelloSettings]) -> CheckResult:
    """Ask for a word."""
    try:
        word = await client.kind_word(ctx)
    except errors.HubError as error:
        return CheckResult(status=HealthStatus.DEGRADED, detail=error.message)
    return CheckResult(detail="no word service is set; answers go without" if word is None else "it answers")
