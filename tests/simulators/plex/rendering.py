"""Plex's two ways of writing one answer: JSON where `Accept` names it, XML otherwise. Knows no route."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from aiohttp import web

AS_XML = web.RequestKey("AS_XML", bool)
"""Set in a request whose answer is XML whatever it asked for."""
MISSING_CLIENT = (400, 1000, "X-Plex-Client-Identifier is missing")
UNAUTHORIZED = (401, 1001, "User could not be authenticated")
TOO_MANY = (429, 1003, "Too many requests")
UNKNOWN_PIN = (404, 1020, "Code not found or expired")


def wants_json(request: web.Request) -> bool:
    """Whether the caller asked for JSON by name; `*/*` gets XML."""
    return "application/json" in request.headers.get("Accept", "") and not request.get(AS_XML)


def answer(request: web.Request, tag: str, value: Any, status: int = 200) -> web.Response:
    """The value, as asked for. A list is written as `<resources><resource …/></resources>`."""
    if wants_json(request):
        return web.json_response(value, status=status)
    text = ElementTree.tostring(_element(tag, value), encoding="unicode")
    return web.Response(
        text=f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', status=status, content_type="application/xml"
    )


def problem(request: web.Request, what: tuple[int, int, str]) -> web.Response:
    """An error in the shape of plex.tv's `/api/v2`."""
    status, code, message = what
    one = {"code": code, "message": message, "status": status}
    response = answer(request, "errors", {"errors": [one]} if wants_json(request) else [one], status)
    if status == 429:
        response.headers["Retry-After"] = "1"
    return response


def moment(seconds: float) -> str:
    """As plex.tv writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _element(tag: str, value: Any) -> ElementTree.Element:
    made = ElementTree.Element(tag)
    if isinstance(value, list):
        for one in value:
            made.append(_element(tag.removesuffix("s"), one if isinstance(one, Mapping) else {"id": one}))
        return made
    for name, field in value.items():
        if isinstance(field, (Mapping, list)):
            made.append(_element(name, field))
        else:
            made.set(name, attribute(field))
    return made


def attribute(value: Any) -> str:
    """A value as an attribute of XML."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)
