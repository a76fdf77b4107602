"""The way in by API key: the metrics, again and again; status pages beside them, where the settings name any."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, Unavailable, UpstreamError
from medianest_uptime_kuma.client.metrics import MetricsPage
from medianest_uptime_kuma.client.seen import Found, hold_of
from medianest_uptime_kuma.client.web import KumaWeb
from medianest_uptime_kuma.ledger.ledger import Ledger
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way
from medianest_uptime_kuma.ways.pages import LOOK_SECONDS, Headings, Looked, announce, look
from medianest_uptime_kuma.ways.polling import bear, pause

_AGAIN_SECONDS: Final = 65.0
"""All who use API keys share sixty uses a minute, and then even a right one is refused: what is refused is tried once more."""

_YOUNG: Final = timedelta(minutes=10)
"""So long after its own start 2.x may leave out monitors just because they have not been looked at yet."""


async def watch_metrics(ctx: Context[UptimeKumaSettings], ledger: Ledger, web: KumaWeb) -> None:
    """Never returns. Raises `AuthFailed` when the key is refused, `Overtaken` when another worker has taken over."""
    api_key = ctx.settings.api_key
    if api_key is None:
        raise ConfigInvalid("The way metrics needs an API key.")
    headings, looked_at, remark = Headings(), -LOOK_SECONDS, ledger.remark
    # Where there is another way in, that is better than waiting.
    is_refused = len(ctx.settings.ways) > 1
    while True:
        began = ctx.clock.monotonic()
        try:
            if ctx.settings.status_pages and began - looked_at >= LOOK_SECONDS:
                looked_at = began
                looked = await _look_at_pages(ctx, ledger, web, headings)
                ledger.remark = f"{remark} {looked.remark}".strip()
            await _take(ctx, ledger, await web.metrics(api_key.get_secret_value()), headings)
            is_refused = False
        except AuthFailed as error:
            if is_refused:
                raise
            is_refused = True
            await bear(ledger, error)
            began += _AGAIN_SECONDS
        except (UpstreamError, Unavailable) as error:
            await bear(ledger, error)
        await pause(ctx, ledger, began + ctx.settings.poll_seconds)


async def _take(ctx: Context[UptimeKumaSettings], ledger: Ledger, page: MetricsPage, headings: Headings) -> None:
    now = ctx.clock.now()
    young = page.started_at is not None and now - page.started_at < _YOUNG
    numbers = await ledger.register([headings.dress(one.seen) for one in page.monitors], partly=young)
    hold = hold_of(ctx.settings.poll_seconds)
    found = [
        (number, Found(now, one.status, hold, one.ping)) for number, one in zip(numbers, page.monitors, strict=True)
    ]
    await ledger.record(found)
    await ledger.heard(Way.METRICS, hold, page.version)


async def _look_at_pages(ctx: Context[UptimeKumaSettings], ledger: Ledger, web: KumaWeb, headings: Headings) -> Looked:
    """They only add to what the metrics say: that one cannot be read is no reason not to go on."""
    looked = await look(web, ctx.settings.status_pages)
    headings.learn(looked)
    await announce(ledger, looked, with_maintenance=True)
    return looked
