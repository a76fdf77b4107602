"""What is said of the library to people: the answers of the routes. Makes none of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.plugin_api import Page
from medianest_plex.events import Kind

LibraryKind = Literal["movie", "show", "artist"]


class ServerFreshness(BaseModel):
    """How far what is shown of one server can be believed; see `Freshness`. `name` is what the server calls itself."""

    instance: str
    name: str
    as_of: datetime | None
    synced_at: datetime | None
    stale: bool


class Freshness(BaseModel):
    """How far what is shown can be believed.

    `as_of` is when the Plex server was last heard, `synced_at` when everything was last compared with it; None: never.
    `stale`: it has not been heard for five minutes, or nothing was ever compared. Of several servers that is said of the one
    heard the longest ago, and of each of them in `servers`.
    """

    as_of: datetime | None
    synced_at: datetime | None
    stale: bool
    servers: list[ServerFreshness] = []


class Library(BaseModel):
    """A library of a Plex server, which is called `server`.

    `counts` holds how many movies, shows, seasons, episodes, artists, albums there are.
    """

    key: int
    instance: str
    server: str
    kind: str
    title: str
    counts: dict[str, int]
    synced_at: datetime | None


class Libraries(Page[Library]):
    """The libraries somebody may see, server by server, in their order."""

    freshness: Freshness


class Genre(BaseModel):
    """A genre, spelt as the library does, and how many movies, shows or artists have it."""

    title: str
    count: int


class Genres(Page[Genre]):
    """All genres of a library, by title."""

    freshness: Freshness


class Place(BaseModel):
    """Where something can be watched. `href` opens it in Plex; None while it is not known which server that is."""

    instance: str
    server: str
    library: str
    href: str | None


class Item(BaseModel):
    """A movie, show, season, episode, artist or album.

    `show` is the title of an episode's or a season's show, and the artist of an album; `season` its number. `seconds` is
    how long it takes, `leaves` how many episodes or tracks it holds. `seen`: whether you have watched all of it; None
    where that is not known. `image` is a path on this hub. `rating` is out of ten.
    """

    id: UUID
    instance: str
    library: int
    kind: Kind
    title: str
    original_title: str
    show: str
    season: int | None
    number: int | None
    year: int | None
    summary: str
    rating: float | None
    content_rating: str
    studio: str
    seconds: float | None
    genres: list[str]
    resolution: str
    leaves: int | None
    added_at: datetime
    seen: bool | None
    external_ids: dict[str, str]
    image: str | None
    href: str | None


class Items(Page[Item]):
    """A page of a list."""

    freshness: Freshness


class Above(BaseModel):
    """The season, show or artist something belongs to."""

    id: UUID
    kind: Kind
    title: str


class ItemWithChildren(Item):
    """One item whole. `children` are a show's seasons, a season's episodes, an artist's albums, by number.

    `above` leads to what it belongs to, the nearest first. `places` are all servers and libraries that have it.
    """

    background: str | None
    above: list[Above]
    places: list[Place]
    children: Page[Item]
    freshness: Freshness


class Hit(Item):
    """Something found. `score` is 1 where it is called exactly so, and falls to 0."""

    score: float
    places: list[Place]


class Hits(Page[Hit]):
    """What was found, the best first."""

    freshness: Freshness


class Recent(Item):
    """Something new. A season stands for its new episodes: `new` says how many came within a day of the newest."""

    new: int


class Recents(Page[Recent]):
    """What came in last, the newest first."""

    freshness: Freshness


class Grouping(BaseModel):
    """A collection of a library, or a playlist. `size` counts what you may see of it."""

    id: UUID
    instance: str
    kind: Literal["collection", "playlist"]
    library: int | None
    title: str
    summary: str
    size: int
    image: str | None


class Groupings(Page[Grouping]):
    """A page of collections or playlists, by title."""

    freshness: Freshness


class GroupingWithItems(Grouping):
    """One of them, with a page of what is in it, in its order."""

    items: Page[Item]
    freshness: Freshness


class Started(Item):
    """Something to go on with. `seconds_seen` is how far one has come."""

    seconds_seen: float


class WhyEmpty(BaseModel):
    """Why a list is empty or old: a stable code, and words for people.

    `not_linked`: no Plex account; `plex_refused`: Plex does not honour its token; `plex_away`: Plex does not answer.
    """

    code: Literal["not_linked", "plex_refused", "plex_away"]
    message: str


class OnDeck(Page[Started]):
    """What to watch next. `as_of` is when Plex said so; `reason` is there where it could not be asked just now."""

    as_of: datetime | None
    reason: WhyEmpty | None
    freshness: Freshness
