"""Plex's media queries: filters, sorting and paging out of a query string; writes no answers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .items import LEVELS, NAMES
from .library import Library

SHIFT = web.RequestKey("SHIFT", int)
"""Set in a request for pages that begin so many items away from where they should."""
_OPERATORS = (">>", "<<", "!", ">", "<")
_AGO = re.compile(r"^[-+]?(\d+)(mon|[smhdwy])$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mon": 2592000, "y": 31536000}
_SAME = {
    "addedAt": "added_at",
    "updatedAt": "updated_at",
    "titleSort": "sort_title",
    "contentRating": "content_rating",
    "audienceRating": "audience_rating",
    "originallyAvailableAt": "originally_available_at",
    "id": "rating_key",
    "genre": "genres",
    "director": "directors",
    "writer": "writers",
    "country": "countries",
    "collection": "collections",
    "label": "labels",
}
_PLAIN = frozenset({"title", "year", "rating", "duration", "studio", "guid", "index", "summary", "tagline"})
TEXTS = frozenset({"title", "titleSort", "studio", "summary", "tagline"})
TAGS = frozenset(
    {"genre", "director", "writer", "country", "collection", "label", "actor", "contentRating", "resolution"}
)
PERSONAL = frozenset({"viewCount", "lastViewedAt", "viewOffset", "unwatched", "inProgress"})
"""Fields whose value depends on who asks."""


@dataclass
class Query:
    """What is asked of a section. `filters` are field, operator and alternatives."""

    kind: str
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    filters: list[tuple[str, str, list[str]]] = field(default_factory=list)


def understand(given: Iterable[tuple[str, str]], section_type: str) -> Query:
    """The query of the pairs. Names that are no fields are passed over, as the real one does with `includeGuids`."""
    query = Query(LEVELS[section_type][0])
    for name, value in given:
        if name == "type":
            query.kind = NAMES.get(int(value), query.kind) if value.isdigit() else value
        elif name == "sort":
            query.sort = tuple(_sorting(one) for one in value.split(",") if one)
        elif name == "limit" and value.isdigit():
            query.limit = int(value)
        else:
            operator = next((one for one in _OPERATORS if name.endswith(one)), "")
            known = name.removesuffix(operator)
            if not operator and value.startswith("="):
                operator, value = "==", value[1:]
            elif operator == "!" and value.startswith("="):
                operator, value = "!==", value[1:]
            if _bare(known) in _SAME or _bare(known) in _PLAIN | TAGS | PERSONAL:
                query.filters.append((known, operator, value.split(",")))
    return query


def _sorting(text: str) -> tuple[str, bool]:
    name, _, direction = text.partition(":")
    return name, direction.startswith("desc")


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def plain(text: str) -> str:
    """Small letters without their marks, as Plex sorts and searches."""
    if text.isascii():
        return text.lower()
    return "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))


def find(library: Library, section: int, query: Query, person: int) -> list[int]:
    """The keys that answer the query, in order."""
    personal = any(_bare(name) in PERSONAL for name, _ in query.sort)
    name = (section, query.kind, query.sort)
    if personal:
        keys = _in_order(library, section, query, person)
    else:
        keys = library.ordered(name, lambda: _in_order(library, section, query, person))
    for one in query.filters:
        check = _check(library, one, query.kind, person)
        keys = [key for key in keys if check(key)]
    return keys if query.limit is None else keys[: query.limit]


def _in_order(library: Library, section: int, query: Query, person: int) -> list[int]:
    keys = list(library.keys(section, query.kind))
    default = (("show.titleSort", False), ("season.index", False), ("index", False))
    fallback = default if query.kind == "episode" else (("titleSort", False),)
    for name, descending in reversed(query.sort or fallback):
        read = reader(library, name, query.kind, person)

        def key_of(key: int, read: Callable[[int], Any] = read) -> tuple[bool, Any]:
            value = read(key)
            return (value is not None, plain(value) if isinstance(value, str) else value)

        keys.sort(key=key_of, reverse=descending)
    return keys


def reader(library: Library, name: str, kind: str, person: int) -> Callable[[int], Any]:
    """How to read a field of an item by its key; `show.title` reads that of the show above."""
    prefix, _, bare = name.rpartition(".")
    climbs = _climbs(kind, prefix)
    plain = _SAME.get(bare, bare)

    def read(key: int) -> Any:
        at: int | None = key
        for _ in range(climbs):
            at = None if at is None else library.value(at, "parent")
        if at is None:
            return None
        if bare in PERSONAL:
            return _personal(library, at, bare, person)
        if bare == "actor":
            return [who for who, _ in library.value(at, "roles")]
        if bare == "resolution":
            return [one.resolution for one in library.value(at, "media")]
        if bare == "random":
            return hash((at, library.version))
        return library.value(at, plain) if bare in _SAME or bare in _PLAIN else None

    return read


def _climbs(kind: str, prefix: str) -> int:
    for levels in LEVELS.values():
        if kind in levels and prefix in levels:
            return max(0, levels.index(kind) - levels.index(prefix))
    return 0


def _personal(library: Library, key: int, name: str, person: int) -> Any:
    view = library.view(person, library.guid(key))
    if name == "unwatched":
        leaves = library.leaves(key)
        return int(library.viewed(person, key) < len(leaves)) if leaves else int(not view.count)
    if name == "inProgress":
        return int(view.offset > 0)
    return {"viewCount": view.count, "lastViewedAt": view.last_at or None, "viewOffset": view.offset}[name]


def _check(library: Library, one: tuple[str, str, list[str]], kind: str, person: int) -> Callable[[int], bool]:
    name, operator, values = one
    bare = _bare(name)
    read = reader(library, name, kind, person)
    if bare in TAGS:
        return lambda key: _tagged(library, bare, read(key), values) != (operator in ("!", "!=="))
    if bare in TEXTS:
        return lambda key: any(_reads(str(read(key) or ""), operator, value) for value in values)
    if bare == "originallyAvailableAt" or bare == "guid":
        wanted: list[Any] = list(values)
    else:
        wanted = [_number(library, value) for value in values]
    return lambda key: any(_compares(read(key), operator, value) for value in wanted)


def _tagged(library: Library, name: str, has: Any, values: list[str]) -> bool:
    theirs = [has] if isinstance(has, str) else has
    names = {one.casefold() for one in theirs}
    ids = {str(library.tag_ids.get((name, one))) for one in theirs}
    return any(value.casefold() in names or value in ids for value in values)


def _reads(text: str, operator: str, value: str) -> bool:
    text, value = text.casefold(), value.casefold()
    match operator:
        case "==":
            return text == value
        case "!==":
            return text != value
        case "!":
            return value not in text
        case "<":
            return text.startswith(value)
        case ">":
            return text.endswith(value)
    return value in text


def _compares(has: Any, operator: str, value: Any) -> bool:
    if operator in ("!", "!=="):
        return bool(has != value)
    if has is None or value is None:
        return False
    match operator:
        case ">":
            return bool(has >= value)
        case "<":
            return bool(has <= value)
        case ">>":
            return bool(has > value)
        case "<<":
            return bool(has < value)
    return bool(has == value)


def _number(library: Library, value: str) -> float | None:
    if (ago := _AGO.match(value)) is not None:
        return library.now() - int(ago[1]) * _UNITS[ago[2]]
    try:
        return float(value)
    except ValueError:
        return None


@dataclass(frozen=True)
class Page:
    """Part of a list. `asked` is whether a part was asked for: only then the answer says how many there are."""

    start: int
    size: int | None
    asked: bool
    shift: int = 0

    def of(self, keys: list[Any]) -> list[Any]:
        """That part."""
        begins = max(self.start + (self.shift if self.start else 0), 0)
        return keys[begins:] if self.size is None else keys[begins : begins + self.size]


def page_of(request: web.Request) -> Page:
    """`X-Plex-Container-Start` and `-Size`, from the headers or the query."""
    start, size = (_whole(request, f"X-Plex-Container-{name}") for name in ("Start", "Size"))
    return Page(start or 0, size, size is not None or start is not None, request.get(SHIFT, 0))


def _whole(request: web.Request, name: str) -> int | None:
    text = request.headers.get(name) or request.query.get(name, "")
    return int(text) if text.strip().isdigit() else None


def about(query: Mapping[str, str], name: str) -> bool:
    """Whether a switch such as `includeGuids` is on."""
    return query.get(name, "0") not in ("", "0", "false")


def left_out(query: Mapping[str, str]) -> frozenset[str]:
    """What `excludeElements` and `excludeFields` ask to leave out of each entry."""
    names = ",".join(query.get(name, "") for name in ("excludeElements", "excludeFields"))
    return frozenset(one for one in names.split(",") if one)
