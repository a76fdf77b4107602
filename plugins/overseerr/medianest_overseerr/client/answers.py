"""What Overseerr and Seerr answer, as far as it is used here; anything unknown is let pass, nothing is fetched.

Shapes: recordings of both services and their own OpenAPI documents. Text is made fit for a database on the way in; password
hashes and tokens that stand in some answers are not read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PICTURE: Final = re.compile(r"/[A-Za-z0-9_-]{1,100}\.(?:jpg|jpeg|png|webp)")
_VIDEO_KEY: Final = re.compile(r"[A-Za-z0-9_-]{5,20}")
_IMDB: Final = re.compile(r"tt[0-9]{5,12}")
_LARGEST: Final = 2**31 - 1
_LARGEST_PLEX: Final = 10**18 - 1
_EARLIEST: Final = 1970
_LATEST: Final = 2200

Kind = Literal["movie", "tv"]


def clean(value: Any, longest: int) -> Any:
    """Without control characters and marks that turn the direction of writing, and of bounded length."""
    if value is None:
        return ""
    return _CONTROLS.sub("", value).strip()[:longest] if isinstance(value, str) else value


def _whole(value: Any, largest: int) -> int | None:
    """The number, or None for whatever else stands there."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(largest)):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest else None


def _year(value: Any) -> int | None:
    """Of a date, or what was made of one before."""
    found = re.match(r"([0-9]{4})-[0-9]{2}", value) if isinstance(value, str) else None
    year = int(found[1]) if found else _whole(value, _LATEST)
    return year if year is not None and 1800 < year <= _LATEST else None


def _when(value: datetime) -> datetime:
    if not _EARLIEST <= value.year <= _LATEST:
        raise ValueError(f"is not between the years {_EARLIEST} and {_LATEST}")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) <= _LARGEST else None


def _imdb(value: Any) -> str | None:
    return value if isinstance(value, str) and _IMDB.fullmatch(value) else None


def _part(value: Any) -> Any:
    """What stands there if it has fields, else nothing."""
    return value if isinstance(value, dict | BaseModel) else {}


def _picture(value: Any) -> Any:
    return value if isinstance(value, str) and _PICTURE.fullmatch(value) else ""


def _list(value: Any) -> Any:
    return [] if value is None else value


Name = Annotated[str, BeforeValidator(lambda value: clean(value, 300))]
"""A name or title that may be missing, null or empty."""

Words = Annotated[str, BeforeValidator(lambda value: clean(value, 4000))]
Year = Annotated[int | None, BeforeValidator(_year)]
Picture = Annotated[str, BeforeValidator(_picture)]
"""A picture's path at TMDB, or empty; anything that is no such path counts as none."""

When = Annotated[datetime, AfterValidator(_when)]
"""A time, in UTC: one without a zone is taken for that. One no calendar of people reaches is refused."""

Popularity = Annotated[float, BeforeValidator(lambda value: _finite(value) or 0.0)]
Rating = Annotated[float | None, BeforeValidator(_finite)]
Imdb = Annotated[str | None, BeforeValidator(_imdb)]
PlexId = Annotated[int | None, BeforeValidator(lambda value: _whole(value, _LARGEST_PLEX) or None)]
Count = Annotated[int, BeforeValidator(lambda value: _whole(value, _LARGEST) or 0)]
"""A number nothing hangs on: 0 where there is none that makes sense."""

MaybeNumber = Annotated[int | None, BeforeValidator(lambda value: _whole(value, _LARGEST) or None)]
"""The same, None where there is none."""

Number = Annotated[int, Field(ge=0, le=_LARGEST)]
Id = Annotated[int, Field(ge=1, le=_LARGEST)]
MediaStatus = Annotated[int, Field(ge=1, le=7)]
RequestStatus = Annotated[int, Field(ge=1, le=5)]


class Answer(BaseModel):
    """Base of all answers. Unknown fields are the service's business."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Status(Answer):
    """`/status`: everybody may ask. A version built by hand is `develop-local`."""

    version: Name


class Public(Answer):
    """`/settings/public`. `media_server` is Seerr's alone (1 Plex, 2 Jellyfin, 3 Emby, 4 none yet).

    `push_key` was made when it was first set up, and stays.
    """

    initialized: bool
    address: Annotated[Name, Field(alias="applicationUrl")] = ""
    movie_4k: Annotated[bool, Field(alias="movie4kEnabled")] = False
    series_4k: Annotated[bool, Field(alias="series4kEnabled")] = False
    partial_requests: Annotated[bool, Field(alias="partialRequestsEnabled")] = True
    specials: Annotated[bool, Field(alias="enableSpecialEpisodes")] = False
    push_key: Annotated[Words, Field(alias="vapidPublic")] = ""
    media_server: Annotated[int | None, Field(alias="mediaServerType")] = None


class User(Answer):
    """A user of the service. Local ones have no `plex_id`; `permissions` is a sum of `rights.Right`."""

    id: Id
    plex_id: Annotated[PlexId, Field(alias="plexId")] = None
    email: Words = ""
    name: Annotated[Name, Field(alias="displayName")] = ""
    permissions: Number = 0


class PageInfo(Answer):
    """How much there is of a list."""

    results: Number


class Users(Answer):
    """A page of users."""

    page: Annotated[PageInfo, Field(alias="pageInfo")]
    results: list[User]


class Quota(Answer):
    """How many may be asked for in `days`; no `limit` (0, null or missing) is none. `restricted`: nothing is left."""

    used: Number = 0
    limit: Number | None = None
    days: Number | None = None
    remaining: Annotated[int | None, Field(ge=-_LARGEST, le=_LARGEST)] = None
    restricted: bool = False


class Quotas(Answer):
    """Of films, and of seasons."""

    movie: Quota
    tv: Quota


class MediaSeason(Answer):
    """How a season stands in the library."""

    number: Annotated[Number, Field(alias="seasonNumber")]
    status: MediaStatus
    status_4k: Annotated[MediaStatus, Field(alias="status4k")] = 1


class Media(Answer):
    """What the service knows of a film or series beyond TMDB. `seasons` is left out of lists, and None then."""

    id: Id
    kind: Annotated[Kind | None, Field(alias="mediaType")] = None
    tmdb_id: Annotated[Id, Field(alias="tmdbId")]
    tvdb_id: Annotated[MaybeNumber, Field(alias="tvdbId")] = None
    status: MediaStatus
    status_4k: Annotated[MediaStatus, Field(alias="status4k")] = 1
    seasons: list[MediaSeason] | None = None
    updated_at: Annotated[When | None, Field(alias="updatedAt")] = None


class SeasonAsked(Answer):
    """A season a request is for."""

    number: Annotated[Number, Field(alias="seasonNumber")]


class Request(Answer):
    """A request. It has no title: only numbers of TMDB."""

    id: Id
    kind: Annotated[Kind, Field(alias="type")]
    status: RequestStatus
    is4k: bool = False
    media: Media
    seasons: Annotated[list[SeasonAsked], BeforeValidator(_list)] = []
    by: Annotated[User | None, Field(alias="requestedBy")] = None
    created_at: Annotated[When, Field(alias="createdAt")]
    updated_at: Annotated[When, Field(alias="updatedAt")]


class Requests(Answer):
    """A page of requests."""

    page: Annotated[PageInfo, Field(alias="pageInfo")]
    results: list[Request]


class Said(Answer):
    """A message instead of what was asked for: with 202, and with most refusals."""

    message: Name = ""
    error: Name = ""
    errors: Annotated[list[Any], BeforeValidator(_list)] = []


class Hit(Answer):
    """A film, series, person or collection of a search or of what is trending; only the first two are shown."""

    id: Id
    kind: Annotated[Name, Field(alias="mediaType")]
    title: Name = ""
    name: Name = ""
    original_title: Annotated[Name, Field(alias="originalTitle")] = ""
    original_name: Annotated[Name, Field(alias="originalName")] = ""
    released: Annotated[Year, Field(alias="releaseDate")] = None
    first_aired: Annotated[Year, Field(alias="firstAirDate")] = None
    overview: Words = ""
    popularity: Popularity = 0.0
    rating: Annotated[Rating, Field(alias="voteAverage")] = None
    poster: Annotated[Picture, Field(alias="posterPath")] = ""
    backdrop: Annotated[Picture, Field(alias="backdropPath")] = ""
    media: Annotated[Media | None, Field(alias="mediaInfo")] = None


class Hits(Answer):
    """A page of what was found."""

    page: Number
    pages: Annotated[Number, Field(alias="totalPages")]
    total: Annotated[Number, Field(alias="totalResults")]
    results: list[Hit]


class Genre(Answer):
    """A genre."""

    name: Name = ""


class Video(Answer):
    """A video about a title. Its address is made of `key`, and the one the service gives is not followed."""

    key: Name = ""
    name: Name = ""
    site: Name = ""
    kind: Annotated[Name, Field(alias="type")] = ""

    @property
    def is_trailer(self) -> bool:
        """Whether it is a trailer that can be linked to."""
        return self.site == "YouTube" and self.kind == "Trailer" and _VIDEO_KEY.fullmatch(self.key) is not None


class Actor(Answer):
    """Somebody who plays in it."""

    name: Name = ""


class Credits(Answer):
    """Who is in it, the most important first."""

    cast: Annotated[list[Actor], BeforeValidator(_list)] = []


class Numbers(Answer):
    """What others call it."""

    imdb: Annotated[Imdb, Field(alias="imdbId")] = None
    tvdb: Annotated[MaybeNumber, Field(alias="tvdbId")] = None


class Season(Answer):
    """A season, as TMDB has it. Number 0 is what is called specials."""

    number: Annotated[Number, Field(alias="seasonNumber")]
    name: Name = ""
    episodes: Annotated[Count, Field(alias="episodeCount")] = 0
    aired: Annotated[Year, Field(alias="airDate")] = None


class Details(Answer):
    """What films and series have in common."""

    id: Id
    overview: Words = ""
    genres: Annotated[list[Genre], BeforeValidator(_list)] = []
    videos: Annotated[list[Video], Field(alias="relatedVideos"), BeforeValidator(_list)] = []
    credits: Annotated[Credits, BeforeValidator(_part)] = Credits()
    popularity: Popularity = 0.0
    rating: Annotated[Rating, Field(alias="voteAverage")] = None
    poster: Annotated[Picture, Field(alias="posterPath")] = ""
    backdrop: Annotated[Picture, Field(alias="backdropPath")] = ""
    numbers: Annotated[Numbers, Field(alias="externalIds"), BeforeValidator(_part)] = Numbers()
    media: Annotated[Media | None, Field(alias="mediaInfo")] = None


class Movie(Details):
    """`/movie/{id}`."""

    title: Name
    original_title: Annotated[Name, Field(alias="originalTitle")] = ""
    year: Annotated[Year, Field(alias="releaseDate")] = None
    runtime: MaybeNumber = None


class Series(Details):
    """`/tv/{id}`."""

    title: Annotated[Name, Field(alias="name")]
    original_title: Annotated[Name, Field(alias="originalName")] = ""
    year: Annotated[Year, Field(alias="firstAirDate")] = None
    runtimes: Annotated[list[Number], Field(alias="episodeRunTime"), BeforeValidator(_list)] = []
    seasons: Annotated[list[Season], BeforeValidator(_list)] = []


class Comment(Answer):
    """Something said about an issue."""

    id: Id
    message: Words = ""
    by: Annotated[User | None, Field(alias="user")] = None
    created_at: Annotated[When | None, Field(alias="createdAt")] = None


class Issue(Answer):
    """Something that is wrong with a title. Kinds: 1 picture, 2 sound, 3 subtitles, 4 else. Status: 1 open, 2 resolved."""

    id: Id
    kind: Annotated[int, Field(alias="issueType", ge=1, le=4)]
    status: Annotated[int, Field(ge=1, le=2)] = 1
    media: Media | None = None
    season: Annotated[Number | None, Field(alias="problemSeason")] = None
    episode: Annotated[Number | None, Field(alias="problemEpisode")] = None
    by: Annotated[User | None, Field(alias="createdBy")] = None
    comments: Annotated[list[Comment], BeforeValidator(_list)] = []
    created_at: Annotated[When | None, Field(alias="createdAt")] = None
    updated_at: Annotated[When | None, Field(alias="updatedAt")] = None


class Issues(Answer):
    """A page of issues."""

    page: Annotated[PageInfo, Field(alias="pageInfo")]
    results: list[Issue]
