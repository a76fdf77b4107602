"""The records an Uptime Kuma keeps: monitors, beats, tags, incidents, maintenance and status pages. Decides nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from .uptime import Statistics

BEATS_KEPT = 1000
GROUP = "group"
PUSH = "push"


class Status(IntEnum):
    """Of a beat."""

    DOWN = 0
    UP = 1
    PENDING = 2
    MAINTENANCE = 3


@dataclass(frozen=True)
class Tag:
    """A tag as it hangs at one monitor; `link` is the id of that tie."""

    id: int
    name: str
    color: str
    value: str
    link: int


@dataclass(eq=False)
class Beat:
    """One heartbeat. `time` is in seconds since 1970, `ping` in milliseconds, `duration` in seconds since the last."""

    id: int
    monitor_id: int
    status: Status
    msg: str
    time: float
    ping: float | None
    important: bool
    duration: int
    retries: int

    @property
    def when(self) -> str:
        """Its time as Kuma writes it."""
        return written(self.time)


@dataclass
class Cert:
    """What is known of a monitor's certificate."""

    days: int
    valid: bool


@dataclass(eq=False)
class Monitor:
    """`fields` are those of Kuma's JSON that nothing here computes; `statistics` are of the last beat's moment."""

    id: int
    name: str
    type: str
    parent: int | None
    url: str
    interval: int
    active: bool = True
    public: bool = True
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[Tag] = field(default_factory=list)
    beats: deque[Beat] = field(default_factory=lambda: deque(maxlen=BEATS_KEPT))
    statistics: Statistics = field(default_factory=Statistics)
    cert: Cert | None = None

    @property
    def last(self) -> Beat | None:
        """The newest beat."""
        return self.beats[-1] if self.beats else None


@dataclass(eq=False)
class Incident:
    """Something an admin wrote on a status page."""

    id: int
    page_id: int
    title: str
    content: str
    style: str
    created: str
    pinned: bool = True


@dataclass(eq=False)
class Maintenance:
    """Manual maintenance: it is on while `active`."""

    id: int
    title: str
    description: str
    monitors: list[int]
    pages: list[int]
    started: str
    active: bool = True


@dataclass(eq=False)
class StatusPage:
    """`groups` are its public groups: a name and the ids of monitors, in order."""

    id: int
    slug: str
    title: str
    description: str | None = None
    published: bool = True
    show_tags: bool = True
    show_certificates: bool = False
    groups: list[tuple[str, list[int]]] = field(default_factory=list)


def written(moment: float, milliseconds: bool = True) -> str:
    """`YYYY-MM-DD HH:MM:SS.mmm`, in UTC and without saying so."""
    text = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return text[:-3] if milliseconds else text[:-7]


def moment_of(at: float | str | datetime | None, now: float) -> float:
    """Seconds since 1970 of a number, a datetime with a zone, or text as Kuma writes it."""
    if at is None:
        return now
    if isinstance(at, str):
        at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return at.timestamp() if isinstance(at, datetime) else float(at)


def pushes_itself(monitor: Monitor, status: int) -> bool:
    """Whether such a beat comes of a job that called, and not of a check."""
    return monitor.type == PUSH and status == Status.UP
