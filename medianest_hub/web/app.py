"""Makes the Sanic application: every route mounted, every error a problem, no middleware. Opens nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from time import perf_counter
from typing import Any, Final

import structlog
from sanic import Request, Sanic
from sanic.config import Config
from sanic.exceptions import RequestCancelled, SanicException
from sanic.handlers import ErrorHandler

from medianest_hub.accounts.sign_in_providers import provider_ids
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.web import problems
from medianest_hub.web.calling import foreseen
from medianest_hub.web.docs_page import docs_routes
from medianest_hub.web.gate import LimitReached
from medianest_hub.web.header_block import Answer, header_lines
from medianest_hub.web.host_names import HostRefused
from medianest_hub.web.hub import WebHub
from medianest_hub.web.mounting import CoreRoutes, mount_all
from medianest_hub.web.openapi import OpenApiDocument
from medianest_hub.web.rate_limits import Refusal
from medianest_hub.web.realtime import attach_realtime
from medianest_hub.web.request_ids import request_id
from medianest_hub.web.request_log import tell_request
from medianest_hub.web.route_metrics import CLIENT_GONE, NO_ROUTE
from medianest_hub.web.routes import all_core_routes
from medianest_hub.web.sign_in_providers import provider_routes
from medianest_hub.web.strict_request import StrictRequest
from medianest_hub.web.webhooks.mounted import shown_path

log = structlog.get_logger(__name__)

GRACEFUL_SECONDS: Final = 10.0
"""How long requests under way may take when the process is told to stop."""

_numbers = itertools.count(1)


def create_app(hub: WebHub, core: Iterable[CoreRoutes] | None = None) -> Sanic[Any, Any]:
    """The application for a hub whose plugins are loaded; `app.ctx.mounted` lists its routes. No I/O.

    `app.ctx.realtime` is to be opened once the parts are, and closed before them.

    `core`: other core routers than all there are (for tests).
    """
    config = Config(env_prefix=None)
    app: Sanic[Any, Any] = Sanic(
        f"medianest-{next(_numbers)}",
        config=config,
        error_handler=_Problems(hub),
        request_class=StrictRequest,
        configure_logging=False,
    )
    Sanic.unregister_app(app)  # Sanic's own list of applications would keep this one for ever
    app.ctx.hub = hub
    routers = all_core_routes(local=hub.settings.auth.local) if core is None else core
    ways_in = provider_routes(provider_ids(hub.settings.auth, hub.host.plugins))
    app.ctx.mounted = mount_all(app, hub, [*routers, *([ways_in] if core is None else []), docs_routes(hub)])
    hub.openapi = OpenApiDocument(app.ctx.mounted, hub.settings.server.public_url)
    app.ctx.realtime = attach_realtime(app, hub.settings.server, hub.addresses)
    longest = max((one.route.deadline for one in app.ctx.mounted), default=30.0)
    config.update(
        {
            "ACCESS_LOG": False,
            "AUTO_EXTEND": False,
            "FALLBACK_ERROR_FORMAT": "json",
            "GRACEFUL_SHUTDOWN_TIMEOUT": GRACEFUL_SECONDS,
            "KEEP_ALIVE_TIMEOUT": 75,  # longer than a proxy's 60 s, so that ours is not the side that hangs up on it
            "MOTD": False,
            "REQUEST_MAX_HEADER_SIZE": 16 * 1024,
            "REQUEST_MAX_SIZE": 64 * 1024,  # of what is thrown away; routes have bounds of their own
            "REQUEST_TIMEOUT": 15,
            "RESPONSE_TIMEOUT": int(longest) + 60,
        }
    )
    return app


class _Problems(ErrorHandler):
    """Answers what Sanic itself refuses, and `OPTIONS`, which no route declares."""

    def __init__(self, hub: WebHub) -> None:
        super().__init__()
        self._hub = hub
        self._block = hub.block
        self._requests = hub.requests
        self._logs = hub.settings.log.level == "debug"

    def response(self, request: Request[Any, Any], exception: BaseException) -> Answer:
        """The problem for that exception, counted and logged; never raises."""
        began = perf_counter()
        said = exception if isinstance(exception, HostRefused) else None
        identity = request_id(said.request_id if said else request.headers.get("x-request-id"))
        origin = said.origin if said else request.headers.get("origin")
        answer = self._answer(request, exception, identity, origin)
        status = CLIENT_GONE if isinstance(exception, RequestCancelled) else answer.status
        self._requests.unrouted(request.method, status)
        if self._logs or status >= 500:
            tell_request(request.method, NO_ROUTE, status, began, identity)
        return answer

    def _answer(
        self, request: Request[Any, Any], exception: BaseException, identity: str, origin: str | None
    ) -> Answer:
        extra = header_lines([(b"x-request-id", identity.encode())])
        known = problems.of_sanic(exception) if isinstance(exception, SanicException) else foreseen(exception)
        if isinstance(known, problems.FromSanic) and known.allow and request.method == "OPTIONS":
            lines = self._block.lines(b"") + extra + self._block.preflight(origin)
            return Answer(204, b"", lines + header_lines([(b"allow", ", ".join(known.allow).encode())]))
        if not isinstance(exception, RequestCancelled) and (known is None or known.status >= 500):
            log.error("request_failed", path=shown_path(request.path), request_id=identity, exc_info=exception)
        refusal = self._refusal(request, known) if isinstance(exception, SanicException) else None
        if refusal is not None:
            known = LimitReached(refusal)
            extra += header_lines(refusal.headers())
        return problems.problem_answer(
            known or problems.internal(), identity, self._block, extra + self._block.cors(origin)
        )

    def _refusal(self, request: Request[Any, Any], known: HubError | None) -> Refusal | None:
        """Whoever tries one address after the other is counted as well, once there is anything to count with."""
        gate = self._hub.gate
        if gate is None or known is None or known.status not in (404, 405):
            return None
        return gate.refuse_unrouted(request)
