"""The one stream: reads Uptime Kuma by the way that is chosen, or by the first that works."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from medianest_hub.plugin_api import Context, Lease, stream
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError
from medianest_uptime_kuma.client.web import KumaWeb
from medianest_uptime_kuma.ledger.ledger import Ledger
from medianest_uptime_kuma.ledger.source import Overtaken
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way
from medianest_uptime_kuma.ways.live import watch_live
from medianest_uptime_kuma.ways.metrics import watch_metrics
from medianest_uptime_kuma.ways.status_page import watch_status_pages

_WAYS: Final[dict[Way, Callable[[Context[UptimeKumaSettings], Ledger, KumaWeb], Awaitable[None]]]] = {
    Way.METRICS: watch_metrics,
    Way.LIVE: watch_live,
    Way.STATUS_PAGE: watch_status_pages,
}


def kuma_web(ctx: Context[UptimeKumaSettings]) -> KumaWeb:
    """Plain requests to the Uptime Kuma of the settings."""
    return KumaWeb(ctx.http, ctx.settings.url, ctx.settings.tls)


@stream("watch", max_backoff=15)
async def watch(ctx: Context[UptimeKumaSettings], lease: Lease) -> None:
    """Read Uptime Kuma until the connection ends. `AuthFailed` when no way that is filled in lets us in."""
    ledger = await Ledger.claim(ctx, lease.fence)
    try:
        await _by_the_first_that_works(ctx, ledger)
    except Overtaken:
        raise
    except HubError as error:
        # Held back because it failed again and again: what was wrong has been noted.
        if error.error_code != "service_down":
            await ledger.lost(error.message)
        raise
    except Exception:
        # A mistake of ours, which the hub logs: people are told at least where to look.
        with suppress(Exception):
            await ledger.lost("Uptime Kuma sent something the hub cannot keep; the hub's log says what.")
        raise


async def _by_the_first_that_works(ctx: Context[UptimeKumaSettings], ledger: Ledger) -> None:
    """A way that is refused is left for the next one; what else goes wrong would with every other, too."""
    web = kuma_web(ctx)
    refused: HubError | None = None
    for way in ctx.settings.ways:
        try:
            await _WAYS[way](ctx, ledger, web)
        except (AuthFailed, ConfigInvalid) as error:
            ctx.log.warning("uptime kuma refuses this way in", way=way.value, error=error.message)
            refused = refused or error
            ledger.remark = f"{ledger.remark} {error.message}".strip()
    if refused is not None:
        raise refused
