"""What one Overseerr or Seerr keeps: people, media, requests and issues, each a plain record; changes none by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, IntFlag
from typing import Any

MOVIE, TV = "movie", "tv"


class Permission(IntFlag):
    """The bits of a user's `permissions`; an admin may do everything."""

    NONE = 0
    ADMIN = 2
    MANAGE_SETTINGS = 4
    MANAGE_USERS = 8
    MANAGE_REQUESTS = 16
    REQUEST = 32
    VOTE = 64
    AUTO_APPROVE = 128
    AUTO_APPROVE_MOVIE = 256
    AUTO_APPROVE_TV = 512
    REQUEST_4K = 1024
    REQUEST_4K_MOVIE = 2048
    REQUEST_4K_TV = 4096
    REQUEST_ADVANCED = 8192
    REQUEST_VIEW = 16384
    AUTO_APPROVE_4K = 32768
    AUTO_APPROVE_4K_MOVIE = 65536
    AUTO_APPROVE_4K_TV = 131072
    REQUEST_MOVIE = 262144
    REQUEST_TV = 524288
    MANAGE_ISSUES = 1048576
    VIEW_ISSUES = 2097152
    CREATE_ISSUES = 4194304


class RequestStatus(IntEnum):
    """Of a request and of each of its seasons; Overseerr knows no 5."""

    PENDING = 1
    APPROVED = 2
    DECLINED = 3
    FAILED = 4
    COMPLETED = 5


class MediaStatus(IntEnum):
    """Of a title or a season, once for each quality; Overseerr knows neither 6 nor 7."""

    UNKNOWN = 1
    PENDING = 2
    PROCESSING = 3
    PARTIALLY_AVAILABLE = 4
    AVAILABLE = 5
    BLOCKLISTED = 6
    DELETED = 7


class IssueType(IntEnum):
    """What is wrong with the picture, the sound, the words below or something else."""

    VIDEO = 1
    AUDIO = 2
    SUBTITLES = 3
    OTHER = 4


class IssueStatus(IntEnum):
    """Whether somebody has to look at it."""

    OPEN = 1
    RESOLVED = 2


@dataclass(eq=False)
class User:
    """`user_type` is 1 for a Plex account, 2 for a local one, 3 for one of Jellyfin (Seerr).

    Quotas: None is the default of the settings, 0 is no limit.
    """

    id: int
    email: str
    permissions: int
    created_at: float
    updated_at: float
    plex_username: str | None = None
    username: str | None = None
    plex_id: int | None = None
    jellyfin_username: str | None = None
    jellyfin_id: str | None = None
    user_type: int = 1
    password: str | None = None
    plex_token: str = ""
    movie_quota_limit: int | None = None
    movie_quota_days: int | None = None
    tv_quota_limit: int | None = None
    tv_quota_days: int | None = None

    @property
    def display_name(self) -> str:
        """What others read."""
        return self.username or self.plex_username or self.jellyfin_username or self.email

    def may(self, *permissions: Permission) -> bool:
        """Whether the person has one of them, or is an admin."""
        held = Permission(self.permissions)
        return Permission.ADMIN in held or any(one in held for one in permissions)


@dataclass(eq=False)
class Season:
    """What is known of one season of a series in the library."""

    id: int
    number: int
    created_at: float
    updated_at: float
    status: MediaStatus = MediaStatus.UNKNOWN
    status4k: MediaStatus = MediaStatus.UNKNOWN


@dataclass(eq=False)
class Media:
    """A title that was requested or is in the library; `type` is `movie` or `tv`."""

    id: int
    type: str
    tmdb_id: int
    tvdb_id: int | None
    created_at: float
    updated_at: float
    status: MediaStatus = MediaStatus.UNKNOWN
    status4k: MediaStatus = MediaStatus.UNKNOWN
    added_at: float | None = None
    rating_key: str | None = None
    rating_key4k: str | None = None
    external_id: int | None = None
    """Its number in Radarr or Sonarr, once it was sent there."""
    downloads: list[dict[str, Any]] = field(default_factory=list)
    last_season_change: float = 0.0
    seasons: list[Season] = field(default_factory=list)

    def status_of(self, *, is4k: bool) -> MediaStatus:
        """Of that quality."""
        return self.status4k if is4k else self.status

    def put(self, status: MediaStatus, *, is4k: bool = False) -> None:
        """Set the status of that quality."""
        if is4k:
            self.status4k = status
        else:
            self.status = status


@dataclass(eq=False)
class SeasonRequest:
    """One season somebody asked for."""

    id: int
    number: int
    status: RequestStatus
    created_at: float
    updated_at: float


@dataclass(eq=False)
class Request:
    """Somebody asked for a title."""

    id: int
    media: Media
    requested_by: User
    status: RequestStatus
    created_at: float
    updated_at: float
    is4k: bool = False
    modified_by: User | None = None
    seasons: list[SeasonRequest] = field(default_factory=list)
    server_id: int | None = None
    profile_id: int | None = None
    root_folder: str | None = None
    language_profile_id: int | None = None
    is_auto_request: bool = False

    @property
    def type(self) -> str:
        """`movie` or `tv`."""
        return self.media.type

    @property
    def season_numbers(self) -> list[int]:
        """The seasons asked for."""
        return [one.number for one in self.seasons]


@dataclass(eq=False)
class Comment:
    """What somebody said of an issue; the first one is its description."""

    id: int
    user: User
    message: str
    created_at: float
    updated_at: float


@dataclass(eq=False)
class Issue:
    """Somebody found something wrong. Season and episode 0 are all of them."""

    id: int
    type: IssueType
    media: Media
    created_by: User
    created_at: float
    updated_at: float
    status: IssueStatus = IssueStatus.OPEN
    season: int = 0
    episode: int = 0
    modified_by: User | None = None
    comments: list[Comment] = field(default_factory=list)


class Refused(Exception):
    """An answer other than the one asked for: its status, and its words."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **more}


def written(seconds: float | None) -> str | None:
    """As the service writes a moment: UTC, whole seconds, with three noughts."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
