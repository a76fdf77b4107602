"""What of the common faults is Plex's own; decides nothing about right answers."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from aiohttp import web

from .. import faults
from ..faults import Fault, Handler
from .containers import refusal
from .queries import SHIFT
from .rendering import AS_XML

__all__ = [
    "EMPTY_LIST",
    "HALF_JSON",
    "INVALID_TOKEN",
    "ODD",
    "REPEATS",
    "SHORT",
    "SKIPS",
    "XML",
    "Fault",
    "Faults",
    "Handler",
]

INVALID_TOKEN = "invalid_token"
"""422, as plex.tv says of some tokens that no longer hold (plexapi knows it)."""
HALF_JSON = "half_json"
"""The first half of the right answer, with a length that fits: a document cut in the middle."""
XML = "xml"
"""The right answer as XML, whatever was asked for."""
EMPTY_LIST = "empty_list"
"""A container with a size of 0 and nothing else."""
REPEATS, SKIPS = "repeats", "skips"
"""All pages but the first begin some items too early or too late, as when the library changes under a sync."""
SHORT = "short"
"""A list says that it is 6 in 10 of what it is, and ends there, as of a server that has not read its own database to the end."""
ODD = "odd"
"""Of the items whose keys end in 7, it is not said what they are."""
NO_PARTS = {
    "no_session": ("Session",),
    "no_transcode": ("TranscodeSession",),
    "no_user": ("User",),
    "no_player": ("Player",),
    "bare": ("Session", "TranscodeSession", "User", "Player", "Media"),
}
"""Sessions without some of their parts."""
_SHIFTED = 3


class Faults(faults.Faults):
    """The common ones, and `invalid_token`, `half_json`, `xml`, `empty_list`, `repeats`, `skips`, `short`,
    `odd` and those of `NO_PARTS`.

    Routes of the server: `identity`, `root`, `sections`, `all`, `recent`, `collections`, `choices`, `metadata`, `children`,
    `leaves`, `members`, `playlists`, `playlist_items`, `on_deck`, `hubs`, `search`, `sessions`, `activities`, `accounts`,
    `prefs`, `refresh`, `transcode`, `picture`, `scrobble`, `unscrobble`, `notifications`.
    """

    others = frozenset({INVALID_TOKEN, HALF_JSON, XML, EMPTY_LIST, REPEATS, SKIPS, SHORT, ODD, *NO_PARTS})
    beginning: ClassVar[str] = '{"id": 1, "code": "'
    refusal: ClassVar = {"errors": [{"code": 1003, "message": "Not allowed", "status": 403}]}

    async def special(
        self, fault: str, route: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse | None:
        """Plex's own words and ways."""
        if fault == INVALID_TOKEN:
            problem = {"errors": [{"code": 1020, "message": "Invalid token", "status": 422}]}
            return web.json_response(problem, status=422)
        if fault == Fault.HTML_401:
            return refusal(401)
        if fault == EMPTY_LIST:
            return web.json_response({"MediaContainer": {"size": 0}})
        if fault not in self.others:
            return None
        if fault == XML:
            request[AS_XML] = True
        if fault in (REPEATS, SKIPS):
            request[SHIFT] = _SHIFTED if fault == SKIPS else -_SHIFTED
        response = await handler(request)
        return _spoiled(fault, response) if isinstance(response, web.Response) else response


def _spoiled(fault: str, response: web.Response) -> web.Response:
    text = response.text or ""
    if fault == HALF_JSON:
        return web.Response(text=text[: len(text) // 2], content_type=response.content_type)
    if fault in NO_PARTS and response.content_type == "application/json":
        said: dict[str, Any] = json.loads(text)
        for name in ("Metadata", "Video", "Track"):
            for entry in said["MediaContainer"].get(name, ()):
                for part in NO_PARTS[fault]:
                    entry.pop(part, None)
        return web.json_response(said)
    if fault in (SHORT, ODD) and response.content_type == "application/json":
        said = json.loads(text)
        (_shorten if fault == SHORT else _make_odd)(said["MediaContainer"])
        return web.json_response(said)
    return response


def _shorten(container: dict[str, Any]) -> None:
    kept = container["totalSize"] * 6 // 10
    entries = container.get("Metadata", [])[: max(kept - container.get("offset", 0), 0)]
    container |= {"totalSize": kept, "size": len(entries), "Metadata": entries}


def _make_odd(container: dict[str, Any]) -> None:
    for entry in container.get("Metadata", ()):
        if str(entry["ratingKey"]).endswith("7"):
            entry["type"] = None
