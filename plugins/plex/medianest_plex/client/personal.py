"""What one person's own token lets them see of the Plex server: libraries, what they have watched, what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from medianest_hub.plugin_api import Http, HttpResponse, TlsTrust
from medianest_hub.plugin_api.errors import AuthFailed, UpstreamError
from medianest_plex.client.library import TYPES
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.client.server import SERVICE
from medianest_plex.library_models import Big, Container, Listing, MaybeKey, PlexSection, Small
from medianest_plex.models import Answer

_DEADLINE: Final = 15.0
_CAP: Final = 16 * 1024 * 1024
_BARE: Final = "Role,Director,Writer,Producer,Country,Similar,Genre,Media,Collection,Label,Guid,Image,UltraBlurColors"
"""What is long and not needed. Servers that do not know how to leave it out send it."""


class PersonalItem(Answer):
    """An item as it is to one person. `offset` is how far they have come, in milliseconds."""

    rating_key: Annotated[MaybeKey, Field(alias="ratingKey")] = None
    views: Annotated[Small, Field(alias="viewCount")] = None
    offset: Annotated[Big, Field(alias="viewOffset")] = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A page of what a person has watched to the end: `keys` of it; `more` where there are further pages.

    `read`: how many items it had, whether watched or not.
    """

    keys: list[int]
    read: int
    more: bool


class PersonalPlex:
    """The server as the token's person sees it. `headers` hold that token.

    Every call raises `TokenRefused` when the server does not honour it, else `UpstreamError`, `UpstreamTimeout` or
    `Unavailable` when the server does not answer as it should.
    """

    def __init__(self, http: Http, url: str, headers: Mapping[str, str], tls: TlsTrust, service: str = SERVICE) -> None:
        self._http = http
        self._url = url
        self._headers = dict(headers)
        self._tls = tls
        self._service = service

    async def sections(self) -> list[int]:
        """The keys of the libraries they may see."""
        answer = await self._get("/library/sections", {})
        container = answer.parse(Listing[PlexSection]).container
        self._check(container)
        return [one.key for one in container.entries]

    async def watched(self, section: int, kind: str, start: int, size: int) -> Watched:
        """Movies or episodes of a library they have watched to the end, `size` of them from the `start`-th on."""
        asked: dict[str, str | int] = {"type": TYPES[kind], "viewCount>>": 0, "sort": "id", "excludeElements": _BARE}
        answer = await self._get(f"/library/sections/{section}/all", asked, start, size)
        container = answer.parse(Listing[PersonalItem]).container
        self._check(container, start)
        entries, total = container.entries, container.total
        # Without a total a full page may not be the last one. One that is fuller than was asked for is of a server that
        # sends everything at once.
        more = len(entries) == size if total is None else start + len(entries) < total
        # A server that does not know the filter sends everything.
        keys = [one.rating_key for one in entries if one.rating_key is not None and one.views]
        return Watched(keys, len(entries), more)

    async def on_deck(self, size: int) -> list[tuple[int, int]]:
        """What they could go on with: its key, and how far they have come in milliseconds."""
        answer = await self._get("/library/onDeck", {"excludeElements": _BARE}, 0, size)
        container = answer.parse(Listing[PersonalItem]).container
        self._check(container)
        entries = container.entries
        return [(one.rating_key, one.offset or 0) for one in entries if one.rating_key is not None]

    def _check(self, container: Container[Any], start: int = 0) -> None:
        """Raise `UpstreamError` for a part without anything in it, or that can be read, although there is more."""
        entries = container.entries
        told = container.size or (container.total is not None and container.total > start)
        is_odd = any(isinstance(one, PersonalItem) for one in entries) and all(
            one.rating_key is None for one in entries
        )
        if is_odd or (not entries and told):
            raise UpstreamError(f"{self._service} answered a list without what is in it.", service=self._service)

    async def _get(
        self, path: str, asked: Mapping[str, str | int], start: int | None = None, size: int = 0
    ) -> HttpResponse:
        paging = {} if start is None else {"X-Plex-Container-Start": start, "X-Plex-Container-Size": size}
        try:
            answer = await self._http.request(
                "GET",
                f"{self._url}{path}",
                service=self._service,
                headers=self._headers,
                params={**asked, **paging},
                deadline=_DEADLINE,
                cap=_CAP,
                retries=1,
                ok=(200,),
                tls=self._tls,
            )
        except AuthFailed:
            raise TokenRefused from None
        if answer.body.lstrip()[:5] == b"<?xml":
            raise UpstreamError(f"{self._service} answered XML where JSON was asked for.", service=self._service)
        return answer
