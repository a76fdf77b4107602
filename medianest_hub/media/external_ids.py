"""The ids by which different sources mean the same thing: which there are and what they look like. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

NAMESPACES: Final = ("tmdb", "tvdb", "imdb", "musicbrainz")
"""The most trusted first: where sources contradict each other, the earlier decides."""

_SHAPES: Final = {
    "tmdb": re.compile(r"[1-9][0-9]{0,11}"),
    "tvdb": re.compile(r"[1-9][0-9]{0,11}"),
    "imdb": re.compile(r"(tt|nm)[0-9]{1,12}"),
    "musicbrainz": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}


def known_ids(given: Mapping[str, str]) -> dict[str, str]:
    """Those that can be compared, in one order and one spelling; whatever else a source says is left out."""
    ids: dict[str, str] = {}
    for namespace in NAMESPACES:
        value = given.get(namespace, "").strip().lower()
        if namespace in ("tmdb", "tvdb"):
            value = value.lstrip("0")
        if _SHAPES[namespace].fullmatch(value):
            ids[namespace] = value
    return ids
