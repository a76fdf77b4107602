"""The websocket `/:/websockets/notifications` and what is said on it; decides nothing about when.

Shapes: https://forums.plex.tv/t/about-websocket-notifications/79679, plexapi's `alert.py`, and public clients that wrote
down what they saw. `sectionID` and `itemID` are strings, `viewOffset` is a number.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from .access import Viewer
from .containers import IDENTIFIER
from .items import TYPES, Item

LISTS = {
    "playing": "PlaySessionStateNotification",
    "timeline": "TimelineEntry",
    "activity": "ActivityNotification",
    "status": "StatusNotification",
    "progress": "ProgressNotification",
    "reachability": "ReachabilityNotification",
    "transcodeSession.start": "TranscodeSession",
    "transcodeSession.update": "TranscodeSession",
    "transcodeSession.end": "TranscodeSession",
}
CREATED, PROCESSING, MATCHING, DOWNLOADING, LOADING, DONE, DELETED = 0, 1, 2, 3, 4, 5, 9
"""States of a timeline entry."""
_WORDS = {CREATED: "created", PROCESSING: "processing", DOWNLOADING: "queued", LOADING: "loading", DELETED: "deleted"}


class _Listener:
    def __init__(self, who: Viewer, wanted: Callable[[str], bool]) -> None:
        self.who, self.wanted = who, wanted
        self.queue: asyncio.Queue[str | None] = asyncio.Queue()


class Notifications:
    """`muted` keeps the sockets open and says nothing: what happens meanwhile is never told."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.listeners: set[_Listener] = set()
        self.muted = False
        self.sent: deque[dict[str, Any]] = deque(maxlen=10_000)
        """What was said lately, also while nobody listened."""
        self._changed = changed

    async def serve(self, request: web.Request, who: Viewer) -> web.StreamResponse:
        """One connection, until it ends."""
        socket = web.WebSocketResponse(heartbeat=None)
        await socket.prepare(request)
        one = _Listener(who, _wanted(request.query.get("filters") or request.query.get("filter")))
        self.listeners.add(one)
        self._changed()
        writer = asyncio.create_task(_write(one, socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            self.listeners.discard(one)
            writer.cancel()
            self._changed()
        return socket

    def close(self) -> None:
        """End all connections."""
        for one in self.listeners:
            one.queue.put_nowait(None)

    def raw(self, text: str) -> None:
        """Say it as it is to everybody."""
        for one in self.listeners:
            one.queue.put_nowait(text)

    def say(
        self, kind: str, entries: list[dict[str, Any]], section: int | None = None, person: int | None = None
    ) -> None:
        """Tell those it concerns: of a section those who see it, of a person's playing the owner and that person."""
        said = {"NotificationContainer": {"type": kind, "size": len(entries), LISTS[kind]: entries}}
        self.sent.append(said)
        if self.muted:
            return
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        for one in self.listeners:
            concerned = section is None or one.who.sees(section)
            if kind == "playing" or kind.startswith("transcode"):
                concerned = one.who.admin or one.who.person == person
            elif section is None:
                concerned = one.who.admin
            if concerned and one.wanted(kind):
                one.queue.put_nowait(text)

    def timeline(self, item: Item, *states: int) -> None:
        """A timeline entry for each state, one message each."""
        for state in states:
            entry = {
                "identifier": IDENTIFIER,
                "sectionID": str(item.section) if item.section else "-1",
                "itemID": str(item.rating_key),
                "type": TYPES[item.type],
                "title": item.title,
                "state": state,
                "updatedAt": item.updated_at,
            }
            if state in _WORDS:
                entry["metadataState"] = _WORDS[state]
            if state == DELETED:
                entry["mediaState"] = "deleted"
            self.say("timeline", [entry], section=item.section or None)

    def status(self, title: str) -> None:
        """News of the library."""
        said = {"title": title, "description": "", "notificationName": "LIBRARY_UPDATE"}
        self.say("status", [said])

    def activity(self, event: str, activity: dict[str, Any]) -> None:
        """An activity `started`, was `updated`, or `ended`."""
        self.say("activity", [{"event": event, "uuid": activity["uuid"], "Activity": dict(activity)}])


def _wanted(text: str | None) -> Callable[[str], bool]:
    """`foo,bar` are those two; `-foo,bar` are all others; without a filter everything comes."""
    if text is None or text == "":
        return lambda kind: True
    names = set(text.removeprefix("-").split(","))
    return (lambda kind: kind not in names) if text.startswith("-") else (lambda kind: kind in names)


async def _write(one: _Listener, socket: web.WebSocketResponse) -> None:
    while (text := await one.queue.get()) is not None:
        try:
            await socket.send_str(text)
        except ConnectionError:
            return
    await socket.close()
