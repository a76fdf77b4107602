"""Metrics only workers keep: streams held here, and the queue as it stands when somebody asks. The rest is the core's."""

from __future__ import annotations

from prometheus_client import Gauge

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.metrics import registry

stream_held = Gauge(
    "medianest_stream_held", "1 while this worker holds the stream's lease.", ["plugin", "stream"], registry=registry
)
queue_depth = Gauge(
    "medianest_jobs_alive",
    "Jobs queued and running in the whole cluster.",
    ["plugin", "task", "state"],
    registry=registry,
)
outbox_waiting = Gauge("medianest_outbox_waiting", "Events not yet handed to their listeners.", registry=registry)

_DEPTH = """
SELECT plugin, task, state, count(*) AS count FROM medianest.jobs
WHERE state IN ('queued', 'running') GROUP BY plugin, task, state
"""


async def measure(db: Database) -> None:
    """Bring the gauges that describe the cluster up to date."""
    rows = await db.fetch(_DEPTH)
    waiting = await db.fetchval("SELECT count(*) FROM medianest.outbox WHERE dispatched_at IS NULL")
    queue_depth.clear()
    for row in rows:
        queue_depth.labels(row["plugin"], row["task"], row["state"]).set(row["count"])
    outbox_waiting.set(waiting)
