"""plex.tv: pins, accounts and what an account may use. Judges nobody; `membership` does."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Http, HttpResponse
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_plex.client.headers import plex_headers
from medianest_plex.models import Account, Device, Devices, Pin, PlexProblems

SERVICE: Final = "plex.tv"
_DEADLINE: Final = 6.0
_POLL_DEADLINE: Final = 4.0
_SMALL: Final = 256 * 1024
# Somebody with many servers and players; one of them is some 2 kB.
_RESOURCES_CAP: Final = 2 * 1024 * 1024
_REFUSED: Final = (401, 403)


class TokenRefused(Exception):
    """plex.tv does not honour this token (any more)."""


class PinGone(Exception):
    """plex.tv does not know this pin (any more): they last half an hour at most."""


class PlexTv:
    """Every call raises `UpstreamError`, `UpstreamTimeout` or `Unavailable` when plex.tv does not answer as it should."""

    def __init__(self, http: Http, url: str, product: str, client_identifier: str) -> None:
        self._http = http
        self._url = url
        self._product = product
        self._client_identifier = client_identifier

    async def create_pin(self) -> Pin:
        """A new pin with a long code, as Plex's sign-in page takes it. A second one that nobody uses does no harm."""
        answer = await self._http.request(
            "POST",
            f"{self._url}/api/v2/pins",
            service=SERVICE,
            headers=self._headers(),
            params={"strong": "true"},
            deadline=_DEADLINE,
            cap=_SMALL,
            retries=1,
            ok=(200, 201, *_REFUSED),
        )
        if answer.status in _REFUSED:
            raise UpstreamError(f"{SERVICE} refuses to begin a sign-in ({answer.status}).", service=SERVICE)
        return answer.parse(Pin)

    async def pin(self, pin_id: int) -> Pin | None:
        """How the pin stands; None when plex.tv is asked too often just now. Raises `PinGone`. Not repeated: a poll is."""
        answer = await self._get(
            f"/api/v2/pins/{pin_id}", deadline=_POLL_DEADLINE, retries=0, ok=(200, 404, 429, *_REFUSED)
        )
        if answer.status == 429:
            return None
        if answer.status == 404:
            answer.parse(PlexProblems)  # a 404 that is not Plex's own says nothing about the pin
            raise PinGone
        if answer.status in _REFUSED:
            raise UpstreamError(f"{SERVICE} refuses to say how the sign-in stands ({answer.status}).", service=SERVICE)
        return answer.parse(Pin)

    async def account(self, token: str) -> Account:
        """Whose token this is. Raises `TokenRefused`."""
        return (await self._get_as(token, "/api/v2/user")).parse(Account)

    async def devices(self, token: str) -> list[Device]:
        """The servers and players this account may use, its own and those shared with it. Raises `TokenRefused`."""
        answer = await self._get_as(token, "/api/v2/resources", params={"includeHttps": "1"}, cap=_RESOURCES_CAP)
        return answer.parse(Devices).root

    async def reachable(self) -> None:
        """Return if plex.tv itself answers: without a token it refuses."""
        await self._get("/api/v2/user", ok=(401,))

    def _headers(self, token: str | None = None) -> dict[str, str]:
        return plex_headers(self._product, self._client_identifier, token)

    async def _get_as(
        self, token: str, path: str, *, params: dict[str, str] | None = None, cap: int = _SMALL
    ) -> HttpResponse:
        answer = await self._get(path, token=token, params=params, cap=cap, ok=(200, 422, *_REFUSED))
        # 422 "Invalid token" is what plex.tv says of some tokens that no longer hold (plexapi's source).
        if answer.status in _REFUSED or (answer.status == 422 and b"Invalid token" in answer.body):
            raise TokenRefused
        if answer.status != 200:
            raise UpstreamError(f"{SERVICE} answered {answer.status}.", service=SERVICE)
        return answer

    async def _get(
        self,
        path: str,
        *,
        token: str | None = None,
        params: dict[str, str] | None = None,
        deadline: float | None = None,
        cap: int = _SMALL,
        retries: int = 2,
        ok: tuple[int, ...] = (200,),
    ) -> HttpResponse:
        return await self._http.request(
            "GET",
            f"{self._url}{path}",
            service=SERVICE,
            headers=self._headers(token),
            params=params,
            deadline=_DEADLINE if deadline is None else deadline,
            cap=cap,
            retries=retries,
            ok=ok,
        )
