"""One call to Overseerr or Seerr: its headers, its address, its bounds, and what is made of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from medianest_hub.plugin_api import Http, HttpResponse, TlsTrust
from medianest_hub.plugin_api.errors import Conflict, UpstreamError
from medianest_overseerr.client import refusals
from medianest_overseerr.client.refusals import SERVICE

_DEADLINE: Final = 10.0
_CHANGE_DEADLINE: Final = 20.0
"""Asking for something makes the service ask TMDB first, and Radarr or Sonarr afterwards."""

_CAP: Final = 4 * 1024 * 1024
_ANSWERED: Final = (200, 201, 202, 204, 400, 401, 403, 404, 409)

Query = Mapping[str, str | int]


def address(path: str, query: Query | None = None) -> str:
    """The path with its query. A space is `%20` and every reserved character encoded, or it is refused with 400."""
    if not query:
        return path
    return path + "?" + "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())


@dataclass(frozen=True, slots=True)
class Caller:
    """Speaks to the API under `url` with the key. `kind` in what follows is of the title a call is about.

    Every call raises `AuthFailed` when the key is refused, `ActingRefused` when the user acted for is, and else
    `UpstreamError`, `UpstreamTimeout` or `Unavailable` when the service does not answer as it should.
    """

    http: Http
    url: str
    key: str
    tls: TlsTrust

    async def get(
        self,
        path: str,
        query: Query | None = None,
        *,
        user: int | None = None,
        kind: str = "movie",
        also: tuple[int, ...] = (),
        deadline: float | None = None,
    ) -> HttpResponse:
        """Read something. `also`: statuses the caller makes something of itself; others than 200 raise."""
        answer = await self._call(
            "GET", address(path, query), None, user, also, _DEADLINE if deadline is None else deadline
        )
        return self._checked(answer, (200, *also), user, kind)

    async def change(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        user: int | None = None,
        kind: str = "movie",
        also: tuple[int, ...] = (),
    ) -> HttpResponse:
        """Change something; never repeated, for a repeat could do it twice."""
        answer = await self._call(method, path, body, user, also, _CHANGE_DEADLINE)
        return self._checked(answer, (200, 201, 204, *also), user, kind)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        user: int | None,
        also: tuple[int, ...],
        deadline: float,
    ) -> HttpResponse:
        headers = {"Accept": "application/json", "X-Api-Key": self.key}
        if user is not None:
            headers["X-Api-User"] = str(user)
        return await self.http.request(
            method,
            f"{self.url}/api/v1{path}",
            service=SERVICE,
            headers=headers,
            json=None if body is None else dict(body),
            deadline=deadline,
            cap=_CAP,
            ok=(*_ANSWERED, *also),
            tls=self.tls,
        )

    @staticmethod
    def _checked(answer: HttpResponse, wanted: tuple[int, ...], user: int | None, kind: str) -> HttpResponse:
        if answer.status in wanted:
            return answer
        if answer.status in (401, 403):
            raise refusals.refusal(answer, acting=user is not None, kind=kind)
        if answer.status == 409:
            told = refusals.said(answer).message
            raise Conflict(
                f"{SERVICE} says that this cannot be done as it stands{f': {told}' if told else ''}.",
                code="overseerr_conflict",
            )
        if answer.status in (202, 204):
            raise UpstreamError(
                f"{SERVICE} answered {answer.status}, which says nothing of what was asked.", service=SERVICE
            )
        raise refusals.misunderstood(answer)
