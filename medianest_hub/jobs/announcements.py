"""Tells open pages how jobs go: `job:progress` while they run, `job:done` at their end; writes no row of a job."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.plugin_api.people import ADMIN
from medianest_hub.plugin_api.tasks import JobState, Progress


async def send_done(realtime: RealtimeLog, row: Any) -> None:
    """`job:done` for a row that reached its end; kept for pages asleep when it was somebody's own job."""
    person = row["person_id"]
    await realtime.send(
        "job:done",
        {
            "id": str(row["id"]),
            "plugin": row["plugin"],
            "instance": row["instance"],
            "task": row["task"],
            "state": JobState(row["state"]).value,
            "error_code": row["error_code"],
            "error_message": row["error_message"],
        },
        person=person,
        permission=None if person else ADMIN,
        # The hub's own jobs end by the thousand and are nobody's loss: admins see them live or in the list.
        keep=person is not None,
    )


async def send_progress(realtime: RealtimeLog, job: Any, progress: Progress) -> None:
    """`job:progress` for a running job (with its `ClaimedJob`'s names); never kept."""
    person: UUID | None = job.person_id
    await realtime.send(
        "job:progress",
        {
            "id": str(job.id),
            "plugin": job.plugin,
            "instance": job.instance,
            "task": job.task,
            "attempt": job.attempt,
            "progress": progress.model_dump(mode="json"),
        },
        person=person,
        permission=None if person else ADMIN,
        keep=False,
    )
