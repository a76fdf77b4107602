"""Items by the hundred thousand that take no memory: each is worked out from its number when somebody asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .items import Item, Media, without_article

_WORDS = (
    "Amber Bitter Broken Calm Copper Crimson Distant Early Élan Endless Fading Faint Golden Hidden Hollow Idle Ivory"
    " Jagged Late Little Lost Lunar Mellow Midnight Mute Naïve Northern Olive Pale Patient Quiet Rapid Restless Rusty"
    " Salt Scarlet Second Secret Silent Silver Slow Solemn Southern Stolen Tender Thirsty Ünder Velvet Wandering Wild",
    "Ångström Archive Avenue Balloon Bay Bridge Canal Castle Chimney City Coast Compass Corner Courtyard Dune Engine"
    " Estuary Ferry Field Forest Garden Glacier Harbour Hill House Island Kitchen Ladder Lantern Letter Lighthouse"
    " Map Market Meadow Mill Mirror Moon Mountain Orchard Parade Path Piano Quarry Railway River Rooftop Señor Shore"
    " Signal Station Stranger Summer Tide Tower Train Tunnel Umbrella Valley Voyage Window Winter Workshop",
)
_FIRST, _SECOND = (one.split() for one in _WORDS)
GENRES = ("Action", "Adventure", "Comedy", "Crime", "Documentary", "Drama", "Family", "Mystery", "Romance", "Thriller")
MUSIC = ("Ambient", "Blues", "Classical", "Electronic", "Folk", "Jazz", "Pop", "Rock")
_RATINGS = ("G", "PG", "PG-13", "R", "TV-14", "TV-G")
_RESOLUTIONS = ("1080", "4k", "720", "1080", "sd")
_SPAN = 8 * 365 * 86400


@dataclass(frozen=True, eq=False)
class Block:
    """`count` items of one kind with keys from `first` on; `per_parent` of them belong to each item of the block above."""

    type: str
    section: int
    path: str
    first: int
    count: int
    since: int
    seed: int
    above: Block | None = None
    per_parent: int = 1
    per_child: int = 0
    below_first: int = 0

    def has(self, key: int) -> bool:
        """Whether the key is one of the block's."""
        return self.first <= key < self.first + self.count

    def parent(self, key: int) -> int | None:
        """The key of its parent."""
        return None if self.above is None else self.above.first + (key - self.first) // self.per_parent

    def children(self, key: int) -> range:
        """The keys of its children."""
        begins = self.below_first + (key - self.first) * self.per_child
        return range(begins, begins + self.per_child)

    def guid(self, key: int) -> str:
        """Its guid, which no other item has."""
        return f"plex://{self.type}/{self.seed:08x}{key:016x}"

    def title(self, key: int) -> str:
        """Its title."""
        at = key - self.first
        if self.type == "season":
            return f"Season {at % self.per_parent + 1}"
        mixed = at * 7919 + self.seed
        first, second = _FIRST[mixed % len(_FIRST)], _SECOND[mixed // len(_FIRST) % len(_SECOND)]
        return f"The {first} {second}" if at % 9 == 0 else f"{first} {second} {at % 977 + 1}"

    def value(self, key: int, name: str) -> Any:
        """One field of an item, without making the item. Raises KeyError for those that take more."""
        at = key - self.first
        if name == "added_at":
            return self.since + (at * 104729 + self.seed) % _SPAN
        if name == "updated_at":
            return self.since + (at * 104729 + self.seed) % _SPAN + 60
        if name == "title":
            return self.title(key)
        if name == "sort_title":
            return without_article(self.title(key))
        if name == "index":
            return None if self.above is None else at % self.per_parent + 1
        if name == "year":
            return 1950 + (at * 31 + self.seed) % 75
        if name == "rating_key":
            return key
        raise KeyError(name)

    def item(self, key: int) -> Item:
        """The item."""
        at = key - self.first
        added = self.value(key, "added_at")
        genres = MUSIC if self.type in ("artist", "album", "track") else GENRES
        made = Item(key, self.type, self.section, self.title(key), self.guid(key), added, added + 60)
        made.parent, made.index = self.parent(key), self.value(key, "index")
        if self.type not in ("season", "artist"):
            made.year = self.value(key, "year")
        made.summary = "Made up for a test of size."
        made.genres = () if self.type in ("season", "track") else (genres[at % len(genres)], genres[at * 3 % 7])
        if self.type not in ("season", "track"):
            made.ids = _ids(self.type, key)
        if self.type in ("movie", "show", "album"):
            made.studio = f"Studio {at % 40}"
        if self.type in ("movie", "show", "episode"):
            made.content_rating = _RATINGS[at % len(_RATINGS)]
            made.audience_rating = at % 90 / 10 + 1
            made.originally_available_at = f"{made.year}-{at % 12 + 1:02}-{at % 28 + 1:02}"
            made.duration = (20 + at % 120) * 60_000
        if self.type == "track":
            made.duration = (120 + at % 240) * 1000
        if self.type in ("movie", "episode", "track"):
            made.media = (self._media(key, at, made.title),)
        return made

    def _media(self, key: int, at: int, title: str) -> Media:
        if self.type == "track":
            return Media(
                key, key, f"{self.path}/{self.parent(key)}/{at}.flac", "", "flac", "", "flac", 2, 900, 30_000_000
            )
        size = 700_000_000 + at % 5000 * 1_000_000
        return Media(key, key, f"{self.path}/{title} [{key}]/{title}.mkv", _RESOLUTIONS[at % 5], size=size)


def _ids(kind: str, key: int) -> tuple[str, ...]:
    if kind in ("artist", "album"):
        return (f"mbid://{key:08x}-0000-4000-8000-{key:012x}",)
    return (f"imdb://tt{key:08}", f"tmdb://{key}", f"tvdb://{key}")
