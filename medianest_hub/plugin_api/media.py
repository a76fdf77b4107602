"""Media sources: what takes part in the hub's one search."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel


class MediaHit(BaseModel):
    """One thing found. `external_ids` (`tmdb`, `tvdb`, `imdb`, `musicbrainz`) let the hub join hits of several sources."""

    id: str
    kind: Literal["movie", "show", "season", "episode", "artist", "album", "track", "video", "person"]
    title: str
    year: int | None = None
    summary: str = ""
    image: str | None = None
    href: str | None = None
    available: bool | None = None
    requestable: bool = False
    external_ids: dict[str, str] = {}
    score: float = 0.0


MediaSearch: TypeAlias = Callable[[Any, Any, str], Awaitable[list[MediaHit]]]
MediaDetails: TypeAlias = Callable[[Any, Any, str], Awaitable[MediaHit | None]]


@dataclass(frozen=True, slots=True)
class MediaSource:
    """`search(ctx, viewer, text)` and `details(ctx, viewer, id)`; run in the web process, cached per scope and ttl."""

    name: str
    search: MediaSearch
    details: MediaDetails
    deadline: float = 3.0
    ttl: float = 60.0
