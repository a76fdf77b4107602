"""Counts and times requests by route template, with the metric's children at hand; knows nothing of paths as sent."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from medianest_hub.infrastructure import metrics

CLIENT_GONE = 499
"""Counted where a client went away before its answer; never sent."""


class RouteMetrics:
    """For one route."""

    __slots__ = ("_counts", "_labels", "_seconds")

    def __init__(self, method: str, template: str) -> None:
        self._labels = (method, template)
        self._seconds: Any = None
        self._counts: dict[int, Any] = {}

    def add(self, status: int, began: float) -> None:
        """One request; `began` is `perf_counter()` at its begin."""
        count = self._counts.get(status)
        if count is None:  # made at the first request: hundreds of routes nobody calls cost nothing
            count = self._counts[status] = metrics.requests.labels(*self._labels, str(status))
            if self._seconds is None:
                self._seconds = metrics.request_seconds.labels(*self._labels)
        count.inc()
        self._seconds.observe(perf_counter() - began)
