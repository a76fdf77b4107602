"""Makes what the host hands to a handler: a person, a call, a job, an event, a lease. Pure; starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.plugin_api import Call, Empty, Event, EventData, Job, Lease, Person, Role

ArgsT = TypeVar("ArgsT", bound=BaseModel)
DataT = TypeVar("DataT", bound=EventData)


@dataclass(frozen=True, slots=True)
class MadeRequest:
    """The raw request of a made call."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"
    base_url: str = "http://hub.test"
    public_url: str = ""


def make_person(
    username: str = "ada", role: Role = Role.MEMBER, *permissions: str, person_id: UUID | None = None
) -> Person:
    """Somebody who is signed in, with `hub.signed_in` and these full names (`hello.read`); an admin has `hub.admin`."""
    granted = {"hub.signed_in", *permissions} | ({"hub.admin"} if role is Role.ADMIN else set())
    return Person(id=person_id or new_id(), username=username, role=role, permissions=frozenset(granted))


def make_call(
    *,
    path: BaseModel | None = None,
    query: BaseModel | None = None,
    body: BaseModel | None = None,
    person: Person | None = None,
    request: MadeRequest | None = None,
) -> Call[Any, Any, Any]:
    """A validated call; without `person` it is a stranger's on a public route."""
    return Call(
        path=path or Empty(),
        query=query or Empty(),
        body=body or Empty(),
        request_id="made-request",
        request=request or MadeRequest(),
        person=person,
    )


class ProgressLog:
    """Takes a job's reports; `reports` holds (fraction, text, data)."""

    def __init__(self) -> None:
        self.reports: list[tuple[float | None, str, dict[str, Any]]] = []

    async def __call__(self, fraction: float | None = None, text: str = "", **data: Any) -> None:
        """Keep one report."""
        if fraction is not None and not 0 <= fraction <= 1:
            raise ValueError(f"fraction must be between 0 and 1, not {fraction}")
        self.reports.append((fraction, text, data))


def make_job(
    args: ArgsT,
    *,
    attempt: int = 1,
    last_attempt: bool = False,
    person_id: UUID | None = None,
    progress: ProgressLog | None = None,
) -> Job[ArgsT]:
    """One attempt at a job; `Empty()` for a task without arguments."""
    return Job(
        id=new_id(),
        args=args,
        attempt=attempt,
        last_attempt=last_attempt,
        attempt_token=new_id(),
        person_id=person_id,
        request_id="made-job",
        progress=progress or ProgressLog(),
    )


def make_event(data: DataT, *, person: UUID | None = None, source: str = "test") -> Event[DataT]:
    """The event around `data`."""
    envelope = cast("type[Event[DataT]]", Event.__class_getitem__(type(data)))
    return envelope(
        id=new_id(),
        v=data.version,
        type=data.type,
        source=source,
        instance="main",
        at=datetime.now(UTC),
        person=person,
        data=data,
    )


def make_lease(name: str = "stream", fence: int = 1) -> Lease:
    """The right to run a stream."""
    return Lease(name=name, fence=fence)
