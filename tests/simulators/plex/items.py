"""What a library is made of: sections, items and their files, as plain records. Neither asks nor answers anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TYPES = {
    "movie": 1,
    "show": 2,
    "season": 3,
    "episode": 4,
    "artist": 8,
    "album": 9,
    "track": 10,
    "clip": 12,
    "playlist": 15,
    "collection": 18,
}
"""Plex's numbers of the kinds. (Its OpenAPI document counts artist, album and track as 5, 6 and 7; no server does.)"""
NAMES = {number: name for name, number in TYPES.items()}
LEVELS = {"movie": ("movie",), "show": ("show", "season", "episode"), "artist": ("artist", "album", "track")}
"""The kinds of items in a section of that kind, from the top down."""
LEAVES = frozenset({"movie", "episode", "track", "clip"})
"""Those that have files."""
PARENTS = {"season": "show", "episode": "season", "album": "artist", "track": "album"}
AGENTS = {
    "movie": ("tv.plex.agents.movie", "Plex Movie", "movie"),
    "show": ("tv.plex.agents.series", "Plex TV Series", "show"),
    "artist": ("tv.plex.agents.music", "Plex Music", "artist"),
}
"""Agent, scanner, and the name of the picture."""
RESOLUTIONS = {"4k": (3840, 2160), "1080": (1920, 1080), "720": (1280, 720), "480": (854, 480), "sd": (720, 404)}


@dataclass(slots=True, eq=False)
class Media:
    """One version of a film, an episode or a track, in one file. `bitrate` is in kbit/s, `size` in bytes."""

    id: int
    part_id: int
    file: str
    resolution: str = "1080"
    container: str = "mkv"
    video_codec: str = "h264"
    audio_codec: str = "ac3"
    channels: int = 6
    bitrate: int = 8000
    size: int = 0


@dataclass(slots=True, eq=False)
class Item:
    """One metadata item. `duration` is in milliseconds, times are seconds since 1970; `ids` are `imdb://…` and the like.

    `extra` is laid over what the server says of it, name by name; None takes a name away. `members` are those of a
    collection or a playlist, `account` is whose playlist it is.
    """

    rating_key: int
    type: str
    section: int
    title: str
    guid: str
    added_at: int
    updated_at: int
    parent: int | None = None
    index: int | None = None
    year: int | None = None
    ids: tuple[str, ...] = ()
    title_sort: str = ""
    original_title: str = ""
    summary: str = ""
    tagline: str = ""
    studio: str = ""
    content_rating: str = ""
    rating: float | None = None
    audience_rating: float | None = None
    duration: int | None = None
    originally_available_at: str = ""
    genres: tuple[str, ...] = ()
    directors: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    collections: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    media: tuple[Media, ...] = ()
    members: list[int] = field(default_factory=list)
    account: int = 1
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def sort_title(self) -> str:
        """What it is sorted by: the title without its article."""
        return self.title_sort or without_article(self.title)


@dataclass(eq=False)
class Section:
    """A library, as people call it."""

    key: int
    type: str
    title: str
    path: str
    uuid: str
    created_at: int
    updated_at: int
    scanned_at: int
    content_changed_at: int = 1
    refreshing: bool = False
    hidden: int = 0
    language: str = "en-US"


@dataclass(slots=True)
class View:
    """What one person did with one item; `offset` in milliseconds."""

    count: int = 0
    offset: int = 0
    last_at: int = 0


def without_article(title: str) -> str:
    """`The General` is sorted under `General`."""
    first, _, rest = title.partition(" ")
    return rest if rest and first.lower() in ("the", "a", "an") else title
