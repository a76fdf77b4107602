"""`/metrics` in Prometheus' text format, behind a bearer token where one is set; measures nothing itself."""

from __future__ import annotations

import hmac

from prometheus_client import CONTENT_TYPE_LATEST

from medianest_hub.infrastructure import metrics
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import StreamAnswer
from medianest_hub.plugin_api.errors import Unauthorized
from medianest_hub.plugin_api.routes import Call, Router
from medianest_hub.web.answers import ready
from medianest_hub.web.calling import RequestFacts

router = Router()


@router.get("/metrics", public=True)
async def show(parts: HubParts, call: Call) -> StreamAnswer:
    """Figures for Prometheus. With `metrics.token` set, that token is asked for as bearer token."""
    wanted = parts.settings.metrics.token
    if wanted is not None:
        given = call.request.bearer_token if isinstance(call.request, RequestFacts) else None
        if not hmac.compare_digest((given or "").encode(), wanted.get_secret_value().encode()):
            raise Unauthorized("Send the token of `metrics.token` as bearer token.", code="metrics_token")
    metrics.redis_away.set(1 if parts.redis.is_away else 0)
    return ready(metrics.render(), CONTENT_TYPE_LATEST)
