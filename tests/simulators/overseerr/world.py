"""All that one Overseerr or Seerr keeps, and how its people, media and settings change; answers nobody itself."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from .catalogue import Catalogue, Title
from .notices import Kind, Notice
from .records import (
    MOVIE,
    TV,
    Issue,
    Media,
    MediaStatus,
    Permission,
    Request,
    RequestStatus,
    Season,
    User,
)

MACHINE = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Settings:
    """What an admin may set. Quotas are requests (of a film, or a season) in so many days; None is no limit."""

    application_title: str
    application_url: str = ""
    default_permissions: int = Permission.REQUEST
    movie_quota_limit: int | None = None
    movie_quota_days: int | None = None
    tv_quota_limit: int | None = None
    tv_quota_days: int | None = None
    movie_4k: bool = False
    series_4k: bool = False
    partial_requests: bool = True
    special_episodes: bool = False
    csrf_protection: bool = False
    cache_images: bool = False


@dataclass
class WebhookSettings:
    """`types` is the sum of the kinds that are sent; `template` None is the one the service brings."""

    url: str = ""
    authorization: str = ""
    template: str | None = None
    types: int = sum(Kind)
    enabled: bool = False
    sent: list[tuple[str, int]] = field(default_factory=list)
    """Every kind that was posted, with the status of the answer; 0 when nobody could be reached."""


class World:
    """`version` 1.x is Overseerr, 3.x is Seerr. `tell` is called with every notice of what happened."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.seerr = not version.startswith("1.")
        self.initialized = True
        self.settings = Settings("Seerr" if self.seerr else "Overseerr")
        self.webhook = WebhookSettings()
        self.api_key = ""
        self.push_key = "B" + secrets.token_urlsafe(64)
        """Of this installation alone, and for good."""
        self.catalogue = Catalogue()
        self.users: dict[int, User] = {}
        self.media: dict[int, Media] = {}
        self.requests: dict[int, Request] = {}
        self.issues: dict[int, Issue] = {}
        self.sessions: dict[str, int] = {}
        self.plex_accounts: dict[str, tuple[int, str, str]] = {}
        """Plex accounts that may sign in or be imported: their token → Plex id, name, e-mail."""
        self.on_server: dict[tuple[str, int], str] = {}
        """Titles on the media server that no scan has found yet: kind and TMDB id → rating key."""
        self.enabled_sections: set[str] = set()
        self.ahead = 0.0
        self.downloader = ""
        """Where Radarr and Sonarr are; empty when there is neither, so that an approved request just waits."""
        self.broken_downloader = False
        """Whether Radarr and Sonarr refuse what is sent to them: an approved request fails."""
        self.tell: Callable[[Notice], None] = lambda _: None
        self._by_title: dict[tuple[str, int], Media] = {}
        self._ids: dict[str, count[int]] = {}
        self.renew_key()

    def now(self) -> float:
        """Seconds since 1970, `ahead` of the machine's time."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.ahead += seconds

    def renew_key(self) -> None:
        """Another key: the former one no longer opens anything."""
        self.api_key = base64.b64encode(f"{time.time_ns()}{secrets.token_hex(8)}".encode()).decode()

    def next(self, kind: str) -> int:
        """The next id of its kind."""
        return next(self._ids.setdefault(kind, count(1)))

    # --- people

    def add_user(self, email: str, permissions: int | None = None, **fields: Any) -> User:
        """A new user; the first one is the owner, and an admin."""
        id, now = self.next("user"), self.now()
        allowed = self.settings.default_permissions if permissions is None else permissions
        made = User(id, email.lower(), Permission.ADMIN if id == 1 else allowed, now, now, **fields)
        self.users[id] = made
        return made

    def find_user(self, who: User | int | str) -> User:
        """By id, e-mail or name. Raises KeyError."""
        if isinstance(who, User):
            return who
        if isinstance(who, int):
            return self.users[who]
        for one in self.users.values():
            if who in (one.email, one.display_name, one.plex_username):
                return one
        raise KeyError(who)

    @property
    def owner(self) -> User:
        """Whose everything is that comes with the key alone."""
        return self.users[1]

    def avatar(self, user: User) -> str:
        """Where the picture of a person is."""
        if user.user_type == 3:
            return f"/avatarproxy/{user.jellyfin_id}?v=null"
        if user.user_type == 1:
            return f"https://plex.tv/users/{user.plex_id}/avatar?c=1"
        mail = hashlib.md5(user.email.encode(), usedforsecurity=False).hexdigest()
        return f"https://gravatar.com/avatar/{mail}?default=mm&size=200"

    def requests_of(self, user: User) -> list[Request]:
        """Those the person made, the oldest first."""
        return [one for one in self.requests.values() if one.requested_by is user]

    def quota(self, user: User, kind: str) -> dict[str, Any]:
        """What the person may still ask for; a limit without days counts nothing, as in the real one."""
        is_movie = kind == MOVIE
        limit = user.movie_quota_limit if is_movie else user.tv_quota_limit
        days = user.movie_quota_days if is_movie else user.tv_quota_days
        settings = self.settings
        limit = (settings.movie_quota_limit if is_movie else settings.tv_quota_limit) if limit is None else limit
        days = (settings.movie_quota_days if is_movie else settings.tv_quota_days) if days is None else days
        if user.may(Permission.MANAGE_USERS):
            limit = 0
        since = self.now() - (days or 0) * 86400
        counted = [
            1 if is_movie else len(one.seasons)
            for one in self.requests_of(user)
            if one.type == kind and one.created_at > since and one.status is not RequestStatus.DECLINED
        ]
        used = sum(counted) if limit else 0
        said = {"days": days, "limit": limit, "used": used, "remaining": max(0, limit - used) if limit else None}
        return {name: value for name, value in said.items() if value is not None} | {
            "restricted": bool(limit) and used >= (limit or 0)
        }

    # --- media

    def find_media(self, kind: str, tmdb_id: int) -> Media | None:
        """What is known of a title, if anything is."""
        return self._by_title.get((kind, tmdb_id))

    def add_media(self, kind: str, tmdb_id: int, tvdb_id: int | None) -> Media:
        """A title nobody knew of until now."""
        now = self.now()
        made = Media(self.next("media"), kind, tmdb_id, tvdb_id, now, now, last_season_change=now)
        made.added_at = now if self.seerr else None
        self.media[made.id] = self._by_title[kind, tmdb_id] = made
        return made

    def media_of(self, title: Title) -> Media:
        """What is known of the title; begun if nothing was."""
        return self.find_media(title.type, title.id) or self.add_media(title.type, title.id, title.tvdb_id)

    def requests_for(self, media: Media) -> list[Request]:
        """Those for the title, the oldest first."""
        return [one for one in self.requests.values() if one.media is media]

    def touch(self, *records: Media | Request | Issue | Season) -> None:
        """They changed now."""
        for one in records:
            one.updated_at = self.now()

    def arrive(
        self,
        media: Media,
        *,
        seasons: Iterable[int] | None = None,
        is4k: bool = False,
        rating_key: str | None = None,
        added_at: float | None = None,
    ) -> None:
        """The title, or some seasons of it, was found in the library; who asked for it is told."""
        title = self.catalogue.get(media.type, media.tmdb_id)
        key = rating_key or self.on_server.pop((media.type, media.tmdb_id), None) or str(9000 + media.id)
        with self._settling(media, is4k=is4k):
            if is4k:
                media.rating_key4k = key
            else:
                media.rating_key = key
            media.added_at = self.now() if added_at is None else added_at
            media.downloads.clear()
            status = MediaStatus.AVAILABLE
            if media.type == TV and title is not None:
                real = [one for one in title.seasons if one > 0]
                self._season_arrived(media, real if seasons is None else seasons, is4k=is4k)
                there = [one.number for one in media.seasons if _status_of(one, is4k=is4k) is MediaStatus.AVAILABLE]
                status = MediaStatus.AVAILABLE if set(real) <= set(there) else MediaStatus.PARTIALLY_AVAILABLE
            media.put(status, is4k=is4k)

    def put_status(self, media: Media, status: MediaStatus, *, is4k: bool = False) -> None:
        """An admin says so; of a series that is available so are the seasons that are known."""
        with self._settling(media, is4k=is4k):
            media.put(status, is4k=is4k)
            if status is MediaStatus.AVAILABLE:
                self._season_arrived(media, [one.number for one in media.seasons], is4k=is4k)

    @contextlib.contextmanager
    def _settling(self, media: Media, *, is4k: bool) -> Iterator[None]:
        """What the change of a title means for who asked for it: approved by itself, completed (Seerr), told."""
        related = [one for one in self.requests_for(media) if one.is4k == is4k]
        was, there = media.status_of(is4k=is4k), {one.id for one in related if self.is_there(one)}
        yield
        self.touch(media)
        status = media.status_of(is4k=is4k)
        for one in related:
            if one.status is RequestStatus.PENDING and (was, status) == (MediaStatus.PENDING, MediaStatus.AVAILABLE):
                self._put_request(one, RequestStatus.APPROVED)
            arrived = one.id not in there and self.is_there(one)
            gone = media.type == MOVIE and status is MediaStatus.DELETED and was is not status
            if self.seerr and one.status in (RequestStatus.APPROVED, RequestStatus.FAILED) and (arrived or gone):
                self._put_request(one, RequestStatus.COMPLETED)
            if arrived and one.status not in (RequestStatus.DECLINED, RequestStatus.PENDING):
                self.tell(Notice(Kind.MEDIA_AVAILABLE, media, request=one, user=one.requested_by))

    def _put_request(self, request: Request, status: RequestStatus) -> None:
        request.status = status
        for season in request.seasons:
            season.status = status
        self.touch(request)

    def is_there(self, request: Request) -> bool:
        """Whether all that was asked for has arrived."""
        if request.type == MOVIE:
            return request.media.status_of(is4k=request.is4k) is MediaStatus.AVAILABLE
        there = {one.number for one in request.media.seasons
                 if _status_of(one, is4k=request.is4k) is MediaStatus.AVAILABLE}  # fmt: skip
        return set(request.season_numbers) <= there

    def season(self, media: Media, number: int) -> Season:
        """What is known of a season; begun if nothing was."""
        found = next((one for one in media.seasons if one.number == number), None)
        if found is None:
            now = self.now()
            found = Season(self.next("season"), number, now, now)
            media.seasons.append(found)
        return found

    def remove_media(self, media: Media) -> None:
        """It is forgotten with all its requests and issues."""
        self.media.pop(media.id, None)
        self._by_title.pop((media.type, media.tmdb_id), None)
        for id in [one.id for one in self.requests_for(media)]:
            del self.requests[id]
        for id in [one.id for one in self.issues.values() if one.media is media]:
            del self.issues[id]

    def _season_arrived(self, media: Media, numbers: Iterable[int], *, is4k: bool) -> None:
        for number in numbers:
            found = self.season(media, number)
            if is4k:
                found.status4k = MediaStatus.AVAILABLE
            else:
                found.status = MediaStatus.AVAILABLE
            self.touch(found)
        media.last_season_change = self.now()


def _status_of(season: Season, *, is4k: bool) -> MediaStatus:
    return season.status4k if is4k else season.status
