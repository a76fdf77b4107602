"""What a test may do to the simulated Uptime Kuma: monitors, beats, incidents and maintenance; how it reaches it is not here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from . import pushes
from .pushes import Event
from .records import GROUP, Beat, Cert, Monitor, pushes_itself
from .world import World

T = TypeVar("T")


class Knobs:
    """Each returns once it is done and every logged-in socket was told."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _change(self, change: Callable[[], tuple[T, Iterable[Event]]]) -> T:
        """Make the change where the world lives, and tell the events that come of it."""
        raise NotImplementedError

    # --- monitors

    def add(
        self,
        name: str,
        type: str = "http",
        *,
        group: int | None = None,
        tags: Iterable[str | tuple[str, str]] = (),
        url: str = "",
        interval: int = 20,
        public: bool = True,
        **fields: Any,
    ) -> Monitor:
        """A new monitor, on the status page under its group's name unless it is a group or not public.

        A tag is a name or a name and a value; `fields` are of Kuma's JSON (`pushToken`, `headers`, `maxretries`).
        """

        def change() -> tuple[Monitor, list[Event]]:
            made = self.world.monitor(name, type, group, url, interval, **fields)
            for tag in tags:
                self.world.tag(made, *((tag,) if isinstance(tag, str) else tag))
            if public and type != GROUP:
                self.world.publish(made, self.world.monitors[group].name if group else "Services")
            return made, [pushes.changed(self.world, made)]

        return self._change(change)

    def change(self, monitor_id: int, **fields: Any) -> None:
        """Edit a monitor: its name, url, interval, parent, or any other field of Kuma's JSON."""

        def change() -> tuple[None, list[Event]]:
            monitor = self.world.monitors[monitor_id]
            for name in ("name", "url", "interval", "parent"):
                if name in fields:
                    setattr(monitor, name, fields.pop(name))
            monitor.fields.update(fields)
            return None, [pushes.changed(self.world, monitor)]

        self._change(change)

    def pause(self, monitor_id: int) -> None:
        """An admin pauses the monitor."""
        self._set_active(monitor_id, False)

    def resume(self, monitor_id: int) -> None:
        """An admin resumes the monitor."""
        self._set_active(monitor_id, True)

    def _set_active(self, monitor_id: int, active: bool) -> None:
        def change() -> tuple[None, list[Event]]:
            monitor = self.world.monitors[monitor_id]
            self.world.set_active(monitor, active)
            return None, [pushes.changed(self.world, monitor)]

        self._change(change)

    def delete(self, monitor_id: int) -> None:
        """An admin deletes the monitor."""

        def change() -> tuple[None, list[Event]]:
            monitor = self.world.monitors[monitor_id]
            return None, list(pushes.deleted(self.world, monitor, self.world.remove(monitor)))

        self._change(change)

    def beat(
        self,
        monitor_id: int,
        status: int,
        msg: str | None = None,
        ping: float | None = None,
        at: float | str | datetime | None = None,
        important: bool | None = None,
    ) -> Beat:
        """Record one beat and tell everybody; `at` is seconds since 1970, a datetime with a zone, or text as Kuma has it."""
        return self._change(lambda: self._beat_change(monitor_id, status, msg, ping, at, important))

    def _beat_change(
        self, monitor_id: int, status: int, msg: str | None, ping: float | None, at: Any, important: bool | None
    ) -> tuple[Beat, Iterable[Event]]:
        monitor = self.world.monitors[monitor_id]
        text = pushes.usual_message(monitor, status) if msg is None else msg
        beat = self.world.record(monitor, status, text, ping, self.world.moment(at), important)
        return beat, pushes.after_beat(self.world, monitor, beat, pushed=pushes_itself(monitor, status))

    def cert(self, monitor_id: int, days: int, valid: bool = True) -> None:
        """The monitor's certificate holds for so many days."""

        def change() -> tuple[None, list[Event]]:
            monitor = self.world.monitors[monitor_id]
            monitor.cert = Cert(days, valid)
            return None, [("certInfo", (monitor_id, pushes.cert_text(monitor)))]

        self._change(change)

    # --- incidents and maintenance

    def post_incident(self, slug: str, title: str, content: str = "", style: str = "warning") -> int:
        """An admin pins an incident to the page. Sockets are not told of it, in either line of Kuma."""

        def change() -> tuple[int, list[Event]]:
            page = self.world.page_of(slug)
            assert page is not None, slug
            return self.world.post_incident(page, title, content, style).id, []

        return self._change(change)

    def unpin_incident(self, slug: str, incident_id: int | None = None) -> None:
        """An admin takes one incident, or all, from the page."""

        def change() -> tuple[None, list[Event]]:
            page = self.world.page_of(slug)
            assert page is not None, slug
            self.world.unpin(page, incident_id)
            return None, []

        self._change(change)

    def start_maintenance(
        self, title: str, monitors: Iterable[int], *, description: str = "", pages: Iterable[str] = ("main",)
    ) -> int:
        """Manual maintenance begins, shown on those pages. The monitors say so with their next beats, not before."""

        def change() -> tuple[int, list[Event]]:
            shown = [page.id for slug in pages if (page := self.world.page_of(slug))]
            made = self.world.maintain(title, description, list(monitors), shown)
            return made.id, [pushes.maintenance_list(self.world)]

        return self._change(change)

    def end_maintenance(self, maintenance_id: int) -> None:
        """It is over."""

        def change() -> tuple[None, list[Event]]:
            self.world.maintenances[maintenance_id].active = False
            self.world.edited()
            return None, [pushes.maintenance_list(self.world)]

        self._change(change)
