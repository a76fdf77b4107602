"""Hits as tests need them."""

from __future__ import annotations

from typing import Any

from medianest_hub.media.joining import Found
from medianest_hub.plugin_api import MediaHit

_DEFAULTS: dict[str, Any] = {"id": "1", "kind": "movie", "title": "Alien"}


def found(source: str = "a", **fields: Any) -> Found:
    """What that source found, of plugin `a` instance `main` if no more is given."""
    name = source if "." in source else f"{source}.main.films"
    return Found(name, MediaHit(**{**_DEFAULTS, **fields}))


def ids(groups: list[list[Found]]) -> list[list[str]]:
    """Which hits are together, as `<plugin><id>`, sorted."""
    return sorted(sorted(f"{one.source.partition('.')[0]}{one.hit.id}" for one in group) for group in groups)
