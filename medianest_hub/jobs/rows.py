"""The shapes of a job's row: as people see it, and as the worker that claimed it does. No SQL is run here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from medianest_hub.plugin_api.services import JobView
from medianest_hub.plugin_api.tasks import JobState, Progress

VIEW_COLUMNS = (
    "id, plugin, instance, task, state, progress, attempt, person_id, created_at, started_at, finished_at, "
    "error_code, error_message"
)


def view_of(row: Any) -> JobView:
    """A row of `VIEW_COLUMNS` as people see it."""
    fields = {name: row[name] for name in VIEW_COLUMNS.split(", ")}
    return JobView(**{**fields, "progress": Progress.model_validate_json(fields["progress"])})


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """One attempt this worker has the right to make; `token` is its fence.

    `attempt` counts from 1; `lost` of the attempts before ended with the death of their worker.
    """

    id: UUID
    token: UUID
    plugin: str
    instance: str
    task: str
    args: Any
    person_id: UUID | None
    event_id: UUID | None
    request_id: str
    attempt: int
    lost: int
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> ClaimedJob:
        """From a row of `medianest.jobs`."""
        return cls(
            row["id"],
            row["attempt_token"],
            row["plugin"],
            row["instance"],
            row["task"],
            json.loads(row["args"]),
            row["person_id"],
            row["event_id"],
            row["request_id"],
            row["attempt"],
            row["lost"],
            row["created_at"],
        )

    def is_last(self, retries: int) -> bool:
        """Whether no further attempt would be made if this one failed."""
        return self.attempt - self.lost > retries


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt came to, as it goes into the row. `delay` is in seconds and only for `queued`."""

    state: JobState
    delay: float = 0.0
    counted: bool = True
    """False when the attempt was handed back and shall not use up a retry."""
    result: str | None = None
    error_code: str | None = None
    error_message: str | None = None
