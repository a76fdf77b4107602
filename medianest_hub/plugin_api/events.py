"""Events: how plugins meet without importing each other. Models several plugins share live here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel


class EventData(BaseModel):
    """What happened. A subclass sets `type` (`<plugin>:<noun>.<verb>`) and, on incompatible change, raises `version`."""

    type: ClassVar[str]
    version: ClassVar[int] = 1


DataT = TypeVar("DataT", bound=EventData)


class Event(BaseModel, Generic[DataT]):
    """The envelope every event travels in. `person` is whom it concerns, None for everybody."""

    id: UUID
    v: int
    type: str
    source: str
    instance: str
    at: datetime
    person: UUID | None
    data: DataT


ListenerHandler: TypeAlias = Callable[[Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Listener:
    """`async def handler(ctx: Context[S], event: Event[Model]) -> None`, called for each event of `model`'s type.

    Once per event over the cluster, in a worker, retried like a task; with `every_process` at most once in each web and
    worker process instead, and lost by a process that was away.
    """

    model: type[EventData]
    handler: ListenerHandler
    every_process: bool = False
    timeout: float = 60.0
    retries: int = 3

    @property
    def name(self) -> str:
        """The handler's name; unique within the plugin."""
        return self.handler.__name__

    async def __call__(self, ctx: Any, event: Any) -> None:
        """Call it directly, as a test does."""
        await self.handler(ctx, event)


def listener(model: type[EventData], **options: Any) -> Callable[[ListenerHandler], Listener]:
    """Declare the decorated function as a listener; `options` are those of `Listener`."""

    def declare(handler: ListenerHandler) -> Listener:
        return Listener(model=model, handler=handler, **options)

    return declare


class PersonRemoved(EventData):
    """Somebody's account was deleted; whoever keeps rows of theirs removes them. The envelope's `person` says whose."""

    type: ClassVar[str] = "hub:person.removed"

    username: str


class MediaFileAdded(EventData):
    """A finished media file lies in a folder some media server may watch. `path` is on the worker's disk."""

    type: ClassVar[str] = "hub:media_file.added"

    path: str
    title: str
    source: str


class ScanRequested(EventData):
    """Somebody put a file into a folder and asks whoever keeps a library to look at that one folder."""

    type: ClassVar[str] = "hub:scan.requested"

    folder: str
    reason: str = ""
