"""What the routes answer and take. Of other people it holds names only where a field says who sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from medianest_overseerr.states import MediaState, RequestState

Kind = Literal["movie", "tv"]
Sentence = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")
]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]


class Mark(BaseModel):
    """That something was asked for: by the reader (`mine`) or by somebody else, never by whom."""

    state: RequestState
    mine: bool
    is4k: bool


class Found(BaseModel):
    """A film or series found. `state` and `state_4k` say how it stands in the library; `requestable` whether the reader may
    ask for it now. `popularity` is TMDB's, `rating` of ten."""

    kind: Kind
    tmdb_id: int
    title: str
    original_title: str
    year: int | None
    summary: str
    poster: str | None
    backdrop: str | None
    popularity: float
    rating: float | None
    state: MediaState
    state_4k: MediaState
    requests: list[Mark]
    requestable: bool
    requestable_4k: bool
    href: str | None


class FoundPage(BaseModel):
    """A page of what was found. `you` says why the reader may ask for nothing, where that is so: a problem's code."""

    items: list[Found]
    next_cursor: str | None
    you: Literal["matched", "overseerr_not_matched", "overseerr_match_conflict"]


class Trailer(BaseModel):
    """A trailer, to be opened elsewhere."""

    title: str
    href: str


class Season(BaseModel):
    """A season; number 0 is what is called specials."""

    number: int
    title: str
    episodes: int
    year: int | None
    state: MediaState
    state_4k: MediaState
    requests: list[Mark]
    requestable: bool
    requestable_4k: bool


class Details(Found):
    """All about a film or series. `seasons` is empty for films; `seasons_apart`: they can be asked for one by one."""

    genres: list[str]
    runtime_minutes: int | None
    cast: list[str]
    trailers: list[Trailer]
    seasons: list[Season]
    seasons_apart: bool
    external_ids: dict[str, str]
    you: Literal["matched", "overseerr_not_matched", "overseerr_match_conflict"]


class Requester(BaseModel):
    """Who asked: the name at Overseerr, and who that is here. Only for those with `overseerr.manage`."""

    user_id: int
    name: str
    person_id: UUID | None


class Freshness(BaseModel):
    """`as_of`: when all was last read. `stale`: what changed since may be missing, and `reason` says why."""

    as_of: datetime | None
    stale: bool
    reason: str


class RequestView(BaseModel):
    """A request. `title` is empty while it is not known. `seasons` is empty for films. `reason` is why it was declined.

    `changed_at` is when it came into this state, as far as was seen. `cancellable`: the reader may take it back. `by` is
    null but for those with `overseerr.manage`.
    """

    id: int
    kind: Kind
    tmdb_id: int
    title: str
    year: int | None
    poster: str | None
    seasons: list[int]
    is4k: bool
    state: RequestState
    reason: str
    created_at: datetime
    changed_at: datetime
    mine: bool
    cancellable: bool
    href: str | None
    by: Requester | None


class RequestPage(BaseModel):
    """A page of requests, the newest first."""

    items: list[RequestView]
    next_cursor: str | None
    freshness: Freshness


class Counts(BaseModel):
    """How many requests are in each state; states with none are left out."""

    total: int
    states: dict[RequestState, int]
    freshness: Freshness


class Wish(BaseModel):
    """What to ask for. `seasons` is for series: numbers, or null for all that are neither there nor asked for."""

    kind: Kind
    tmdb_id: int = Field(ge=1, lt=2**31)
    seasons: Annotated[list[Annotated[int, Field(ge=0, le=1000)]], Field(min_length=1, max_length=200)] | None = None
    is4k: bool = False


class Allowance(BaseModel):
    """How many may be asked for in `days`; without `limit` there is none. `restricted`: none is left."""

    limit: int | None
    days: int | None
    used: int
    remaining: int | None
    restricted: bool


class Quota(BaseModel):
    """What the reader may ask for: films, and seasons of series; and whether they may at all, in 4K as well."""

    movie: Allowance
    tv: Allowance
    movie_allowed: bool
    tv_allowed: bool
    movie_4k_allowed: bool
    tv_4k_allowed: bool


class Verdict(BaseModel):
    """Why, in words for whoever asked; may be left out."""

    reason: Reason = ""


class IssueKind(BaseModel):
    """What is wrong, and with what. Without `season` (and `episode`) with all of it; an episode is of a `season`."""

    kind: Literal["movie", "tv"]
    tmdb_id: int = Field(ge=1, lt=2**31)
    about: Literal["video", "audio", "subtitles", "other"]
    message: Sentence
    season: int | None = Field(default=None, ge=0, le=1000)
    episode: int | None = Field(default=None, ge=1, le=10_000)


class CommentView(BaseModel):
    """Something said about an issue. `by` is null but for those with `overseerr.manage`."""

    id: int
    message: str
    mine: bool
    by: str | None
    at: datetime | None


class IssueView(BaseModel):
    """Something that is wrong with a title. The first comment is what was reported; in lists `comments` is null.

    Of specials (season 0) Overseerr keeps no number: what was reported begins with it in words.
    """

    id: int
    kind: Kind | None
    tmdb_id: int | None
    title: str
    year: int | None
    poster: str | None
    about: Literal["video", "audio", "subtitles", "other"]
    season: int | None
    episode: int | None
    open: bool
    mine: bool
    by: str | None
    comments: list[CommentView] | None
    created_at: datetime | None
    updated_at: datetime | None


class IssuePage(BaseModel):
    """A page of issues, the newest first."""

    items: list[IssueView]
    next_cursor: str | None


class Remark(BaseModel):
    """What to say about an issue."""

    message: Sentence


class UserView(BaseModel):
    """A user of Overseerr."""

    user_id: int
    name: str


class MatchView(BaseModel):
    """A person and who they are there. `how`: plex, email or admin."""

    person_id: UUID
    username: str
    user: UserView
    how: Literal["plex", "email", "admin"]
    matched_at: datetime


class UnmatchedView(BaseModel):
    """A person who wanted something and is nobody there; `user` is whose match stands in the way, if one does."""

    person_id: UUID
    username: str
    reason: Literal["overseerr_not_matched", "overseerr_match_conflict"]
    user: UserView | None
    at: datetime


class PeopleView(BaseModel):
    """Who is who; and users who are nobody of the hub, as far as is known."""

    matched: list[MatchView]
    unmatched: list[UnmatchedView]
    users: list[UserView]


class MatchWanted(BaseModel):
    """Which user of Overseerr the person is."""

    user_id: int = Field(ge=1, lt=2**31)


class WebhookTemplate(BaseModel):
    """What to enter as a webhook at Overseerr: its address, the JSON payload, and the types it is of use for.

    The secret for its authorization header is not told here: it is shown once, where it is made.
    """

    address: str
    json_payload: str
    types: list[str]
