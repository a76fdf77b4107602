"""What a front end gets of the search and of one thing's page, as typed models; no behaviour."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from medianest_hub.plugin_api.kinds import Action
from medianest_hub.plugin_api.media import MediaKind, MediaLink, MediaRequest, MediaSeason


class MediaState(StrEnum):
    """What the household has of it: all, a part, it was asked for, it can be asked for; `unknown`: no source says."""

    IN_LIBRARY = "in_library"
    PARTLY = "partly"
    REQUESTED = "requested"
    REQUESTABLE = "requestable"
    UNKNOWN = "unknown"


class SourceState(StrEnum):
    """`ok`: answered just now; `cached`: an answer of some seconds ago; `slow`: not in time; `failed`: an error instead."""

    OK = "ok"
    CACHED = "cached"
    SLOW = "slow"
    FAILED = "failed"


class SourceReport(BaseModel):
    """How one source fared.

    - `source`: `<plugin>.<instance>.<source>`, also in what it found. `title`: the plugin's, for people.
    - `age`: seconds since what is shown of it was loaded; null when nothing is.
    - `hits`: how much it found.
    - `code`, `message`: why it is `slow` or `failed`, and whether older results stand in; in words in any case.
    """

    source: str = Field(examples=["plex.main.library"])
    plugin: str
    instance: str
    title: str
    state: SourceState
    age: float | None = None
    hits: int = 0
    code: str = ""
    message: str = ""


class MediaPlace(BaseModel):
    """What one source says of where it is: `available` null when it does not know. `href` leads there."""

    source: str
    plugin: str
    instance: str
    name: str
    href: str | None = None
    available: bool | None = None


class SourceRequest(MediaRequest):
    """That it was asked for, as `source` knows it."""

    source: str


class SourceAction(Action):
    """What the one who looks may do with it, at `source`."""

    source: str


class MediaItem(BaseModel):
    """One thing, of all who know it. `id` is for `/api/v1/media/{kind}/{id}`."""

    id: str = Field(examples=["tmdb:603"])
    kind: MediaKind
    title: str
    original_title: str = ""
    year: int | None = None
    summary: str = ""
    image: str | None = None
    state: MediaState
    places: list[MediaPlace] = []
    requests: list[SourceRequest] = []
    actions: list[SourceAction] = []
    external_ids: dict[str, str] = {}


class MediaFound(BaseModel):
    """What was found, the best first, and how each source fared. `total`: how many there were before `limit`."""

    items: list[MediaItem]
    total: int
    sources: list[SourceReport]


class MediaPage(MediaItem):
    """One thing whole, and how each source fared that was asked about it."""

    genres: list[str] = []
    runtime_minutes: int | None = None
    seasons: list[MediaSeason] = []
    trailers: list[MediaLink] = []
    cast: list[str] = []
    sources: list[SourceReport]
