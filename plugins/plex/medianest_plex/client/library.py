"""What the hub asks the Plex server about its library, as the server's owner. Keeps nothing and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from medianest_hub.plugin_api import Http, HttpResponse, TlsTrust
from medianest_hub.plugin_api.errors import AuthFailed, FieldProblem, UpstreamError
from medianest_plex.client.headers import plex_headers
from medianest_plex.client.server import SERVICE
from medianest_plex.library_models import (
    AboutAnswer,
    Fitting,
    FittingListing,
    Listing,
    PlexItem,
    PlexMember,
    PlexSection,
    ServerAbout,
)

TYPES: Final = {"movie": 1, "show": 2, "season": 3, "episode": 4, "artist": 8, "album": 9}
"""Plex's numbers of the kinds that are kept."""

KEYS_AT_ONCE: Final = 50
"""How many items `items` may ask for: their keys stand in the address."""

_DEADLINE: Final = 25.0
_QUICK: Final = 10.0
_CAP: Final = 256 * 1024
_PAGE_CAP: Final = 32 * 1024 * 1024
_LEAVE_OUT: Final = "Role,Director,Writer,Producer,Country,Similar,Chapter,Marker,Image,UltraBlurColors"
"""What is long and not kept. Servers that do not know how to leave it out send it, and it is not read."""

EntryT = TypeVar("EntryT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Part(Generic[EntryT]):
    """Part of a list, and how many there are in all (as far as the server says it).

    `sent` is how many came: `left_out` of them were of no use, as they did not fit.
    """

    entries: list[EntryT]
    total: int
    sent: int

    @property
    def left_out(self) -> int:
        """How many are not among the entries."""
        return self.sent - len(self.entries)


class PlexLibrary:
    """Every call raises `AuthFailed` (its field: `token_field`) when the token is refused, else `UpstreamError`,
    `UpstreamTimeout` or `Unavailable` when the server does not answer as it should."""

    def __init__(
        self,
        http: Http,
        url: str,
        headers: Mapping[str, str],
        tls: TlsTrust,
        service: str = SERVICE,
        token_field: str = "token",  # nosec B107 # noqa: S107 - a field's name
    ) -> None:
        self._http = http
        self._url = url
        self._headers = dict(headers)
        self._tls = tls
        self._service = service
        self._token_field = token_field

    @classmethod
    def of_owner(
        cls,
        http: Http,
        url: str,
        product: str,
        client_identifier: str,
        tls: TlsTrust,
        token: str,
        service: str = SERVICE,
        token_field: str = "token",  # nosec B107 # noqa: S107 - a field's name
    ) -> PlexLibrary:
        """The client that speaks with this token, which goes into a header alone."""
        return cls(http, url, plex_headers(product, client_identifier, token), tls, service, token_field)

    async def about(self) -> ServerAbout:
        """Its name, version and machine identifier."""
        return (await self._get("/", deadline=_QUICK)).parse(AboutAnswer).container

    async def sections(self) -> list[PlexSection]:
        """All libraries, of kinds that are not kept as well."""
        return (await self._get("/library/sections", deadline=_QUICK)).parse(Listing[PlexSection]).container.entries

    async def page(
        self,
        section: int,
        kind: str,
        start: int,
        size: int,
        *,
        sort: str,
        filters: Mapping[str, str | int] | None = None,
    ) -> Part[PlexItem]:
        """Items of a section of one of `TYPES`, from the `start`-th on. `filters` as Plex's media queries have them."""
        asked = {"type": TYPES[kind], "sort": sort, "includeGuids": 1, "excludeElements": _LEAVE_OUT, **(filters or {})}
        return await self._part(f"/library/sections/{section}/all", PlexItem, start, size, asked)

    async def count(self, section: int, kind: str, *, sort: str, filters: Mapping[str, str | int] | None = None) -> int:
        """How many items of a section there are. `sort`: an order that costs little, as servers put even nothing in order."""
        asked = {"type": TYPES[kind], "sort": sort, **(filters or {})}
        return (await self._part(f"/library/sections/{section}/all", PlexItem, 0, 0, asked)).total

    async def items(self, keys: Sequence[int]) -> list[PlexItem]:
        """Those of these items, `KEYS_AT_ONCE` at most, that there are."""
        path = f"/library/metadata/{','.join(str(key) for key in keys)}"
        answer = await self._get(path, {"includeGuids": 1, "excludeElements": _LEAVE_OUT}, cap=_PAGE_CAP, ok=(200, 404))
        if answer.status == 404:
            return []
        container = answer.parse(FittingListing[PlexItem]).container
        return [
            one if one.section_key is not None else one.model_copy(update={"section_key": container.section_key})
            for one in container.entries
        ]

    async def collections(self, section: int, start: int, size: int) -> Part[PlexItem]:
        """The collections of a section."""
        return await self._part(f"/library/sections/{section}/collections", PlexItem, start, size)

    async def playlists(self, start: int, size: int) -> Part[PlexItem]:
        """The owner's playlists."""
        return await self._part("/playlists", PlexItem, start, size)

    async def collection_members(self, key: int, start: int, size: int) -> Part[PlexMember] | None:
        """What is in a collection, in its order; None where there is no such collection."""
        return await self._part_of(f"/library/collections/{key}/children", PlexMember, start, size, _BARE)

    async def playlist_members(self, key: int, start: int, size: int) -> Part[PlexMember] | None:
        """What is in a playlist, in its order; None where there is no such playlist."""
        return await self._part_of(f"/playlists/{key}/items", PlexMember, start, size, _BARE)

    async def refresh(self, section: int, folder: str) -> None:
        """Have the server look at one folder of a section. It answers at once and looks afterwards."""
        await self._get(f"/library/sections/{section}/refresh", {"path": folder}, deadline=_QUICK)

    async def _part(
        self, path: str, model: type[EntryT], start: int, size: int, asked: Mapping[str, str | int] | None = None
    ) -> Part[EntryT]:
        part = await self._part_of(path, model, start, size, asked)
        if part is None:
            raise UpstreamError(f"{self._service} answered 404 (Not Found).", service=self._service)
        return part

    async def _part_of(
        self, path: str, model: type[EntryT], start: int, size: int, asked: Mapping[str, str | int] | None = None
    ) -> Part[EntryT] | None:
        """A part of the list, or None where there is no such list."""
        paging = {"X-Plex-Container-Start": start, "X-Plex-Container-Size": size}
        answer = await self._get(path, {**(asked or {}), **paging}, cap=_PAGE_CAP, ok=(200, 404))
        if answer.status == 404:
            return None
        found: Fitting[EntryT] = answer.parse(FittingListing[model]).container  # type: ignore[valid-type]  # a model made at run time
        if found.total is not None:
            total = found.total
        else:
            # Not every list says how many there are: a full page means that there may be more.
            reached = start + found.sent
            total = reached + int(found.sent >= size) if found.sent else found.size or 0
        return Part(found.entries, total, found.sent)

    async def _get(
        self,
        path: str,
        asked: Mapping[str, str | int] | None = None,
        *,
        deadline: float | None = None,
        cap: int | None = None,
        ok: tuple[int, ...] = (200,),
    ) -> HttpResponse:
        try:
            answer = await self._http.request(
                "GET",
                f"{self._url}{path}",
                service=self._service,
                headers=self._headers,
                params=asked,
                deadline=_DEADLINE if deadline is None else deadline,
                cap=_CAP if cap is None else cap,
                retries=1,
                ok=ok,
                tls=self._tls,
            )
        except AuthFailed as error:
            words = (
                f"The {self._service} refuses the token of its owner. Enter a new one in the settings: Plex takes tokens back "
                "when a password is changed or devices are signed out."
            )
            field = FieldProblem(field=self._token_field, code="refused", message=words)
            raise AuthFailed(words, params=error.params, fields=[field]) from None
        if answer.status == 200 and answer.body.lstrip()[:5] == b"<?xml":
            raise UpstreamError(f"{self._service} answered XML where JSON was asked for.", service=self._service)
        return answer


_BARE: Final = {"excludeElements": f"{_LEAVE_OUT},Genre,Media,Collection,Label,Guid"}
