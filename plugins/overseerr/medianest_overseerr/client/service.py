"""All this plugin says to Overseerr or Seerr, typed; in whose name is said with each call. Keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from medianest_hub.plugin_api import Http, HttpResponse, TlsTrust
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_overseerr.client import answers, refusals
from medianest_overseerr.client.answers import Kind
from medianest_overseerr.client.calling import Caller, Query
from medianest_overseerr.client.refusals import SERVICE

PAGE: Final = 100
"""How many rows of a list are asked for at once."""

_QUICK: Final = 5.0

IssueFilter = Literal["all", "open", "resolved"]
Sort = Literal["added", "modified"]


class Overseerr:
    """`user` is the number there of whom a call is made for; None: as the key's owner.

    Besides what each method says, all raise what `Caller` does.
    """

    def __init__(self, http: Http, url: str, key: str, tls: TlsTrust) -> None:
        self._calls = Caller(http, url, key, tls)

    async def status(self) -> answers.Status:
        """Its version. Needs no key."""
        return (await self._calls.get("/status", deadline=_QUICK)).parse(answers.Status)

    async def public(self) -> answers.Public:
        """What everybody may know of its settings. Needs no key."""
        return (await self._calls.get("/settings/public", deadline=_QUICK)).parse(answers.Public)

    async def me(self, user: int | None = None) -> answers.User:
        """Whom a call is made for."""
        return (await self._calls.get("/auth/me", user=user, deadline=_QUICK)).parse(answers.User)

    async def users(self, skip: int, take: int = PAGE) -> answers.Users:
        """Users in the order they came."""
        query: Query = {"take": take, "skip": skip, "sort": "created"}
        return (await self._calls.get("/user", query)).parse(answers.Users)

    async def user(self, number: int) -> answers.User | None:
        """One user, or None where there is none (any more)."""
        answer = await self._calls.get(f"/user/{number}", also=(404,), deadline=_QUICK)
        return None if _is_missing(answer) else answer.parse(answers.User)

    async def quota(self, user: int) -> answers.Quotas:
        """What the user may ask for."""
        return (await self._calls.get(f"/user/{user}/quota", user=user, deadline=_QUICK)).parse(answers.Quotas)

    async def search(self, text: str, page: int = 1) -> answers.Hits:
        """What is called so, twenty a page."""
        return (await self._calls.get("/search", {"query": text, "page": page})).parse(answers.Hits)

    async def trending(self, page: int = 1) -> answers.Hits:
        """What many look at these days."""
        return (await self._calls.get("/discover/trending", {"page": page})).parse(answers.Hits)

    async def movie(self, tmdb_id: int) -> answers.Movie:
        """A film. Raises `NotFound` (`overseerr_no_such_title`)."""
        return (await self._title("movie", tmdb_id)).parse(answers.Movie)

    async def series(self, tmdb_id: int) -> answers.Series:
        """A series. Raises `NotFound` (`overseerr_no_such_title`)."""
        return (await self._title("tv", tmdb_id)).parse(answers.Series)

    async def requests(
        self, skip: int, take: int = PAGE, *, sort: Sort = "added", which: Literal["all", "unavailable"] = "all"
    ) -> answers.Requests:
        """Everybody's requests, the newest first, or those that changed last. `unavailable`: of what is still to come."""
        query: Query = {"take": take, "skip": skip, "sort": sort, "filter": which}
        return (await self._calls.get("/request", query)).parse(answers.Requests)

    async def request(self, number: int) -> answers.Request | None:
        """One request, or None where there is none (any more)."""
        answer = await self._calls.get(f"/request/{number}", also=(404,))
        return None if _is_missing(answer) else answer.parse(answers.Request)

    async def ask_for(
        self, user: int, kind: Kind, tmdb_id: int, *, is4k: bool, seasons: Sequence[int] | None = None
    ) -> answers.Request:
        """Ask for a film, or for seasons of a series, as that user.

        Raises `Conflict` (`overseerr_already_requested`, `overseerr_no_seasons_left`), `Forbidden`
        (`overseerr_quota_used`, `overseerr_no_right`, `overseerr_blocklisted`), `NotFound` (`overseerr_no_such_title`).
        """
        # Without is4k the services let a second request for the same film pass.
        body: dict[str, object] = {"mediaType": kind, "mediaId": tmdb_id, "is4k": is4k}
        if kind == "tv":
            body["seasons"] = list(seasons or ())
        answer = await self._calls.change("POST", "/request", body, user=user, kind=kind, also=(202, 409, 500))
        if answer.status == 202:
            raise refusals.no_seasons_left()
        if answer.status == 409:
            raise refusals.already_requested(kind)
        if answer.status == 500:
            raise _failed(answer, kind)
        return answer.parse(answers.Request)

    async def cancel(self, number: int, user: int | None) -> None:
        """Take a request back. Raises `NotFound` (`overseerr_request_not_found`), `Forbidden` (`overseerr_no_right`)."""
        answer = await self._calls.change("DELETE", f"/request/{number}", user=user, also=(404,))
        if _is_missing(answer):
            raise refusals.no_request()

    async def decide(self, number: int, verdict: Literal["approve", "decline"], user: int | None) -> answers.Request:
        """Say yes or no to a request. Raises as `cancel`."""
        return await self._about_request(f"/request/{number}/{verdict}", user)

    async def retry(self, number: int, user: int | None) -> answers.Request:
        """Have a failed request tried again. Raises as `cancel`."""
        return await self._about_request(f"/request/{number}/retry", user)

    async def issues(
        self, which: IssueFilter, skip: int, take: int, by: int | None, user: int | None, *, sort: Sort = "added"
    ) -> answers.Issues:
        """Issues, the newest first, or those that changed last; `by`: only those that user opened."""
        query: dict[str, str | int] = {"take": take, "skip": skip, "sort": sort, "filter": which}
        if by is not None:
            query["requestedBy"] = by
        return (await self._calls.get("/issue", query, user=user)).parse(answers.Issues)

    async def issue(self, number: int) -> answers.Issue | None:
        """One issue, or None where there is none (any more)."""
        answer = await self._calls.get(f"/issue/{number}", also=(404, 500))
        return None if _is_missing_issue(answer) else answer.parse(answers.Issue)

    async def open_issue(
        self, user: int, media_id: int, kind: int, message: str, season: int, episode: int
    ) -> answers.Issue:
        """Report what is wrong with something in the library. `season` and `episode` 0: all of it.

        Raises `Conflict` (`overseerr_not_in_library`), `Forbidden`.
        """
        body = {
            "issueType": kind,
            "message": message,
            "mediaId": media_id,
            "problemSeason": season,
            "problemEpisode": episode,
        }
        answer = await self._calls.change("POST", "/issue", body, user=user, also=(404,))
        if _is_missing(answer):
            raise refusals.not_in_library()
        return answer.parse(answers.Issue)

    async def comment(self, number: int, user: int, message: str) -> answers.Issue:
        """Say something about an issue. Raises `NotFound` (`overseerr_issue_not_found`), `Forbidden`."""
        return await self._about_issue(f"/issue/{number}/comment", user, {"message": message})

    async def set_issue(self, number: int, status: Literal["open", "resolved"], user: int | None) -> answers.Issue:
        """Close an issue, or open it again. Raises as `comment`."""
        return await self._about_issue(f"/issue/{number}/{status}", user, None)

    async def _title(self, kind: Kind, tmdb_id: int) -> HttpResponse:
        answer = await self._calls.get(f"/{kind}/{tmdb_id}", kind=kind, also=(404, 500))
        if answer.status == 200:
            return answer
        raise _failed(answer, kind)

    async def _about_request(self, path: str, user: int | None) -> answers.Request:
        answer = await self._calls.change("POST", path, user=user, also=(404,))
        if _is_missing(answer):
            raise refusals.no_request()
        return answer.parse(answers.Request)

    async def _about_issue(self, path: str, user: int | None, body: dict[str, str] | None) -> answers.Issue:
        answer = await self._calls.change("POST", path, body, user=user, also=(404, 500))
        if _is_missing_issue(answer):
            raise refusals.no_issue()
        return answer.parse(answers.Issue)


def _is_missing(answer: HttpResponse) -> bool:
    """Whether the service says that there is no such thing. A 404 that is not its own says nothing: raises then."""
    if answer.status != 404:
        return False
    told = refusals.said(answer)
    if told.errors or not told.message:
        raise refusals.misunderstood(answer)
    return True


def _is_missing_issue(answer: HttpResponse) -> bool:
    """The same for issues: both services answer 500 for one that is not there. Another 500 raises."""
    if answer.status != 500:
        return _is_missing(answer)
    if "not found" not in refusals.said(answer).message.lower():
        raise refusals.misunderstood(answer)
    return True


def _failed(answer: HttpResponse, kind: Kind) -> Exception:
    """What a 404 or 500 to a title's number means."""
    told = refusals.said(answer).message.lower()
    unknown = "unable to retrieve" in told or ("tmdb" in told and "404" in told)
    if unknown or (answer.status == 404 and _is_missing(answer)):
        return refusals.no_title(kind)
    if "tmdb" in told:
        return UpstreamError(
            f"{SERVICE} could not ask TMDB about this title. Try again later.",
            service=SERVICE,
            field="message",
            not_taken=True,
        )
    return refusals.misunderstood(answer)
