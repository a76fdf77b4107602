"""The plugin's two clients and what it has learned, made once for each context; judges nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_plex.client import PlexServer, PlexTv
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.installation import client_identifier, known_machine_identifier, learn_machine_identifier
from medianest_plex.settings import PlexSettings

OWNER_SECONDS: Final = 3600.0
"""How long plex.tv's word on who owns the token in the settings is believed."""

_KEY: Final = "connection"


@dataclass(slots=True)
class Connection:
    """`client_identifier` is what Plex knows this hub by; `machine_identifier` which server is ours."""

    client_identifier: str
    machine_identifier: str
    plex_tv: PlexTv
    server: PlexServer
    _owner: tuple[float, int | None] | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def owner_id(self, ctx: Context[PlexSettings]) -> int | None:
        """The account behind the token in the settings, asked for once an hour; None without a token that is honoured.

        Raises what `PlexTv` raises.
        """
        if ctx.settings.token is None:
            return None
        async with self._asking:
            if self._owner is None or ctx.clock.monotonic() >= self._owner[0]:
                try:
                    owner = (await self.plex_tv.account(ctx.settings.token.get_secret_value())).id
                except TokenRefused:
                    ctx.log.warning("plex_owner_token_refused")
                    owner = None
                self._owner = (ctx.clock.monotonic() + OWNER_SECONDS, owner)
            return self._owner[1]


def clients(ctx: Context[PlexSettings], identifier: str) -> tuple[PlexTv, PlexServer]:
    """The two clients, under that client identifier."""
    settings = ctx.settings
    return (
        PlexTv(ctx.http, settings.plex_tv_url, settings.product, identifier),
        PlexServer(ctx.http, settings.url, settings.product, identifier, settings.tls),
    )


async def connection(ctx: Context[PlexSettings]) -> Connection:
    """The connection of this context. Raises what `PlexServer` raises while it is not known which server is ours."""
    kept = ctx.state.get(_KEY)
    if isinstance(kept, Connection):
        return kept
    identifier = await client_identifier(ctx)
    plex_tv, server = clients(ctx, identifier)
    machine = await known_machine_identifier(ctx)
    if machine is None:
        machine = await learn_machine_identifier(ctx, (await server.identity()).machine_identifier)
    made = Connection(identifier, machine, plex_tv, server)
    ctx.state[_KEY] = made
    return made


def forget(ctx: Context[PlexSettings]) -> None:
    """Let go of it; nothing is open between calls."""
    ctx.state.pop(_KEY, None)
