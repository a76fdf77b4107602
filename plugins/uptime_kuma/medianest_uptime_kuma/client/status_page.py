"""What a status page and its beats say, of 1.23 (`incident`) and 2.x (`incidents`); asks nobody, fetches nothing."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime
from typing import Annotated, Any, Final, TypeGuard

from pydantic import BeforeValidator, Field

from medianest_uptime_kuma.client.answers import (
    MOST_BEATS,
    MOST_MONITORS,
    Answer,
    KumaTime,
    Line,
    Lines,
    PerhapsTime,
    Ping,
    Ratio,
    StatusNumber,
    Tags,
    perhaps_list,
    readable,
)

MOST_PAGES: Final = 20
_MOST_ANNOUNCED: Final = 200
_MOST_GROUPS: Final = 500
_MOST_SLOTS: Final = 20
_MOST_DIGITS: Final = 10
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")


def is_slug(text: object) -> TypeGuard[str]:
    """Whether it may be a status page's name; the settings ask for the same."""
    return isinstance(text, str) and _SLUG.fullmatch(text) is not None


class PageMonitor(Answer):
    """A monitor as the page shows it; no tags at all (None) on a page that shows none."""

    id: Annotated[int, Field(ge=0, lt=2**31)]
    name: Line
    type: Line = ""
    tags: Tags | None = None


class PageGroup(Answer):
    """A heading of the page and what stands under it."""

    name: Line
    monitors: Annotated[
        list[PageMonitor],
        BeforeValidator(lambda value: readable(PageMonitor, value, most=MOST_MONITORS)),
        Field(alias="monitorList"),
    ]


class PageIncident(Answer):
    """An incident pinned to the page."""

    id: Annotated[int, Field(ge=0, lt=2**31)]
    title: Line = ""
    content: Lines = ""
    style: Line = ""
    created: Annotated[PerhapsTime, Field(alias="createdDate")] = None
    updated: Annotated[PerhapsTime, Field(alias="lastUpdatedDate")] = None


def _incidents(value: Any) -> list[PageIncident]:
    found: dict[int, PageIncident] = {}
    for one in perhaps_list(PageIncident, value, most=_MOST_ANNOUNCED):
        found.setdefault(one.id, one)
    return list(found.values())


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
    slots: Annotated[
        list[Slot],
        BeforeValidator(lambda value: perhaps_list(Slot, value, most=_MOST_SLOTS)),
        Field(alias="timeslotList"),
    ] = []

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
    groups: Annotated[
        list[PageGroup],
        BeforeValidator(lambda value: readable(PageGroup, value, most=_MOST_GROUPS)),
        Field(alias="publicGroupList"),
    ]
    one_incident: Annotated[
        list[PageIncident], BeforeValidator(lambda one: _incidents([one])), Field(alias="incident")
    ] = []
    several: Annotated[list[PageIncident], BeforeValidator(_incidents), Field(alias="incidents")] = []
    maintenance: Annotated[
        list[KumaMaintenance],
        BeforeValidator(lambda value: perhaps_list(KumaMaintenance, value, most=_MOST_ANNOUNCED)),
        Field(alias="maintenanceList"),
    ] = []

    @property
    def incidents(self) -> list[PageIncident]:
        """Whichever way this version tells them; of those with one number the first."""
        return self.several or self.one_incident


class PageBeat(Answer):
    """One check, the message left out by Uptime Kuma."""

    status: StatusNumber
    time: KumaTime
    ping: Ping = None


def _by_number(value: Any) -> dict[int, list[PageBeat]]:
    """The beats that can be read, by monitor. Raises ValueError if there are any, and none can."""
    if not isinstance(value, dict):
        raise ValueError("not beats by monitor")  # noqa: TRY004 - pydantic takes no TypeError
    found = {}
    for name, beats in list(value.items())[:MOST_MONITORS]:
        if isinstance(name, str) and name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS:
            with contextlib.suppress(ValueError):
                last = beats[-MOST_BEATS:] if isinstance(beats, list) else beats
                found[int(name)] = readable(PageBeat, last, most=MOST_BEATS)
    if value and not found:
        raise ValueError("no beats in this list can be read")
    return found


class Beats(Answer):
    """The answer of `/api/status-page/heartbeat/<slug>`: up to a hundred beats a monitor, the oldest first."""

    beats: Annotated[dict[int, list[PageBeat]], BeforeValidator(_by_number), Field(alias="heartbeatList")]
    uptimes: Annotated[
        dict[str, Ratio],
        BeforeValidator(lambda value: value if isinstance(value, dict) else {}),
        Field(alias="uptimeList"),
    ] = {}

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
