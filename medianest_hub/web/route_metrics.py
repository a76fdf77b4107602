"""Counts and times requests by route template; cheap enough for every request, put into Prometheus' form when asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from time import perf_counter

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from medianest_hub.infrastructure.metrics import LATENCY_BUCKETS, registry

CLIENT_GONE = 499
"""Counted where a client went away before its answer; never sent."""

NO_ROUTE = "(none)"
"""Stands for the template where no route of ours was met."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_BOUNDS = [*LATENCY_BUCKETS, float("inf")]


class RouteMetrics:
    """For one route. Used on the event loop alone, so it needs no lock."""

    __slots__ = ("counts", "method", "seconds", "slots", "template")

    def __init__(self, method: str, template: str) -> None:
        self.method = method
        self.template = template
        self.counts: dict[int, int] = {}
        self.slots: list[int] = []
        self.seconds = 0.0

    def count(self, status: int) -> None:
        """One request whose begin nobody saw."""
        self.counts[status] = self.counts.get(status, 0) + 1

    def add(self, status: int, began: float) -> None:
        """One request; `began` is `perf_counter()` at its begin."""
        seconds = perf_counter() - began
        counts = self.counts
        counts[status] = counts.get(status, 0) + 1
        if not self.slots:  # made at the first request: hundreds of routes nobody calls cost nothing
            self.slots = [0] * len(_BOUNDS)
        self.slots[bisect_left(_BOUNDS, seconds)] += 1
        self.seconds += seconds


class RequestCollector(Collector):
    """What the process's registry shows of all routes."""

    def __init__(self) -> None:
        self._routes: list[RouteMetrics] = []
        self._unrouted: dict[str, RouteMetrics] = {}
        registry.register(self)

    def route(self, method: str, template: str) -> RouteMetrics:
        """A new route's counts."""
        made = RouteMetrics(method, template)
        self._routes.append(made)
        return made

    def unrouted(self, method: str, status: int) -> None:
        """A request that met no route. Strangers choose its method, so only known ones have a series of their own."""
        method = method if method in _METHODS else "other"
        if method not in self._unrouted:
            self._unrouted[method] = self.route(method, NO_ROUTE)
        self._unrouted[method].count(status)

    def close(self) -> None:
        """Show nothing any more."""
        registry.unregister(self)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        requests = CounterMetricFamily(
            "medianest_http_requests", "Requests by route template.", labels=["method", "route", "status"]
        )
        seconds = HistogramMetricFamily(
            "medianest_http_request_seconds", "Time to answer, by route template.", labels=["method", "route"]
        )
        for route in self._routes:
            labels = [route.method, route.template]
            for status, count in route.counts.items():
                requests.add_metric([*labels, str(status)], count)
            if route.slots:
                bounds = map(floatToGoString, _BOUNDS)
                buckets = [(bound, float(count)) for bound, count in zip(bounds, accumulate(route.slots), strict=True)]
                seconds.add_metric(labels, buckets=buckets, sum_value=route.seconds)
        yield requests
        yield seconds
