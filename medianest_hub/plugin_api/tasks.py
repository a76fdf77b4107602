"""Background work as declarations: what runs in the worker, how often, how long, how many times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeAlias
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeVar

from medianest_hub.plugin_api.routes import Empty

ArgsT = TypeVar("ArgsT", bound=BaseModel, default=Empty)


class JobState(StrEnum):
    """Where a job is. `queued` and `running` are alive; the others are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Progress(BaseModel):
    """How far a job is. `fraction` is 0–1 or None when unknown; `data` is the plugin's own detail."""

    fraction: float | None = None
    text: str = ""
    data: dict[str, Any] = {}


class ReportProgress(Protocol):
    """Tells how far a job is; may be called as often as one likes, at most four a second go out."""

    async def __call__(self, fraction: float | None = None, text: str = "", **data: Any) -> None:
        """Report `fraction` (0–1 or None), words, and details of one's own."""


@dataclass(frozen=True, slots=True)
class Job(Generic[ArgsT]):
    """One attempt at one job, as its handler sees it. A cancelled job sees `asyncio.CancelledError`.

    `attempt` counts from 1. `attempt_token` changes with each attempt: put it into whatever must not be done by an
    attempt that lost its job to another worker.
    """

    id: UUID
    args: ArgsT
    attempt: int
    last_attempt: bool
    attempt_token: UUID
    person_id: UUID | None
    request_id: str
    progress: ReportProgress


TaskHandler: TypeAlias = Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Task:
    """Work done in the worker: `async def handler(ctx: Context[S], job: Job[Args]) -> BaseModel | None`.

    - `every`: run once per period over all replicas, beginning one period after the plugin came up (at once if it never ran).
    - `timeout`: seconds for one attempt. `retries`: further attempts after the first, with jittered back-off;
      `GiveUp` and errors that are not `retryable` end it at once.
    - `concurrency`: attempts of this task at once over the whole cluster; None is unlimited.
    - `max_queued`: how many may wait; one more is refused with `TooMany`.
    - `cancellable`: whether people may cancel such jobs at `/api/v1/jobs`. False where one job works for several of
      them: then the plugin's own routes cancel, with `ctx.jobs.cancel`.
    """

    name: str
    handler: TaskHandler
    every: timedelta | None = None
    timeout: float = 300.0
    retries: int = 3
    concurrency: int | None = None
    max_queued: int = 100_000
    cancellable: bool = True

    async def __call__(self, ctx: Any, job: Any) -> Any:
        """Run the handler directly, as a test does."""
        return await self.handler(ctx, job)


def task(name: str, **options: Any) -> Callable[[TaskHandler], Task]:
    """Declare the decorated function as a task; `options` are those of `Task`."""

    def declare(handler: TaskHandler) -> Task:
        return Task(name=name, handler=handler, **options)

    return declare
