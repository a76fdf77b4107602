"""A plugin's metrics, in the process's registry under `medianest_<plugin>_`; kept over generations, since counters only grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.known_secrets import hide

_known: dict[str, Any] = {}
_owners: dict[str, set[str]] = {}


def owners(family: str) -> frozenset[str]:
    """The plugins that asked for the metric of that family in the registry; none for one of the hub's own.

    Names alone do not tell: `vault` may have a metric `leaky_calls`, and `vault_leaky` one called `calls`.
    """
    return frozenset(_owners.get(family, ()))


class _Labelled:
    """One metric; a call names the values of its labels."""

    def __init__(self, metric: Any, labels: Sequence[str]) -> None:
        self._metric = metric
        self._labels = tuple(labels)

    def _child(self, values: dict[str, str]) -> Any:
        if not self._labels:
            return self._metric
        return self._metric.labels(**{name: hide(str(value)) for name, value in values.items()})

    def inc(self, amount: float = 1, **labels: str) -> None:
        """Count."""
        self._child(labels).inc(amount)

    def set(self, value: float, **labels: str) -> None:
        """Say what it is now."""
        self._child(labels).set(value)

    def observe(self, value: float, **labels: str) -> None:
        """Add one value."""
        self._child(labels).observe(value)


class PluginMetrics:
    """Implements `plugin_api.services.Metrics`."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._prefix = f"medianest_{plugin}_"

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> _Labelled:
        """A counter."""
        return self._metric(name, labels, lambda full: Counter(full, help, labels, registry=metrics.registry))

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> _Labelled:
        """A gauge."""
        return self._metric(name, labels, lambda full: Gauge(full, help, labels, registry=metrics.registry))

    def histogram(self, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()) -> _Labelled:
        """A histogram."""
        bounds = tuple(buckets) or metrics.LATENCY_BUCKETS
        return self._metric(
            name, labels, lambda full: Histogram(full, help, labels, registry=metrics.registry, buckets=bounds)
        )

    def _metric(self, name: str, labels: Sequence[str], make: Callable[[str], Any]) -> _Labelled:
        full = self._prefix + name
        if full not in _known:
            _known[full] = make(full)
        for family in _known[full].describe():
            _owners.setdefault(family.name, set()).add(self._plugin)
        return _Labelled(_known[full], labels)
