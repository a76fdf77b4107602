"""One process's connections to outside services: the shared session, and a breaker and a bound for each service."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import structlog

from medianest_hub import __version__
from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.http_client.breaker import Breaker, BreakerState
from medianest_hub.infrastructure.http_client.client import HttpClient
from medianest_hub.plugin_api.errors import HubError, Unavailable

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger(__name__)

USER_AGENT = f"MediaNest-Hub/{__version__}"
CALLS_AT_ONCE = 16
"""Calls under way to one service of one plugin; further ones wait, within their deadlines."""

CONNECT_SECONDS = 5.0
_SERVICES_KEPT = 512
_LABELS_PER_PLUGIN = 64


class Service:
    """What is known about one outside service of one plugin instance."""

    def __init__(self, plugin: str, name: str, label: str, breaker: Breaker | None = None) -> None:
        self.plugin = plugin
        self.name = name
        self.label = label
        """As in metrics; services beyond a plugin's first 64 share one."""
        self.slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._said_down = False
        self.breaker = breaker or Breaker(on_change=self._breaker_changed)

    @contextlib.contextmanager
    def measured(self, method: str) -> Iterator[None]:
        """Count and time the call made inside."""
        began, outcome = time.perf_counter(), "cancelled"
        try:
            yield
            outcome = "ok"
        except HubError as error:
            outcome = error.error_code
            raise
        finally:
            took = time.perf_counter() - began
            metrics.upstream_calls.labels(self.plugin, self.label, outcome).inc()
            metrics.upstream_seconds.labels(self.plugin, self.label).observe(took)
            # Neither path nor query is written down: both may carry secrets.
            log.debug(
                "outside_call",
                plugin=self.plugin,
                service=self.name,
                method=method,
                outcome=outcome,
                seconds=round(took, 4),
            )

    def _breaker_changed(self, state: BreakerState) -> None:
        metrics.breaker_open.labels(self.plugin, self.label).set(state is not BreakerState.CLOSED)
        if state is BreakerState.OPEN and not self._said_down:
            self._said_down = True
            log.warning("service_down", plugin=self.plugin, service=self.name)
        elif state is BreakerState.CLOSED:
            self._said_down = False
            log.info("service_up", plugin=self.plugin, service=self.name)


class HttpClients:
    """Makes a plugin instance's `ctx.http` with `client`. The session is opened by the first call."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._websockets: aiohttp.ClientSession | None = None
        self._services: OrderedDict[tuple[str, str, str], Service] = OrderedDict()
        self._labels: dict[str, set[str]] = {}
        self._closed = False

    def client(self, plugin: str, instance: str = "main") -> HttpClient:
        """The outside calls of one plugin instance; close it with its context."""
        return HttpClient(self, plugin, instance)

    def service(self, plugin: str, instance: str, name: str) -> Service:
        """The service's state, kept while it is among the 512 last used."""
        key = (plugin, instance, name)
        known = self._services.get(key)
        if known is None:
            known = self._services[key] = Service(plugin, name, self._label(plugin, name))
            while len(self._services) > _SERVICES_KEPT:
                self._services.popitem(last=False)
        self._services.move_to_end(key)
        return known

    def session(self) -> aiohttp.ClientSession:
        """The session all calls of this process share: no cookies, no proxy from the environment, TLS verified."""
        self._check_open()
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=200, limit_per_host=0, ttl_dns_cache=30),
                # Cookies of one plugin's service must not reach another plugin's calls.
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT, "Accept": "application/json, */*;q=0.5"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                trust_env=False,
            )
        return self._session

    def websockets(self) -> aiohttp.ClientSession:
        """The session all websockets of this process share, apart from the calls."""
        self._check_open()
        if self._websockets is None:
            from medianest_hub.infrastructure.http_client.handshake import websocket_session

            self._websockets = websocket_session({"User-Agent": USER_AGENT}, CONNECT_SECONDS)
        return self._websockets

    async def close(self) -> None:
        """Drop every connection; later calls are refused."""
        self._closed = True
        for session in (self._session, self._websockets):
            if session is not None:
                with contextlib.suppress(OSError):
                    await session.close()
        self._session = self._websockets = None

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The hub is stopping; no more outside calls are made.", code="stopping")

    def _label(self, plugin: str, service: str) -> str:
        labels = self._labels.setdefault(plugin, set())
        if service in labels or len(labels) < _LABELS_PER_PLUGIN:
            labels.add(service)
            return service
        return "other"
