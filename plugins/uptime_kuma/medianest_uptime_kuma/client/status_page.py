"""What a status page and its beats say, of 1.23 (`incident`) and 2.x (`incidents`); asks nobody, fetches nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from medianest_uptime_kuma.client.answers import (
    Answer,
    KumaTime,
    Line,
    Lines,
    PerhapsTime,
    Ping,
    Ratio,
    StatusNumber,
    Tag,
)


class PageMonitor(Answer):
    """A monitor as the page shows it; no tags at all (None) on a page that shows none."""

    id: Annotated[int, Field(ge=0, lt=2**31)]
    name: Line
    type: Line = ""
    tags: list[Tag] | None = None


class PageGroup(Answer):
    """A heading of the page and what stands under it."""

    name: Line
    monitors: Annotated[list[PageMonitor], Field(alias="monitorList")]


class PageIncident(Answer):
    """An incident pinned to the page."""

    id: Annotated[int, Field(ge=0, lt=2**31)]
    title: Line = ""
    content: Lines = ""
    style: Line = ""
    created: Annotated[KumaTime | None, Field(alias="createdDate")] = None
    updated: Annotated[KumaTime | None, Field(alias="lastUpdatedDate")] = None


class Slot(Answer):
    """One stretch of work."""

    start: Annotated[PerhapsTime, Field(alias="startDate")] = None
    end: Annotated[PerhapsTime, Field(alias="endDate")] = None


class KumaMaintenance(Answer):
    """Work that is planned or under way; the same here and in the live lists."""

    id: Annotated[int, Field(ge=0, lt=2**31)]
    title: Line = ""
    description: Lines = ""
    status: Line = ""
    slots: Annotated[list[Slot], BeforeValidator(lambda value: value or []), Field(alias="timeslotList")] = []

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """Begin and end of its first stretch, where it has any."""
        return (self.slots[0].start, self.slots[0].end) if self.slots else (None, None)


class Config(Answer):
    """Of the page itself."""

    slug: Line
    title: Line = ""


class StatusPage(Answer):
    """The answer of `/api/status-page/<slug>`."""

    config: Config
    groups: Annotated[list[PageGroup], Field(alias="publicGroupList")]
    incident: PageIncident | None = None
    several: Annotated[list[PageIncident], Field(alias="incidents")] = []
    maintenance: Annotated[list[KumaMaintenance], Field(alias="maintenanceList")] = []

    @property
    def incidents(self) -> list[PageIncident]:
        """Whichever way this version tells them."""
        return self.several or ([self.incident] if self.incident is not None else [])


class PageBeat(Answer):
    """One check, the message left out by Uptime Kuma."""

    status: StatusNumber
    time: KumaTime
    ping: Ping = None


def _by_number(value: Any) -> Any:
    return {int(key): beats for key, beats in value.items()} if isinstance(value, dict) else value


class Beats(Answer):
    """The answer of `/api/status-page/heartbeat/<slug>`: up to a hundred beats a monitor, the oldest first."""

    beats: Annotated[dict[int, list[PageBeat]], BeforeValidator(_by_number), Field(alias="heartbeatList")]
    uptimes: Annotated[dict[str, Ratio], Field(alias="uptimeList")] = {}

    def uptime_day(self, kuma_id: int) -> float | None:
        """The part of the last day it was up."""
        return self.uptimes.get(f"{kuma_id}_24")


class EntryPage(Answer):
    """The answer of `/api/entry-page`."""

    type: Line = ""
    entry: Annotated[Line, Field(alias="entryPage")] = ""
    slug: Annotated[Line, Field(alias="statusPageSlug")] = ""
    """The page that has this host name for its own."""

    @property
    def status_page(self) -> str:
        """The name of the status page shown first, or empty."""
        if self.slug:
            return self.slug
        return self.entry.removeprefix("statusPage-") if self.entry.startswith("statusPage-") else ""
