"""Testing settings. Nothing is held open between calls, and nobody is asked at the start: what was seen is shown at once."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, Lifecycle
from medianest_hub.plugin_api.errors import ConfigInvalid, FieldProblem, NotReady, Unavailable, UpstreamError
from medianest_uptime_kuma.client.guarded import Guarded
from medianest_uptime_kuma.client.web import KumaWeb
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way
from medianest_uptime_kuma.streams import kuma_web
from medianest_uptime_kuma.ways.live import open_socket, sign_in
from medianest_uptime_kuma.ways.pages import look, no_such_page
from medianest_uptime_kuma.ways.status_page import found_page


async def check_settings(ctx: Context[UptimeKumaSettings]) -> None:
    """ "Test connection": Uptime Kuma answers, and lets us in by every way that is filled in."""
    web = kuma_web(ctx)
    try:
        await web.entry_page()
        for way in ctx.settings.ways:
            await _try(ctx, web, way)
        if Way.STATUS_PAGE not in ctx.settings.ways and ctx.settings.status_pages:
            await _try(ctx, web, Way.STATUS_PAGE)
    except Guarded as error:
        problem = FieldProblem(field="url", code="protected", message=error.message)
        raise ConfigInvalid(error.message, fields=[problem]) from None
    except (UpstreamError, Unavailable) as error:
        raise NotReady(error.message) from error


async def _try(ctx: Context[UptimeKumaSettings], web: KumaWeb, way: Way) -> None:
    match way:
        case Way.METRICS:
            if ctx.settings.api_key is not None:
                await web.metrics(ctx.settings.api_key.get_secret_value())
        case Way.LIVE:
            async with open_socket(ctx) as socket:
                await sign_in(ctx, socket, keep=False)
        case Way.STATUS_PAGE:
            looked = await look(web, ctx.settings.status_pages or [await found_page(web)])
            for slug, error in looked.failed.items():
                raise no_such_page(slug) if error is None else error


LIFECYCLE: Final = Lifecycle(check_settings=check_settings, start_limit=45.0)
