"""One Plex server of the household: who it is, and whether it honours a token. Only ever sent tokens made for this server."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Http, TlsTrust
from medianest_plex.client.headers import plex_headers
from medianest_plex.models import IdentityAnswer, ServerIdentity

SERVICE: Final = "Plex server"
"""What it is called where nobody says otherwise."""

_DEADLINE: Final = 5.0
_CAP: Final = 256 * 1024


class PlexServer:
    """Every call raises `UpstreamError`, `UpstreamTimeout` or `Unavailable` when the server does not answer as it should."""

    def __init__(
        self, http: Http, url: str, product: str, client_identifier: str, tls: TlsTrust, service: str = SERVICE
    ) -> None:
        self._http = http
        self._url = url
        self._product = product
        self._client_identifier = client_identifier
        self._tls = tls
        self._service = service

    async def identity(self) -> ServerIdentity:
        """Who answers at the address. Everybody may ask."""
        answer = await self._http.request(
            "GET",
            f"{self._url}/identity",
            service=self._service,
            headers=plex_headers(self._product, self._client_identifier),
            deadline=_DEADLINE,
            cap=_CAP,
            tls=self._tls,
        )
        return answer.parse(IdentityAnswer).container

    async def admits(self, token: str | None) -> ServerIdentity | None:
        """Who the server is, if it lets in who brings this token (None: anybody who comes from here); else None."""
        answer = await self._http.request(
            "GET",
            f"{self._url}/",
            service=self._service,
            headers=plex_headers(self._product, self._client_identifier, token),
            deadline=_DEADLINE,
            cap=_CAP,
            tls=self._tls,
            ok=(200, 401, 403),
        )
        return answer.parse(IdentityAnswer).container if answer.status == 200 else None
