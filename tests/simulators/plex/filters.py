"""What Plex says of its own filters: `Meta` of a section, and the values a filter may have. Filters nothing."""

from __future__ import annotations

from typing import Any

from .items import LEVELS, TYPES, Section
from .library import Library
from .queries import reader

_FIELDS = {
    "title": "string",
    "studio": "string",
    "contentRating": "tag",
    "year": "integer",
    "genre": "tag",
    "director": "tag",
    "writer": "tag",
    "actor": "tag",
    "country": "tag",
    "collection": "tag",
    "label": "tag",
    "resolution": "resolution",
    "rating": "integer",
    "audienceRating": "integer",
    "duration": "integer",
    "viewCount": "integer",
    "unwatched": "boolean",
    "inProgress": "boolean",
    "addedAt": "date",
    "lastViewedAt": "date",
    "originallyAvailableAt": "date",
}
NAMED = "|".join(_FIELDS)
"""All names, for a route."""
_SORTS = (
    "titleSort",
    "addedAt",
    "year",
    "originallyAvailableAt",
    "rating",
    "audienceRating",
    "duration",
    "lastViewedAt",
)
_TAGS = ("=", "is"), ("!=", "is not")
_OPERATORS = {
    "string": (("=", "contains"), ("!=", "does not contain"), ("==", "is"), ("!==", "is not"), ("<=", "begins with")),
    "integer": (("=", "is"), ("!=", "is not"), (">>=", "is greater than"), ("<<=", "is less than")),
    "date": (("<<=", "is before"), (">>=", "is after")),
    "boolean": (("=", "is true"), ("!=", "is false")),
    "tag": _TAGS,
    "resolution": _TAGS,
}


def meta(section: Section, kind: str) -> dict[str, Any]:
    """`Meta`, as `includeMeta=1` asks for it."""
    kinds = LEVELS[section.type] if kind != "collection" else ("collection",)
    said: dict[str, Any] = {"Type": [_type(section, one, one == kind) for one in kinds]}
    said["FieldType"] = [
        {"type": name, "Operator": [{"key": key, "title": title} for key, title in every]}
        for name, every in _OPERATORS.items()
    ]
    return said


def _type(section: Section, kind: str, active: bool) -> dict[str, Any]:
    number = TYPES[kind]
    return {
        "key": f"/library/sections/{section.key}/all?type={number}",
        "type": kind,
        "title": kind.capitalize() + "s",
        "active": active,
        "Filter": [
            {
                "filter": name,
                "filterType": "boolean" if kind_of == "boolean" else "string" if kind_of != "integer" else "integer",
                "key": f"/library/sections/{section.key}/{name}?type={number}",
                "title": name.capitalize(),
                "type": "filter",
            }
            for name, kind_of in _FIELDS.items()
            if kind_of in ("tag", "resolution", "boolean") or name == "year"
        ],
        "Sort": [
            {"default": "asc", "defaultDirection": "asc", "descKey": f"{name}:desc", "key": name, "title": name}
            for name in _SORTS
        ],
        "Field": [
            {"key": f"{kind}.{name}", "title": name.capitalize(), "type": kind_of} for name, kind_of in _FIELDS.items()
        ],
    }


def choices(library: Library, section: Section, field: str) -> list[dict[str, Any]] | None:
    """One entry for each value the field has in the section; None when there is no such filter."""
    if field not in _FIELDS:
        return None
    kind = LEVELS[section.type][0]
    read = reader(library, field, kind, 1)
    found: set[str] = set()
    for key in library.keys(section.key, kind):
        value = read(key)
        found.update(
            str(one) for one in (value if isinstance(value, tuple | list) else (value,)) if one not in (None, "")
        )
    said = []
    for one in sorted(found):
        key = str(library.tag_id(field, one)) if _FIELDS[field] == "tag" and field != "contentRating" else one
        fast = f"/library/sections/{section.key}/all?{field}={key}"
        said.append({"fastKey": fast, "key": key, "title": one, "type": field})
    return said
