"""What routes, events and open pages say about monitors, one model whatever way Uptime Kuma is read; asks nobody."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import EventData


class Status(StrEnum):
    """How a monitor is. `unknown`: nobody knows (any more), whatever it was before."""

    DOWN = "down"
    UP = "up"
    PENDING = "pending"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"
    UNKNOWN = "unknown"

    @property
    def number(self) -> int:
        """As stored; 0 to 3 are Uptime Kuma's own."""
        return _NUMBERS.index(self)

    @classmethod
    def of(cls, number: int) -> Status:
        """The reverse of `number`; what is not known is `unknown`."""
        return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else cls.UNKNOWN


_NUMBERS = (Status.DOWN, Status.UP, Status.PENDING, Status.MAINTENANCE, Status.PAUSED, Status.UNKNOWN)


class Uptime(BaseModel):
    """The part of the time a monitor was up, 0-1; null while nothing is known. Maintenance, pauses and gaps do not count."""

    day: float | None = Field(default=None, description="the last 24 hours")
    week: float | None = Field(default=None, description="the last 7 days")
    month: float | None = Field(default=None, description="the last 30 days")


class MonitorDetails(BaseModel):
    """What only those see who have `uptime_kuma.details`."""

    kuma_id: int | None = Field(description="its number in Uptime Kuma; null where the way in does not tell")
    address: str = Field(description="what is watched, without credentials and query; empty where not known")
    message: str = Field(description="what Uptime Kuma said of the last check")
    shown_to_members: bool
    last_status: Status = Field(
        description="what it was found to be last, also when that is too long ago to be believed"
    )


class Monitor(BaseModel):
    """One monitor. `since` is when it came into this status, `response_ms` what the last check took."""

    id: UUID
    instance: str
    name: str
    group: str
    type: str = Field(description="Uptime Kuma's own word: http, port, ping, push, group, …", examples=["http"])
    tags: list[str]
    status: Status
    since: datetime
    checked_at: datetime
    response_ms: float | None
    uptime: Uptime
    certificate_days: int | None = Field(description="days the certificate is still good for; null where there is none")
    certificate_valid: bool | None
    details: MonitorDetails | None = Field(default=None, description="null without `uptime_kuma.details`")


class Freshness(BaseModel):
    """How far what is shown can be believed. `as_of` is when Uptime Kuma was last heard."""

    as_of: datetime | None
    stale: bool


class GroupSummary(BaseModel):
    """The monitors of one group that one may see; an empty name stands for those in none."""

    name: str
    total: int
    down: int
    worst: Status


class Summary(BaseModel):
    """All monitors one may see, counted. `worst` is the status that wants looking at first."""

    total: int
    up: int
    down: int
    pending: int
    maintenance: int
    paused: int
    unknown: int
    worst: Status
    groups: list[GroupSummary]
    open_incidents: int
    freshness: Freshness
    way: str | None = Field(default=None, description="how Uptime Kuma is read; null without `uptime_kuma.details`")
    version: str | None = Field(default=None, description="Uptime Kuma's; null without `uptime_kuma.details`")


class Incident(BaseModel):
    """Something announced on a status page. `content` is text as it was written there, Markdown perhaps."""

    id: UUID
    instance: str
    page: str
    title: str
    content: str
    style: str = Field(description="Uptime Kuma's: info, warning, danger, primary, light, dark")
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None


class Maintenance(BaseModel):
    """Work Uptime Kuma knows of. `state` is its own word: scheduled, under-maintenance, inactive, ended, …"""

    id: int
    instance: str
    title: str
    description: str
    state: str
    starts_at: datetime | None
    ends_at: datetime | None


class MonitorChanged(EventData):
    """A monitor came into another status. Said once, whoever of the workers saw it."""

    type: ClassVar[str] = "uptime_kuma:monitor.changed"

    monitor_id: UUID
    name: str
    group: str
    status: Status
    was: Status
    since: datetime
    response_ms: float | None = None
    shown_to_members: bool = False


class AlertKind(StrEnum):
    """What people are told. `flapping`: it comes and goes; `settled`: it does not any more."""

    DOWN = "down"
    BACK = "back"
    FLAPPING = "flapping"
    SETTLED = "settled"


class MonitorAlerted(EventData):
    """Something worth telling people: damped while a monitor flaps, held during maintenance.

    `down_seconds` is how long it had been down, where it was.
    """

    type: ClassVar[str] = "uptime_kuma:monitor.alerted"

    monitor_id: UUID
    name: str
    group: str
    kind: AlertKind
    status: Status
    at: datetime
    down_seconds: float | None = None
    shown_to_members: bool = False


class IncidentOpened(EventData):
    """An incident was announced on a status page."""

    type: ClassVar[str] = "uptime_kuma:incident.opened"

    incident_id: UUID
    page: str
    title: str
    style: str
    at: datetime


class IncidentClosed(EventData):
    """It stands there no longer."""

    type: ClassVar[str] = "uptime_kuma:incident.closed"

    incident_id: UUID
    page: str
    title: str
    style: str
    at: datetime
