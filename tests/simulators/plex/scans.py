"""Looking through folders for what is new: a scan is noted, runs as an activity, and adds the files a test has put there."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from aiohttp import web

from . import notifications as told
from .access import Viewer
from .containers import refusal
from .items import Item
from .pms import Pms, Scan


class Scanner:
    """`gate` holds scans up while it is clear: they are under way and find nothing yet."""

    def __init__(self, pms: Pms) -> None:
        self.pms = pms
        self.gate = asyncio.Event()
        self.gate.set()
        self._running: dict[int, asyncio.Task[None]] = {}

    def routes(self) -> list[web.RouteDef]:
        """`/library/sections/{section}/refresh`."""
        path = r"/library/sections/{section:all|\d+}/refresh"
        begin = self.pms.open_to(self.refresh, admin=True)
        cancel = self.pms.open_to(self.cancel, admin=True)
        return [
            web.get(path, begin, name="refresh"),
            web.post(path, begin, name="refresh:post"),
            web.delete(path, cancel, name="cancel"),
        ]

    async def refresh(self, request: web.Request, who: Viewer) -> web.Response:
        """Begin a scan, or several; the answer does not wait for it."""
        library, wanted = self.pms.library, request.match_info["section"]
        sections = list(library.sections.values())
        if wanted != "all":
            sections = [one for one in sections if one.key == int(wanted)]
            if not sections:
                return refusal(404)
        for section in sections:
            force = request.query.get("force") == "1"
            scan = Scan(section.key, request.query.get("path", ""), force, who.person, str(uuid.uuid4()))
            self.pms.scans.append(scan)
            self._running[section.key] = asyncio.create_task(self._run(scan))
        return web.Response(headers={"X-Plex-Activity": self.pms.scans[-1].activity} if sections else {})

    async def cancel(self, request: web.Request, who: Viewer) -> web.Response:
        """Stop the scan of a section."""
        wanted = request.match_info["section"]
        task = self._running.get(int(wanted)) if wanted.isdigit() else None
        if task is not None:
            task.cancel()
        return web.Response()

    async def _run(self, scan: Scan) -> None:
        section = self.pms.library.sections[scan.section]
        say = self.pms.notifications
        activity: dict[str, Any] = {
            "uuid": scan.activity,
            "type": "library.update.section",
            "cancellable": True,
            "userID": scan.person,
            "title": f"Scanning {section.title}",
            "subtitle": scan.path,
            "progress": 0,
            "Context": {"librarySectionID": str(section.key)},
        }
        self.pms.activities[scan.activity] = activity
        section.refreshing = True
        say.activity("started", activity)
        say.status(f'Scanning the "{section.title}" section')
        try:
            await self.gate.wait()
            say.say("progress", [{"message": f"Scanning {scan.path or section.path}"}])
            activity["progress"] = 50
            say.activity("updated", activity)
            self._find(scan, section.path)
            activity["progress"] = 100
        finally:
            section.refreshing = False
            section.scanned_at = int(self.pms.library.now())
            self.pms.activities.pop(scan.activity, None)
            scan.done = True
            say.activity("ended", activity)
            say.status("Library scan complete")

    def _find(self, scan: Scan, root: str) -> None:
        below = scan.path.rstrip("/") or root
        if not below.startswith(root):
            return
        for path in [one for one in self.pms.files if _under(one, below)]:
            self.pms.files.pop(path)()
        for key in sorted(self.pms.lost):
            item = self.pms.library.get(key)
            if item is not None and any(_under(one.file, below) for one in item.media):
                self.pms.lost.discard(key)
                gone(self.pms, item)


def _under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def gone(pms: Pms, item: Item) -> None:
    """Delete it and all below, and say so; the parents left empty go, too."""
    above = item.parent
    for one in pms.library.delete(item.rating_key):
        pms.notifications.timeline(one, told.DELETED)
    parent = pms.library.get(above) if above is not None else None
    if parent is not None and not pms.library.children(parent.rating_key):
        gone(pms, parent)
    elif parent is not None:
        pms.notifications.timeline(parent, told.DONE)


def arrived(pms: Pms, item: Item) -> None:
    """Say that it is there: created, matched, done. What is above it changed, too."""
    pms.notifications.timeline(item, told.CREATED, told.DOWNLOADING, told.LOADING, told.DONE)
    above = pms.library.get(item.parent) if item.parent is not None else None
    while above is not None:
        pms.notifications.timeline(above, told.DONE)
        above = pms.library.get(above.parent) if above.parent is not None else None
