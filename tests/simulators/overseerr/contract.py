"""What the service's own description lets in: parameters of a path, and the words for what it refuses; knows no state."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from .records import Refused

_RESERVED = re.compile(r"[:/?#\[\]@!$&'()*+,;=]")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


@dataclass(frozen=True)
class Rule:
    """Of one value. `number` or text; `null` lets the empty one pass; `seerr` is what only Seerr knows.

    `reserved` lets characters pass that others must encode.
    """

    number: bool = False
    null: bool = False
    among: tuple[str, ...] = ()
    among_seerr: tuple[str, ...] = ()
    required: bool = False
    seerr: bool = False
    reserved: bool = False


@dataclass(frozen=True)
class Shape:
    """What a route takes. `path` names those of its path that are numbers; `open` needs no key."""

    query: Mapping[str, Rule] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    body: Mapping[str, Rule] = field(default_factory=dict)
    open: bool = False


NUMBER, NULLABLE, TEXT = Rule(number=True), Rule(number=True, null=True), Rule()
PAGED = {"take": NULLABLE, "skip": NULLABLE}
LOCAL = {"page": NUMBER, "language": TEXT}


def whole(value: str | float) -> int:
    """A number as a whole one; -1, which nothing has, for those beyond all measure."""
    number = float(value)
    return int(number) if math.isfinite(number) else -1


def refusal(where: str, name: str, words: str, code: str) -> Refused:
    """400 as the service's validator words it; `where` is `query`, `params` or `body`."""
    path = f".{where}.{name}"
    said = {"path": path, "message": words, "errorCode": f"{code}.openapi.validation"}
    return Refused(400, f"request{path} {words}", errors=[said])


def check(shape: Shape, request: web.Request, *, seerr: bool) -> dict[str, str]:
    """The query, decoded. Raises Refused as the service does: for what is not encoded, not known, missing or of another type."""
    raw = _raw(request)
    for name, rule in shape.query.items():
        if not rule.reserved and _RESERVED.search(raw.get(name, "")):
            words = f"Parameter '{name}' must be url encoded. Its value may not contain reserved characters."
            raise Refused(400, words, errors=[{"path": f".query.{name}", "message": words}])
    rules = {name: rule for name, rule in shape.query.items() if seerr or not rule.seerr}
    for name in raw:
        if name not in rules:
            words = f"Unknown query parameter '{name}'"
            raise Refused(400, words, errors=[{"path": f".query.{name}", "message": words}])
    query = {name: unquote(value) for name, value in raw.items()}
    for name, rule in rules.items():
        _check_one("query", name, rule, query, seerr=seerr)
    for name in shape.path:
        _check_one("params", name, NUMBER, request.match_info, seerr=seerr)
    return query


async def read_body(shape: Shape, request: web.Request, *, seerr: bool) -> dict[str, Any]:
    """The JSON object that was sent. Raises Refused for what the description forbids; unknown fields pass."""
    text = await request.text()
    if not shape.body:
        return _object(text)
    if request.content_type != "application/json":
        words = f"unsupported media type {request.headers.get('Content-Type', 'undefined')}"
        raise Refused(415, words, errors=[{"path": request.path, "message": words}])
    body = _object(text)
    for name, rule in shape.body.items():
        if name not in body:
            if rule.required:
                raise _missing("body", name)
            continue
        value = body[name]
        if rule.number and (isinstance(value, bool) or not isinstance(value, int | float)):
            if value is not None or not rule.null:
                raise refusal("body", name, f"should be number{',null' if rule.null else ''}", "type")
        elif rule.among and value not in rule.among:
            raise refusal("body", name, _allowed(rule, seerr=seerr), "enum")
    return body


def _object(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Refused(400, f"Unexpected token in JSON at position {getattr(error, 'pos', 0)}") from None
    return value if isinstance(value, dict) else {}


def _raw(request: web.Request) -> dict[str, str]:
    """Each parameter as it came, not decoded; of several only the last."""
    _, _, query = request.raw_path.partition("?")
    pairs = (one.partition("=") for one in query.split("&") if one)
    return {unquote(name.replace("+", " ")): value for name, _, value in pairs}


def _check_one(where: str, name: str, rule: Rule, values: Mapping[str, str], *, seerr: bool) -> None:
    value = values.get(name)
    if value is None:
        if rule.required:
            raise _missing(where, name)
        return
    if rule.number and not _NUMBER.match(value) and not (rule.null and value == ""):
        raise refusal(where, name, f"should be number{',null' if rule.null else ''}", "type")
    allowed = rule.among + (rule.among_seerr if seerr else ())
    if allowed and value not in allowed and not (rule.null and value == ""):
        raise refusal(where, name, _allowed(rule, seerr=seerr), "enum")


def _missing(where: str, name: str) -> Refused:
    words = f"should have required property '{name}'"
    said = {"path": f".{where}.{name}", "message": words, "errorCode": "required.openapi.validation"}
    return Refused(400, f"request.{where} {words}", errors=[said])


def _allowed(rule: Rule, *, seerr: bool) -> str:
    return (
        f"should be equal to one of the allowed values: {', '.join(rule.among + (rule.among_seerr if seerr else ()))}"
    )
