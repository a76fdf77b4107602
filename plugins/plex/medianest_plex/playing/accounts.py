"""Who plays: plex.tv's number for what the server calls an account, and the person of this hub behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import HubError
from medianest_plex.client.sessions import LOCAL_OWNER
from medianest_plex.connection import connection
from medianest_plex.settings import PlexSettings

_KEPT_SECONDS: Final = 60.0
_ASK_SECONDS: Final = 2.0
"""What is played is to be told at once: whose it is may come later."""


class Accounts:
    """For one context. Who nobody knows is asked for again after a minute."""

    def __init__(self, ctx: Context[PlexSettings]) -> None:
        self._ctx = ctx
        self._owner: int | None = None
        self._asked: float | None = None
        self._people: dict[int, tuple[float, UUID | None]] = {}

    async def number(self, local: int | None) -> int | None:
        """plex.tv's number of the account the server calls so; None while nobody says who the owner is."""
        if local != LOCAL_OWNER:
            return local
        now = self._ctx.clock.monotonic()
        if self._owner is None and (self._asked is None or now - self._asked >= _KEPT_SECONDS):
            self._asked = now
            try:
                async with asyncio.timeout(_ASK_SECONDS):
                    self._owner = await (await connection(self._ctx)).owner_id(self._ctx)
            except (HubError, TimeoutError) as error:
                self._ctx.log.info("plex_owner_unknown", error=str(error) or "plex.tv takes long")
        return self._owner

    async def people(self, numbers: Iterable[int | None]) -> dict[int, UUID]:
        """Who of this hub has which of these accounts."""
        now, found = self._ctx.clock.monotonic(), {}
        for number in {one for one in numbers if one is not None}:
            until, person = self._people.get(number, (now, None))
            if now >= until:
                known = await self._ctx.people.by_identity(str(number))
                person = known.id if known is not None else None
                self._people[number] = (now + _KEPT_SECONDS, person)
            if person is not None:
                found[number] = person
        return found
