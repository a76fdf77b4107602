"""A context's services kept in memory, each remembering what a handler did with it. No I/O and no server.

They keep the contract's rules where a plugin could trip over them: values must be JSON, `unique` jobs are found again, a
message needs a person or a permission.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.plugin_api import (
    EventData,
    JobState,
    JobView,
    Progress,
    Queries,
    Record,
    Task,
)

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a handler logged."""

    level: str
    event: str
    fields: dict[str, Any]


class MemoryLog:
    """Keeps lines instead of writing them; `lines` in order."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def debug(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append(LogLine("debug", event, fields))

    def info(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append(LogLine("info", event, fields))

    def warning(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append(LogLine("warning", event, fields))

    def error(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append(LogLine("error", event, fields))

    def exception(self, event: str, /, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append(LogLine("exception", event, fields))


class ManualClock:
    """Stands still until `advance`."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 1, 1, 12, tzinfo=UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """The time of day, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


class NoDatabase:
    """Stands where the database would be; using it says how to get one."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError("this context has no database; ask for one: `await context(settings, database=True)`")

    async def fetch(self, sql: str, *args: Any) -> Sequence[Record]:
        """Refuse."""
        return self.__getattr__("fetch")  # type: ignore[no-any-return]

    async def fetchrow(self, sql: str, *args: Any) -> Record | None:
        """Refuse."""
        return self.__getattr__("fetchrow")  # type: ignore[no-any-return]

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Refuse."""
        return self.__getattr__("fetchval")

    async def execute(self, sql: str, *args: Any) -> str:
        """Refuse."""
        return self.__getattr__("execute")  # type: ignore[no-any-return]

    def transaction(self) -> AbstractAsyncContextManager[Queries]:
        """Refuse."""
        return self.__getattr__("transaction")  # type: ignore[no-any-return]


class MemoryCache:
    """Values as JSON text, forgotten by the context's clock. `bumped` lists the tags in order."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}
        self.bumped: list[str] = []

    async def get(self, key: str) -> Any | None:
        """The value, or None."""
        until, text = self._kept.get(key, (0.0, "null"))
        return json.loads(text) if until > self._clock.monotonic() else None

    async def set(self, key: str, value: Any, ttl: float) -> None:
        """Keep it; `TypeError` if it is not JSON."""
        self._kept[key] = (self._clock.monotonic() + ttl, json.dumps(value))

    async def delete(self, key: str) -> None:
        """Forget it."""
        self._kept.pop(key, None)

    async def remember(self, key: str, ttl: float, load: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """The value, loaded when missing."""
        until, text = self._kept.get(key, (0.0, "null"))
        if until > self._clock.monotonic():
            return json.loads(text)  # type: ignore[no-any-return]
        value = await load()
        await self.set(key, value, ttl)
        return value

    async def bump(self, tag: str) -> None:
        """Note the tag."""
        self.bumped.append(tag)


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """What was enqueued."""

    id: UUID
    task: str
    args: BaseModel | None
    person: UUID | None
    delay: float
    unique: str | None


class MemoryJobs:
    """Keeps jobs and runs none. `queued` in order, without the cancelled; run one by calling its task."""

    def __init__(self, plugin: str, clock: ManualClock) -> None:
        self._plugin = plugin
        self._clock = clock
        self.queued: list[QueuedJob] = []
        self.cancelled: list[QueuedJob] = []

    async def enqueue(
        self,
        task: Task | str,
        args: BaseModel | None = None,
        *,
        person: UUID | None = None,
        delay: float = 0.0,
        unique: str | None = None,
        tx: Queries | None = None,
    ) -> UUID:
        """Keep it; one with the same `unique` is found again."""
        name = task if isinstance(task, str) else task.name
        for known in self.queued:
            if unique is not None and (known.task, known.unique) == (name, unique):
                return known.id
        job = QueuedJob(new_id(), name, args, person, delay, unique)
        self.queued.append(job)
        return job.id

    async def cancel(self, job_id: UUID) -> bool:
        """Take it out of the queue."""
        for job in self.queued:
            if job.id == job_id:
                self.queued.remove(job)
                self.cancelled.append(job)
                return True
        return False

    async def get(self, job_id: UUID) -> JobView | None:
        """How it stands."""
        for state, jobs in ((JobState.QUEUED, self.queued), (JobState.CANCELLED, self.cancelled)):
            for job in jobs:
                if job.id == job_id:
                    return self._view(job, state)
        return None

    def _view(self, job: QueuedJob, state: JobState) -> JobView:
        return JobView(
            id=job.id,
            plugin=self._plugin,
            instance="main",
            task=job.task,
            state=state,
            progress=Progress(),
            attempt=0,
            person_id=job.person,
            created_at=self._clock.now(),
            started_at=None,
            finished_at=None,
            error_code=None,
            error_message=None,
        )


class MemoryEvents:
    """Keeps events; `emitted` holds (data, person). Listeners are not called: call them yourself."""

    def __init__(self) -> None:
        self.emitted: list[tuple[EventData, UUID | None]] = []

    async def emit(self, data: EventData, *, person: UUID | None = None, tx: Queries | None = None) -> UUID:
        """Keep it."""
        self.emitted.append((data, person))
        return new_id()


@dataclass(frozen=True, slots=True)
class SentEvent:
    """What went to open pages; `event` as the handler named it, without the plugin's prefix."""

    event: str
    data: dict[str, Any]
    person: UUID | None
    permission: str | None
    keep: bool


class MemoryRealtime:
    """Keeps messages; `sent`, and `changed` with (widget, person)."""

    def __init__(self) -> None:
        self.sent: list[SentEvent] = []
        self.changed: list[tuple[str, UUID | None]] = []

    async def send(
        self,
        event: str,
        data: BaseModel | Mapping[str, Any],
        *,
        person: UUID | None = None,
        permission: str | None = None,
        keep: bool = True,
    ) -> None:
        """Keep it; `ValueError` without a person or a permission."""
        if (person is None) == (permission is None):
            raise ValueError("say who gets it: either person=… or permission=…")
        plain = data.model_dump(mode="json") if isinstance(data, BaseModel) else json.loads(json.dumps(dict(data)))
        self.sent.append(SentEvent(event, plain, person, permission, keep))

    async def widget_changed(self, widget: str, *, person: UUID | None = None) -> None:
        """Keep it."""
        self.changed.append((widget, person))


class _MemoryMetric:
    def __init__(self, values: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, labels: Sequence[str]):
        self._values = values
        self._name = name
        self._labels = set(labels)

    def _key(self, labels: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
        if set(labels) != self._labels:
            raise ValueError(f"{self._name} has the labels {sorted(self._labels)}, not {sorted(labels)}")
        return self._name, tuple(sorted(labels.items()))

    def inc(self, amount: float = 1, **labels: str) -> None:
        """Count."""
        key = self._key(labels)
        self._values[key] = self._values.get(key, 0.0) + amount

    def set(self, value: float, **labels: str) -> None:
        """Say what it is now."""
        self._values[self._key(labels)] = value

    def observe(self, value: float, **labels: str) -> None:
        """Count one value."""
        self.inc(1, **labels)


class MemoryMetrics:
    """Keeps numbers; `value(name, **labels)` reads one. Of a histogram it is how often something was observed."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> _MemoryMetric:
        """A counter."""
        return _MemoryMetric(self._values, name, labels)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> _MemoryMetric:
        """A gauge."""
        return _MemoryMetric(self._values, name, labels)

    def histogram(
        self, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> _MemoryMetric:
        """A histogram."""
        return _MemoryMetric(self._values, name, labels)

    def value(self, name: str, **labels: str) -> float:
        """The number, 0 if it was never touched."""
        return self._values.get((name, tuple(sorted(labels.items()))), 0.0)
