"""Media sources: what takes part in the hub's one search."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from medianest_hub.plugin_api.kinds import Action
from medianest_hub.plugin_api.people import SIGNED_IN
from medianest_hub.plugin_api.widgets import Scope

MediaKind: TypeAlias = Literal["movie", "show", "season", "episode", "artist", "album", "track", "video", "person"]

MediaRequestState: TypeAlias = Literal[
    "pending",
    "approved",
    "declined",
    "failed",
    "processing",
    "partly_available",
    "available",
    "completed",
    "deleted",
    "blocklisted",
]


class MediaRequest(BaseModel):
    """Somebody asked for it. `mine`: the one who looks did; who else did is never told. `href`: where to follow it."""

    state: MediaRequestState
    mine: bool
    is4k: bool = False
    href: str | None = None


class MediaElsewhere(BaseModel):
    """Another place of the same source where it is there, too; `place` and `href` as in `MediaHit`."""

    place: str
    href: str | None = None


class MediaHit(BaseModel):
    """One thing found.

    - `id`: the source's own, of at most 200 letters; what `details` is asked with.
    - `external_ids`: `tmdb`, `tvdb`, `imdb`, `musicbrainz`; by these the hub joins what several sources found. Of the thing
      itself: an episode has not its show's.
    - `image`: a path on this hub. `href`: a path on this hub or an absolute https address, where it can be watched or seen.
    - `place`: the name of the server or service it lies at, if `available`; `elsewhere`: others, such as a second server.
    - `available`: None when the source does not know. `partly`: only some of it is there, such as the first seasons.
    - `requestable`: the one who looks may ask for it.
    - `popularity`: 0–1 within the source; decides among equal titles.
    - `actions`: what the one who looks may do with it there, such as asking for it.
    """

    id: str
    kind: MediaKind
    title: str
    original_title: str = ""
    year: int | None = None
    summary: str = ""
    image: str | None = None
    href: str | None = None
    place: str = ""
    elsewhere: list[MediaElsewhere] = []
    available: bool | None = None
    partly: bool = False
    requestable: bool = False
    requests: list[MediaRequest] = []
    actions: list[Action] = []
    external_ids: dict[str, str] = {}
    popularity: float = 0.0
    score: float = 0.0


class MediaSeason(BaseModel):
    """One season of a show. `episodes`: how many it has; `available`: how much of it is there, None if not known."""

    number: int = Field(ge=0)
    title: str = ""
    episodes: int | None = None
    year: int | None = None
    available: Literal["none", "partly", "whole"] | None = None
    requests: list[MediaRequest] = []


class MediaLink(BaseModel):
    """A link to somewhere else. `href`: an absolute https address."""

    title: str
    href: str


class MediaDetails(MediaHit):
    """One thing as its own page shows it. `cast`: the names of the first few."""

    genres: list[str] = []
    runtime_minutes: int | None = None
    seasons: list[MediaSeason] = []
    trailers: list[MediaLink] = []
    cast: list[str] = []


MediaSearch: TypeAlias = Callable[[Any, Any, str], Awaitable[list[MediaHit]]]
MediaById: TypeAlias = Callable[[Any, Any, str], Awaitable[MediaHit | None]]
MediaFind: TypeAlias = Callable[[Any, Any, str, Mapping[str, str]], Awaitable[MediaHit | None]]


@dataclass(frozen=True, slots=True)
class MediaSource:
    """Three questions, asked in the web process; answers are kept per `scope`, text and `ttl` over all replicas.

    - `search(ctx, viewer, text) -> list[MediaHit]`: the best first; all beyond 100 is passed over.
    - `details(ctx, viewer, id) -> MediaHit | MediaDetails | None`: by the source's own id.
    - `find(ctx, viewer, kind, external_ids) -> MediaHit | MediaDetails | None`: by any of the external ids; None here: the
      source cannot.
    - `deadline`: seconds a search waits for this source.
    - `scope`: among whom one answer is shared; the viewer holds exactly what it may depend on.
    - `permission`: a local or full name; those without it are shown nothing of the source.
    - `tags`: local names; `ctx.cache.bump(tag)` makes what is kept of the source out of date.
    """

    name: str
    search: MediaSearch
    details: MediaById
    find: MediaFind | None = None
    deadline: float = 3.0
    ttl: float = 60.0
    scope: Scope = Scope.PERSON
    permission: str = SIGNED_IN
    tags: Sequence[str] = ()
