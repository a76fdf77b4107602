"""All that one Uptime Kuma knows and how it changes. Answers nobody itself."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from itertools import count
from typing import Any

from .accounts import Accounts
from .records import (
    GROUP,
    PUSH,
    Beat,
    Cert,
    Incident,
    Maintenance,
    Monitor,
    Status,
    StatusPage,
    Tag,
    moment_of,
    pushes_itself,
    written,
)
from .uptime import measured

__all__ = [
    "GROUP",
    "PUSH",
    "Beat",
    "Cert",
    "Incident",
    "Maintenance",
    "Monitor",
    "Status",
    "StatusPage",
    "Tag",
    "World",
]

_IMPORTANT = {
    (Status.UP, Status.DOWN),
    (Status.DOWN, Status.UP),
    (Status.PENDING, Status.DOWN),
    (Status.MAINTENANCE, Status.UP),
    (Status.MAINTENANCE, Status.DOWN),
    (Status.UP, Status.MAINTENANCE),
    (Status.DOWN, Status.MAINTENANCE),
}


class World(Accounts):
    """The state, with who may enter it. `advance` lets time pass."""

    def __init__(self, version: str) -> None:
        super().__init__()
        self.version = version
        self.v2 = not version.startswith("1.")
        self.monitors: dict[int, Monitor] = {}
        self.measured: dict[int, Monitor] = {}
        """Whom /metrics shows, in the order of their first beats since the start."""
        self.rated: set[int] = set()
        """Whose uptime it shows (2.x): a job that calls writes none there; a check does."""
        self.incidents: list[Incident] = []
        self.maintenances: dict[int, Maintenance] = {}
        self.pages: dict[int, StatusPage] = {}
        self.tags: dict[int, tuple[str, str]] = {}
        self.tag_labels: list[str] = []
        """Tags that are labels of /metrics: those there were at the last start (2.x)."""
        self.entry_page: str | None = None
        """None, `dashboard`, or `statusPage-<slug>`."""
        self.primary_base_url: str | None = None
        self.caching = False
        """Whether pages (5 min) and their beats (1 min) are remembered, as the real one does."""
        self.edition = 0
        """What is remembered of an older one is forgotten."""
        self.pause_in_burst = 0.0
        """Seconds 1.x waits in the middle of the burst; 0.5 in the real one."""
        self.started = time.time()
        self._beat_numbers, self._links = count(1), count(1)
        self._next: dict[str, count[int]] = {}
        self.page("main", "Main page", "Family services")

    def moment(self, at: float | str | datetime | None) -> float:
        """Seconds since 1970; None is now."""
        return moment_of(at, self.now())

    def next(self, kind: str) -> int:
        """The next id of its kind."""
        return next(self._next.setdefault(kind, count(1)))

    def start(self) -> None:
        """The process begins: tags there are become labels of /metrics."""
        self.started = self.now()
        self.tag_labels = sorted({name for name, _ in self.tags.values()}, key=str.lower) if self.v2 else []

    def restart(self) -> None:
        """The process begins anew: whatever was in memory alone is gone."""
        self.measured.clear()
        self.rated.clear()
        self.edited()
        self.start()

    def edited(self) -> None:
        """Kuma forgets remembered pages when maintenance or a page changed, or a monitor went. Not for an incident."""
        self.edition += 1

    # --- monitors and beats

    def monitor(self, name: str, type: str, parent: int | None, url: str, interval: int, **fields: Any) -> Monitor:
        """A new monitor. Raises KeyError for a group that is not there."""
        if parent is not None and self.monitors[parent].type != GROUP:
            raise KeyError(f"monitor {parent} is no group")
        if type == PUSH:
            fields.setdefault("pushToken", secrets.token_urlsafe(24)[:32])
        made = Monitor(self.next("monitor"), name, type, parent, url or "https://", interval)
        made.fields = fields
        self.monitors[made.id] = made
        return made

    def tag(self, monitor: Monitor, name: str, value: str = "", color: str = "#059669") -> Tag:
        """Hang a tag at the monitor; a name not known yet becomes a tag."""
        known = next((number for number, (known, _) in self.tags.items() if known == name), None)
        number = self.next("tag") if known is None else known
        self.tags.setdefault(number, (name, color))
        made = Tag(number, name, self.tags[number][1], value, next(self._links))
        monitor.tags.append(made)
        return made

    def children(self, monitor: Monitor) -> list[int]:
        """Of a group."""
        return [one.id for one in self.monitors.values() if one.parent == monitor.id]

    def path(self, monitor: Monitor) -> list[str]:
        """The names of its groups, outermost first, and its own."""
        above = self.monitors.get(monitor.parent or 0)
        return [*(self.path(above) if above else []), monitor.name]

    def parent_inactive(self, monitor: Monitor) -> bool:
        """Whether a group above is paused, which rests this one as well."""
        above = self.monitors.get(monitor.parent or 0)
        return above is not None and (not above.active or self.parent_inactive(above))

    def in_maintenance(self, monitor: Monitor) -> bool:
        """Whether maintenance is on for it or for a group above."""
        above = self.monitors.get(monitor.parent or 0)
        running = any(one.active and monitor.id in one.monitors for one in self.maintenances.values())
        return running or (above is not None and self.in_maintenance(above))

    def record(
        self, monitor: Monitor, status: int, msg: str, ping: float | None, at: float, important: bool | None
    ) -> Beat:
        """Write down a beat, and work out what follows from it."""
        last, status = monitor.last, Status(status)
        if important is None:
            important = last is None or (last.status, status) in _IMPORTANT
        timed = not self.v2 or monitor.type == PUSH
        duration = round(at - last.time) if last is not None and timed else 0
        failed = status in (Status.DOWN, Status.PENDING)
        retries = (last.retries if last else 0) + 1 if failed else 0
        if status is not Status.UP:
            ping = None
        beat = Beat(next(self._beat_numbers), monitor.id, status, msg, at, ping, important, duration, retries)
        monitor.beats.append(beat)
        monitor.statistics = measured(monitor.beats, self.now(), self.v2)
        self.measured[monitor.id] = monitor
        if not pushes_itself(monitor, status):
            self.rated.add(monitor.id)
        return beat

    def set_active(self, monitor: Monitor, active: bool) -> None:
        """Pause or resume. 2.x takes a paused monitor out of /metrics, 1.x leaves it there."""
        monitor.active = active
        if not active and self.v2:
            self.forget(monitor)

    def forget(self, monitor: Monitor) -> None:
        """Take its gauges out of /metrics."""
        self.measured.pop(monitor.id, None)
        self.rated.discard(monitor.id)

    def remove(self, monitor: Monitor) -> list[Monitor]:
        """Delete it; returns the children that lost their group."""
        self.edited()
        del self.monitors[monitor.id]
        self.forget(monitor)
        for page in self.pages.values():
            page.groups = [(name, [one for one in ids if one != monitor.id]) for name, ids in page.groups]
        orphans = [one for one in self.monitors.values() if one.parent == monitor.id]
        for one in orphans:
            one.parent = None
        return orphans

    # --- status pages, incidents, maintenance

    def page(self, slug: str, title: str, description: str | None = None) -> StatusPage:
        """A new status page."""
        made = StatusPage(self.next("page"), slug, title, description)
        self.pages[made.id] = made
        return made

    def page_of(self, slug: str) -> StatusPage | None:
        """By its slug, to the letter."""
        return next((one for one in self.pages.values() if one.slug == slug), None)

    def publish(self, monitor: Monitor, group: str, slug: str = "main") -> None:
        """Put the monitor into a public group of the page, which is made when missing."""
        page = self.page_of(slug)
        assert page is not None, slug
        for name, ids in page.groups:
            if name == group:
                ids.append(monitor.id)
                return
        page.groups.append((group, [monitor.id]))

    def post_incident(self, page: StatusPage, title: str, content: str, style: str) -> Incident:
        """Pin one. 1.x keeps a single pinned one, 2.x as many as there are."""
        if not self.v2:
            self.unpin(page)
        made = Incident(self.next("incident"), page.id, title, content, style, written(self.now(), milliseconds=False))
        self.incidents.append(made)
        return made

    def pinned(self, page: StatusPage) -> list[Incident]:
        """What the page shows, the newest first."""
        return [one for one in reversed(self.incidents) if one.page_id == page.id and one.pinned]

    def unpin(self, page: StatusPage, incident_id: int | None = None) -> None:
        """Take one, or all, from the page."""
        for one in self.pinned(page):
            if incident_id in (None, one.id):
                one.pinned = False

    def maintain(self, title: str, description: str, monitors: list[int], pages: list[int]) -> Maintenance:
        """Begin manual maintenance."""
        self.edited()
        number = self.next("maintenance")
        started = written(self.now(), milliseconds=False)
        made = Maintenance(number, title, description, list(monitors), list(pages), started)
        self.maintenances[number] = made
        return made
