"""What a test may do to the simulated service: people, titles, requests, issues; how the service is reached is not here.

A knob may be turned from any thread, before and while the simulator runs; it returns once it is done. Webhooks it brings
about are posted afterwards: wait for them with `until(lambda: sim.world.webhook.sent)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from . import issues, requesting
from .catalogue import Title, film, series
from .notices import Kind, Notice
from .records import (
    TV,
    Issue,
    IssueStatus,
    IssueType,
    Media,
    MediaStatus,
    Request,
    User,
    written,
)
from .world import World

T = TypeVar("T")
Who = User | int | str
"""The record, its id, or a name or e-mail."""


class Knobs:
    """Requests and media are given as records or by their ids; titles as records or as kind and TMDB id."""

    world: World

    def _do(self, work: Callable[[], T]) -> T:
        """Do it where the service lives."""
        raise NotImplementedError

    # --- people and titles

    def add_user(self, name: str, *, permissions: int | None = None, plex_id: int | None = None, **fields: Any) -> User:
        """The user of a Plex account, or of Jellyfin (`jellyfin_id`), else a local one; default permissions unless told."""

        def work() -> User:
            email = fields.pop("email", f"{name.lower()}@home.example")
            about: dict[str, Any] = {"username": name, "user_type": 2}
            if plex_id is not None:
                about = {"plex_username": name}
            elif "jellyfin_id" in fields:
                about = {"jellyfin_username": name, "user_type": 3}
            return self.world.add_user(email, permissions, plex_id=plex_id, **{**about, **fields})

        return self._do(work)

    def change_user(self, who: Who, **fields: Any) -> User:
        """Other permissions, another e-mail, quotas (`movie_quota_limit`, `movie_quota_days`, `tv_…`) …"""

        def work() -> User:
            found = self.world.find_user(who)
            for name, value in fields.items():
                assert hasattr(found, name), name
                setattr(found, name, value)
            found.updated_at = self.world.now()
            return found

        return self._do(work)

    def remove_user(self, who: Who) -> None:
        """Deleted with all requests and issues."""

        def work() -> None:
            found = self.world.find_user(who)
            del self.world.users[found.id]
            for one in self.world.requests_of(found):
                requesting.remove(self.world, one)
            for id in [one.id for one in self.world.issues.values() if one.created_by is found]:
                del self.world.issues[id]

        self._do(work)

    def add_film(self, id: int, name: str, date: str = "2024-03-01", overview: str = "", **fields: Any) -> Title:
        """A film exists; fields are those of `catalogue.film`."""
        return self._do(lambda: self.world.catalogue.add(film(id, name, date, overview, **fields)))

    def add_series(self, id: int, name: str, date: str = "2021-02-01", overview: str = "", **fields: Any) -> Title:
        """A series exists; fields are those of `catalogue.series`."""
        return self._do(lambda: self.world.catalogue.add(series(id, name, date, overview, **fields)))

    def fill(
        self, *, movies: int = 0, shows: int = 0, first_movie: int = 2_000_000, first_show: int = 3_000_000
    ) -> None:
        """So many generated titles that take little memory, with TMDB ids from those on."""
        self._do(lambda: self.world.catalogue.fill(movies, shows, first_movie, first_show))

    # --- requests

    def request(
        self,
        who: Who,
        title: Title | tuple[str, int],
        *,
        seasons: Iterable[int] | str | None = None,
        is4k: bool = False,
    ) -> Request:
        """The person asks, under all the rules; a series for all its seasons unless told. Raises `records.Refused`."""

        def work() -> Request:
            kind, id = (title.type, title.id) if isinstance(title, Title) else title
            body: dict[str, Any] = {"mediaType": kind, "mediaId": id, "is4k": is4k}
            if kind == TV:
                body["seasons"] = "all" if seasons is None else seasons if isinstance(seasons, str) else list(seasons)
            return requesting.ask(self.world, self.world.find_user(who), body).request

        return self._do(work)

    def approve(self, request: Request | int, by: Who = 1) -> Request:
        """An admin says yes."""
        return self._with(request, lambda one: requesting.approve(self.world, one, self.world.find_user(by)))

    def decline(self, request: Request | int, by: Who = 1) -> Request:
        """An admin says no."""
        return self._with(request, lambda one: requesting.decline(self.world, one, self.world.find_user(by)))

    def fail(self, request: Request | int) -> Request:
        """The downloader refuses it."""
        return self._with(request, lambda one: requesting.fail(self.world, one))

    def remove(self, request: Request | int) -> None:
        """Somebody deletes it."""
        self._with(request, lambda one: requesting.remove(self.world, one))

    def _with(self, request: Request | int, work: Callable[[Request], object]) -> Request:
        def inside() -> Request:
            found = self.world.requests[request] if isinstance(request, int) else request
            work(found)
            return found

        return self._do(inside)

    # --- media

    def arrive(
        self,
        what: Media | Request | Title | tuple[str, int],
        *,
        seasons: Iterable[int] | None = None,
        is4k: bool | None = None,
        rating_key: str | None = None,
    ) -> Media:
        """It is found in the library: of a series all seasons unless told. A request says its own quality."""

        def work() -> Media:
            media = self._media(what)
            in4k = is4k if is4k is not None else isinstance(what, Request) and what.is4k
            self.world.arrive(media, seasons=seasons, is4k=in4k, rating_key=rating_key)
            return media

        return self._do(work)

    def put_status(
        self, what: Media | Request | Title | tuple[str, int], status: MediaStatus, *, is4k: bool = False
    ) -> Media:
        """Its status becomes that, whatever it means: deleted, blocklisted, partly available …"""

        def work() -> Media:
            media = self._media(what)
            self.world.put_status(media, status, is4k=is4k)
            return media

        return self._do(work)

    def _media(self, what: Media | Request | Title | tuple[str, int]) -> Media:
        if isinstance(what, Media):
            return what
        if isinstance(what, Request):
            return what.media
        title = what if isinstance(what, Title) else self.world.catalogue.get(*what)
        assert title is not None, what
        return self.world.media_of(title)

    def download(self, what: Media | Request, *, size: int = 4_000_000_000, left: int = 1_000_000_000) -> Media:
        """Radarr or Sonarr is fetching it: so many bytes, of which so many are left."""

        def work() -> Media:
            media = self._media(what)
            media.external_id = media.external_id or 100 + media.id
            ends = written(self.world.now() + 1800)
            about = {"externalId": media.external_id, "estimatedCompletionTime": ends, "mediaType": media.type}
            sizes = {"size": size, "sizeLeft": left, "status": "downloading", "timeLeft": "00:30:00"}
            media.downloads[:] = [{**about, **sizes, "title": f"release.{media.tmdb_id}.1080p"}]
            return media

        return self._do(work)

    # --- issues

    def open_issue(
        self,
        who: Who,
        what: Media | Request | Title | tuple[str, int],
        message: str,
        type: IssueType = IssueType.VIDEO,
        *,
        season: int = 0,
        episode: int = 0,
    ) -> Issue:
        """Somebody finds something wrong."""

        def work() -> Issue:
            user, media = self.world.find_user(who), self._media(what)
            return issues.open_issue(self.world, user, media, type, message, season=season, episode=episode)

        return self._do(work)

    def comment(self, issue: Issue, who: Who, message: str) -> None:
        """Somebody says something about it."""
        self._do(lambda: issues.comment(self.world, issue, self.world.find_user(who), message))

    def close_issue(self, issue: Issue, by: Who = 1) -> None:
        """It is resolved."""
        self._do(lambda: issues.put_status(self.world, issue, IssueStatus.RESOLVED, self.world.find_user(by)))

    def reopen_issue(self, issue: Issue, by: Who = 1) -> None:
        """It is not resolved after all."""
        self._do(lambda: issues.put_status(self.world, issue, IssueStatus.OPEN, self.world.find_user(by)))

    # --- the webhook

    def set_webhook(
        self, url: str, authorization: str = "", template: str | None = None, types: int = sum(Kind), *, on: bool = True
    ) -> None:
        """An admin sets it: what happens from now on is posted there. Without a template the usual one."""

        def work() -> None:
            hook = self.world.webhook
            hook.url, hook.authorization, hook.template, hook.types, hook.enabled = (
                url,
                authorization,
                template,
                types,
                on,
            )

        self._do(work)

    def test_webhook(self) -> None:
        """An admin presses its test button; the post is noted in `world.webhook.sent`."""
        self._do(lambda: self.world.tell(Notice(Kind.TEST_NOTIFICATION, user=self.world.owner)))
