"""Whether the Plex server and plex.tv are well; asks each once per period over all replicas."""

from __future__ import annotations

from medianest_hub.plugin_api import CheckResult, Context, HealthStatus, health_check
from medianest_hub.plugin_api.errors import HubError
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.connection import connection
from medianest_plex.settings import PlexSettings


@health_check("server", timeout=12, ttl=60)
async def server(ctx: Context[PlexSettings]) -> CheckResult:
    """Whether our Plex server answers, and is still the same one."""
    try:
        link = await connection(ctx)
        found = await link.server.identity()
        is_open = ctx.settings.token is None and await link.server.admits(None) is not None
    except HubError as error:
        return CheckResult(status=HealthStatus.DOWN, detail=error.message)
    if found.machine_identifier != link.machine_identifier:
        words = (
            f"another Plex server answers at its address, {found.machine_identifier}: if that is as it should be, "
            "enter this as machine identifier in the settings"
        )
        return CheckResult(status=HealthStatus.DEGRADED, detail=words)
    if is_open:
        words = (
            "it lets in everybody who comes from the hub, so it cannot say who belongs to it: enter its owner's token "
            "in the settings, or nobody new can sign in"
        )
        return CheckResult(status=HealthStatus.DEGRADED, detail=words)
    return CheckResult(detail=f"Plex Media Server {found.version}".strip(), data={"version": found.version})


@health_check("plex_tv", timeout=8, ttl=300)
async def plex_tv(ctx: Context[PlexSettings]) -> CheckResult:
    """Whether plex.tv answers, and honours the owner's token where there is one."""
    try:
        link = await connection(ctx)
        if ctx.settings.token is None:
            await link.plex_tv.reachable()
            return CheckResult(detail="plex.tv answers")
        await link.plex_tv.account(ctx.settings.token.get_secret_value())
    except TokenRefused:
        words = "plex.tv no longer honours the owner's token: enter a new one in the settings"
        return CheckResult(status=HealthStatus.DEGRADED, detail=words)
    except HubError as error:
        return CheckResult(status=HealthStatus.DOWN, detail=error.message)
    return CheckResult(detail="plex.tv answers and honours the owner's token")
