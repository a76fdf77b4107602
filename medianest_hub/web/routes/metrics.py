"""`/metrics` in Prometheus' text format, for the home network or by a bearer token; measures nothing itself."""

from __future__ import annotations

import hmac

from prometheus_client import CONTENT_TYPE_LATEST

from medianest_hub.infrastructure import metrics
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import StreamAnswer
from medianest_hub.plugin_api.errors import Unauthorized
from medianest_hub.plugin_api.routes import Call, Router
from medianest_hub.web.answers import ready
from medianest_hub.web.calling import facts

router = Router()


@router.get("/metrics", public=True)
async def show(parts: HubParts, call: Call) -> StreamAnswer:
    """Figures for Prometheus. With `metrics.token` set, that token is asked for as bearer token.

    Without one, only callers on the hub's machine or in a private network are answered. Others get 401 `metrics_token`.
    """
    wanted, request = parts.settings.metrics.token, facts(call)
    if wanted is None:
        if not request.is_from_home:
            raise Unauthorized(
                "Figures are for the home network; set `metrics.token` and send that as bearer token.",
                code="metrics_token",
            )
    elif not hmac.compare_digest((request.bearer_token or "").encode(), wanted.get_secret_value().encode()):
        raise Unauthorized("Send the token of `metrics.token` as bearer token.", code="metrics_token")
    metrics.redis_away.set(1 if parts.redis.is_away else 0)
    return ready(metrics.render(), CONTENT_TYPE_LATEST)
