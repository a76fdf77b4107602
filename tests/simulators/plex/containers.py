"""Writes a `MediaContainer` as JSON or XML, whichever was asked for; knows no library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from aiohttp import web

from .rendering import attribute, wants_json

IDENTIFIER = "com.plexapp.plugins.library"
TAG_PREFIX = "/system/bundle/media/flags/"
TAG_VERSION = 1744912880
HTML = "<html><head><title>{0}</title></head><body><h1>{1} {0}</h1></body></html>"
_WORDS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_ELEMENTS = {"movie": "Video", "episode": "Video", "clip": "Video", "track": "Track", "playlist": "Playlist"}


def refusal(status: int) -> web.Response:
    """A page, as the server has for everything that goes wrong."""
    return web.Response(text=HTML.format(_WORDS[status], status), status=status, content_type="text/html")


def container(request: web.Request, value: Mapping[str, Any]) -> web.Response:
    """The container, as asked for."""
    headers = {"X-Plex-Protocol": "1.0"}
    if "totalSize" in value:
        headers["X-Plex-Container-Start"] = str(value.get("offset", 0))
        headers["X-Plex-Container-Total-Size"] = str(value["totalSize"])
    if wants_json(request):
        text = json.dumps({"MediaContainer": value}, ensure_ascii=False, separators=(",", ":"))
        return web.Response(text=text, content_type="application/json", headers=headers)
    written = ElementTree.tostring(_element("MediaContainer", value), encoding="unicode")
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n'
    return web.Response(text=text, content_type="text/xml", headers=headers)


def _element(tag: str, value: Mapping[str, Any]) -> ElementTree.Element:
    made = ElementTree.Element(tag)
    for name, field in value.items():
        if isinstance(field, Mapping):
            made.append(_element(name, field))
        elif isinstance(field, list):
            for one in field:
                made.append(_element(_tag(name, one), one))
        elif field is not None:
            made.set(name, attribute(field))
    return made


def _tag(name: str, value: Mapping[str, Any]) -> str:
    """`Metadata` is a word of the JSON alone; the XML says what kind of thing it is."""
    return _ELEMENTS.get(value.get("type", ""), "Directory") if name == "Metadata" else name
