"""Fetches people's pictures from where their sign-in providers have them: public https addresses only."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from medianest_hub.accounts.avatars import Avatars
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.http_client.public import PublicFetcher
from medianest_hub.plugin_api.errors import NotFound
from medianest_hub.plugin_host.services.images import fingerprint

MOST_BYTES: Final = 4 * 1024 * 1024


class AvatarSource:
    """The core's own source of pictures. `ref` is the person's id, a dot, and the fingerprint of the address."""

    def __init__(self, db: Database, fetcher: PublicFetcher) -> None:
        self._avatars = Avatars(db)
        self._fetcher = fetcher

    async def fetch(self, ref: str) -> bytes:
        """The picture's file. `NotFound` once the person has another one, or is gone."""
        person, _, print_ = ref.partition(".")
        address = await self._avatars.address(UUID(person))
        if address is None or fingerprint(address) != print_:
            raise NotFound("There is no such picture any more.", code="no_such_picture")
        return await self._fetcher.get(address, service="The picture's host", cap=MOST_BYTES)
