"""The process's Prometheus registry and the metrics the core keeps; plugins get theirs through `ctx.metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

registry = CollectorRegistry()
ProcessCollector(registry=registry)

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds."""

jobs = Counter(
    "medianest_jobs", "Attempts at jobs that ended, by outcome.", ["plugin", "task", "outcome"], registry=registry
)
job_seconds = Histogram(
    "medianest_job_seconds",
    "Time one attempt took.",
    ["plugin", "task"],
    registry=registry,
    buckets=(*LATENCY_BUCKETS, 60, 300, 1800),
)
cache_reads = Counter("medianest_cache_reads", "Reads of a cache, by result.", ["cache", "result"], registry=registry)
deliveries = Counter(
    "medianest_notification_deliveries",
    "Attempts to send notifications, by outcome.",
    ["way", "outcome"],
    registry=registry,
)
upstream_calls = Counter(
    "medianest_upstream_calls", "Outside calls, by outcome.", ["plugin", "service", "outcome"], registry=registry
)
upstream_seconds = Histogram(
    "medianest_upstream_seconds",
    "Time outside calls took.",
    ["plugin", "service"],
    registry=registry,
    buckets=LATENCY_BUCKETS,
)
breaker_open = Gauge(
    "medianest_breaker_open", "1 while calls to a service are held back.", ["plugin", "service"], registry=registry
)
plugin_state = Gauge(
    "medianest_plugin_state", "1 for the state a plugin is in.", ["plugin", "state"], registry=registry
)
sockets = Gauge("medianest_sockets", "Open Socket.IO connections.", registry=registry)
redis_away = Gauge("medianest_redis_away", "1 while Redis cannot be reached.", registry=registry)
health_status = Gauge(
    "medianest_health", "A check's result: 1 ok, 0.5 degraded, 0 down.", ["plugin", "check"], registry=registry
)


def render() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(registry)
