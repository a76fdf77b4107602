"""What a logged-in admin may call over Socket.IO, each as Kuma answers it; knows neither sockets nor logins."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from . import pushes
from .monitor_json import COMPUTED, list_json, monitor_json
from .pages import incident_json, page_config, public_groups
from .pushes import Event
from .uptime import whole
from .world import Beat, Maintenance, Monitor, World


class Answer(Exception):
    """Ends a call with `{ok: false, msg}`."""


class Calls:
    """`find(event)` gives the method of a call. A method returns what is sent before the ack, the ack, and what after."""

    def __init__(self, world: World) -> None:
        self._world = world

    def find(self, event: str) -> Callable[..., Result] | None:
        """The method of that event, if there is one."""
        name = _NAMES.get(event)
        return getattr(self, name) if name else None

    # --- monitors

    def monitor_list(self) -> Result:
        return Result({"ok": True}, before=[("monitorList", (list_json(self._world),))])

    def monitor(self, number: Any) -> Result:
        found = self._world.monitors.get(number)
        if found is None:
            raise Answer("Cannot read properties of null (reading 'id')")
        return Result({"ok": True, "monitor": monitor_json(self._world, found, alone=True)})

    def beats(self, number: Any, hours: Any) -> Result:
        found = self._world.monitors.get(number)
        since = self._world.now() - float(hours) * 3600
        rows = [pushes.row_json(self._world, one) for one in (found.beats if found else ()) if one.time > since]
        return Result({"ok": True, "data": rows})

    def add(self, fields: dict[str, Any]) -> Result:
        given = dict(fields)
        made = self._world.monitor(
            given.pop("name"),
            given.pop("type"),
            given.pop("parent", None),
            given.pop("url", "") or "",
            given.pop("interval", 60),
            **{name: value for name, value in given.items() if name not in COMPUTED and name != "pushToken"},
        )
        ack = self._done("successAdded", "Added Successfully.") | {"monitorID": made.id}
        return Result(ack, before=[pushes.changed(self._world, made)])

    def edit(self, fields: dict[str, Any]) -> Result:
        found = self._find(fields.get("id"))
        for name in ("name", "url", "interval", "parent"):
            if name in fields:
                setattr(found, name, fields[name])
        found.fields.update({name: value for name, value in fields.items() if name not in COMPUTED})
        ack = self._done("successEdited", "Saved.") | {"monitorID": found.id}
        return Result(ack, before=[pushes.changed(self._world, found)])

    def pause(self, number: Any) -> Result:
        return self._set_active(number, False, self._done("successPaused", "Paused Successfully."))

    def resume(self, number: Any) -> Result:
        return self._set_active(number, True, self._done("successResumed", "Resumed Successfully."))

    def delete(self, number: Any, *_: Any) -> Result:
        found = self._find(number)
        orphans = self._world.remove(found)
        ack = self._done("successDeleted", "Deleted Successfully.")
        return Result(ack, after=list(pushes.deleted(self._world, found, orphans)))

    def _set_active(self, number: Any, active: bool, ack: dict[str, Any]) -> Result:
        found = self._find(number)
        self._world.set_active(found, active)
        return Result(ack, before=[pushes.changed(self._world, found)])

    # --- beats of importance

    def important_count(self, number: Any) -> Result:
        return Result({"ok": True, "count": len(self._important(number))})

    def important_page(self, number: Any, offset: int, size: int) -> Result:
        shown = self._important(number)[offset : offset + size]
        return Result({"ok": True, "data": [pushes.important_json(self._world, one) for one in shown]})

    def chart(self, number: Any, hours: Any) -> Result:
        since = self._world.now() - float(hours) * 3600
        beats = [one for one in reversed(self._find(number).beats) if one.time > since]
        minutes = groupby(beats, key=lambda one: int(one.time // 60) * 60)
        return Result({"ok": True, "data": [_minute(at, list(within)) for at, within in minutes]})

    def _important(self, number: Any) -> list[Beat]:
        monitors = self._world.monitors.values() if number is None else [self._find(number)]
        found = [beat for one in monitors for beat in one.beats if beat.important]
        return sorted(found, key=lambda one: one.time, reverse=True)

    # --- tags, settings, pages, incidents

    def tags(self) -> Result:
        rows = [{"id": number, "name": name, "color": color} for number, (name, color) in self._world.tags.items()]
        return Result({"ok": True, "tags": rows})

    def add_tag(self, fields: dict[str, Any]) -> Result:
        number = self._world.next("tag")
        self._world.tags[number] = fields["name"], fields["color"]
        return Result({"ok": True, "tag": {"id": number, "name": fields["name"], "color": fields["color"]}})

    def add_monitor_tag(self, tag: int, number: Any, value: str) -> Result:
        name, _ = self._world.tags[tag]
        self._world.tag(self._find(number), name, value)
        return Result(self._done("successAdded", "Added Successfully."))

    def settings(self) -> Result:
        return Result({"ok": True, "data": {"serverTimezone": "UTC"}})

    def status_page(self, slug: Any) -> Result:
        page = self._world.page_of(slug)
        if page is None:
            raise Answer("No slug?")
        return Result({"ok": True, "config": page_config(self._world, page, private=True)})

    def save_status_page(self, slug: Any, config: dict[str, Any], icon: Any, groups: list[dict[str, Any]]) -> Result:
        page = self._world.page_of(slug)
        if page is None:
            raise Answer("No slug?")
        page.title, page.description = config["title"], config["description"]
        page.published, page.show_tags = bool(config["published"]), bool(config["showTags"])
        page.show_certificates = bool(config["showCertificateExpiry"])
        page.groups = [(group["name"], [one["id"] for one in group["monitorList"]]) for group in groups]
        self._world.edited()
        return Result({"ok": True, "publicGroupList": public_groups(self._world, page)})

    def post_incident(self, slug: Any, fields: dict[str, Any]) -> Result:
        page = self._world.page_of(slug)
        if page is None:
            raise Answer("slug is not found")
        made = self._world.post_incident(page, fields["title"], fields["content"], fields["style"])
        return Result({"ok": True, "incident": incident_json(self._world, made, fresh=True)})

    def unpin_incident(self, slug: Any, number: int | None = None) -> Result:
        page = self._world.page_of(slug)
        if page is not None:
            self._world.unpin(page, number)
        return Result({"ok": True})

    # --- maintenance and keys

    def add_maintenance(self, fields: dict[str, Any]) -> Result:
        made = self._world.maintain(fields["title"], fields.get("description") or "", [], [])
        made.active = bool(fields.get("active", True))
        return self._maintained("successAdded", "Added Successfully.", maintenanceID=made.id)

    def maintain_monitors(self, number: int, monitors: list[dict[str, Any]]) -> Result:
        self._maintenance(number).monitors = [int(one["id"]) for one in monitors]
        return self._maintained("successAdded", "Added Successfully.")

    def maintain_pages(self, number: int, pages: list[dict[str, Any]]) -> Result:
        self._maintenance(number).pages = [int(one["id"]) for one in pages]
        return self._maintained("successAdded", "Added Successfully.")

    def pause_maintenance(self, number: int) -> Result:
        self._maintenance(number).active = False
        return self._maintained("successPaused", "Paused Successfully.")

    def resume_maintenance(self, number: int) -> Result:
        self._maintenance(number).active = True
        return self._maintained("successResumed", "Resume Successfully")

    def delete_maintenance(self, number: int) -> Result:
        del self._world.maintenances[self._maintenance(number).id]
        return self._maintained("successDeleted", "Deleted Successfully.")

    def add_key(self, fields: dict[str, Any]) -> Result:
        text = self._world.api_key(fields["name"], fields.get("expires"))
        ack = self._done("successAdded", "Added Successfully.") | {"key": text, "keyID": len(self._world.api_keys)}
        return Result(ack, before=[pushes.api_key_list(self._world)])

    def disable_key(self, number: int) -> Result:
        self._world.api_keys[number].active = False
        return Result(
            self._done("successDisabled", "Disabled Successfully."), before=[pushes.api_key_list(self._world)]
        )

    def enable_key(self, number: int) -> Result:
        self._world.api_keys[number].active = True
        return Result(self._done("successEnabled", "Enabled Successfully"), before=[pushes.api_key_list(self._world)])

    # --- parts

    def _find(self, number: Any) -> Monitor:
        found = self._world.monitors.get(number)
        if found is None:
            raise Answer("Cannot read properties of null (reading 'id')")
        return found

    def _maintenance(self, number: Any) -> Maintenance:
        found = self._world.maintenances.get(number)
        if found is None:
            raise Answer("Cannot read properties of null (reading 'id')")
        return found

    def _maintained(self, key: str, text: str, **more: Any) -> Result:
        self._world.edited()
        return Result(self._done(key, text) | more, before=[pushes.maintenance_list(self._world)])

    def _done(self, key: str, text: str) -> dict[str, Any]:
        return {"ok": True, "msg": key, "msgi18n": True} if self._world.v2 else {"ok": True, "msg": text}


class Result:
    """An ack, and the events every socket of the user gets before and after it."""

    def __init__(
        self, ack: dict[str, Any], before: list[Event] | None = None, after: list[Event] | None = None
    ) -> None:
        self.ack = ack
        self.before = before or []
        self.after = after or []


def _minute(at: int, beats: list[Beat]) -> dict[str, Any]:
    up = [one for one in beats if one.status in (1, 3)]
    pings = [one.ping for one in up if one.ping is not None] or [0]
    return {
        "up": len(up),
        "down": len(beats) - len(up),
        "avgPing": whole(sum(pings) / len(pings)),
        "minPing": min(pings),
        "maxPing": max(pings),
        "timestamp": at,
    }


_NAMES = {
    "getMonitorList": "monitor_list",
    "getMonitor": "monitor",
    "getMonitorBeats": "beats",
    "add": "add",
    "editMonitor": "edit",
    "pauseMonitor": "pause",
    "resumeMonitor": "resume",
    "deleteMonitor": "delete",
    "monitorImportantHeartbeatListCount": "important_count",
    "monitorImportantHeartbeatListPaged": "important_page",
    "getMonitorChartData": "chart",
    "getTags": "tags",
    "addTag": "add_tag",
    "addMonitorTag": "add_monitor_tag",
    "getSettings": "settings",
    "getStatusPage": "status_page",
    "saveStatusPage": "save_status_page",
    "postIncident": "post_incident",
    "unpinIncident": "unpin_incident",
    "addMaintenance": "add_maintenance",
    "addMonitorMaintenance": "maintain_monitors",
    "addMaintenanceStatusPage": "maintain_pages",
    "pauseMaintenance": "pause_maintenance",
    "resumeMaintenance": "resume_maintenance",
    "deleteMaintenance": "delete_maintenance",
    "addAPIKey": "add_key",
    "disableAPIKey": "disable_key",
    "enableAPIKey": "enable_key",
}
