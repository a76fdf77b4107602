"""The clients of one server and what has been learned of it, made once for each context and server; judges nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import ConfigInvalid, FieldProblem, HubError, UpstreamError
from medianest_plex.client import PlexServer, PlexTv
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.installation import (
    client_identifier,
    known_machine_identifier,
    learn_machine_identifier,
    unlearn_machine_identifier,
)
from medianest_plex.library.replacing import hide_replaced
from medianest_plex.models import ServerIdentity
from medianest_plex.servers import everywhere, here
from medianest_plex.settings import PlexSettings, ServerSettings

OWNER_SECONDS: Final = 3600.0
"""How long plex.tv's word on who owns the token in the settings is believed."""

PROVEN_SECONDS: Final = 60.0
"""How long it is believed that who answers at the address is still our server."""


@dataclass(slots=True)
class Connection:
    """`client_identifier` is what Plex knows this hub by; `machine_identifier` which server this one is."""

    client_identifier: str
    machine_identifier: str
    plex_tv: PlexTv
    server: PlexServer
    _owner: tuple[float, int | None] | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _proven_until: float = 0.0

    async def identify(self, ctx: Context[PlexSettings]) -> ServerIdentity:
        """Who answers at the address, if it is our server. Raises `UpstreamError` else, and what `PlexServer` raises."""
        found = await self.server.identity()
        if found.machine_identifier != self.machine_identifier:
            self._proven_until = 0.0
            service = here(ctx).service
            raise UpstreamError(
                f"Another {service} answers at its address, {found.machine_identifier}: if that is as it should be, enter "
                "this as machine identifier in the settings.",
                service=service,
                field="machineIdentifier",
            )
        self._proven_until = ctx.clock.monotonic() + PROVEN_SECONDS
        return found

    async def prove(self, ctx: Context[PlexSettings]) -> None:
        """Before a token is shown to it: that it is our server, asked once a minute. Raises what `identify` raises."""
        if ctx.clock.monotonic() >= self._proven_until:
            await self.identify(ctx)

    async def owner_id(self, ctx: Context[PlexSettings]) -> int | None:
        """The account behind the server's token, asked for once an hour; None without a token that is honoured.

        Raises what `PlexTv` raises.
        """
        token = here(ctx).token
        if token is None:
            return None
        async with self._asking:
            if self._owner is None or ctx.clock.monotonic() >= self._owner[0]:
                try:
                    owner = (await self.plex_tv.account(token.get_secret_value())).id
                except TokenRefused:
                    ctx.log.warning("plex_owner_token_refused", server=ctx.instance)
                    owner = None
                self._owner = (ctx.clock.monotonic() + OWNER_SECONDS, owner)
            return self._owner[1]


def clients(ctx: Context[PlexSettings], identifier: str) -> tuple[PlexTv, PlexServer]:
    """The two clients of the context's server, under that client identifier."""
    settings, server = ctx.settings, here(ctx)
    return (
        PlexTv(ctx.http, settings.plex_tv_url, settings.product, identifier),
        PlexServer(ctx.http, server.url, settings.product, identifier, server.tls, server.service),
    )


async def connection(ctx: Context[PlexSettings]) -> Connection:
    """The connection to the context's server.

    Raises what `PlexServer` raises while it is not known which server that is, and `ConfigInvalid` when it turns out to be
    another of ours. Nothing is shown any more, from then on, of what is kept of another server under this instance.
    """
    kept = _kept(ctx)
    if kept is not None:
        return kept
    identifier = await client_identifier(ctx)
    plex_tv, server = clients(ctx, identifier)
    machine = await known_machine_identifier(ctx)
    if machine is None:
        machine = await _learn(ctx, (await server.identity()).machine_identifier)
    else:
        await _apart(ctx, machine, _around(ctx)[0])  # of two that are known to be one, the first stays
    await hide_replaced(ctx, machine)
    made = Connection(identifier, machine, plex_tv, server)
    ctx.state[_key(ctx)] = made
    return made


async def _learn(ctx: Context[PlexSettings], machine: str) -> str:
    """Keep the server that has just answered as this one; which one it is from now on."""
    before, after = _around(ctx)
    await _apart(ctx, machine, before + after)
    machine = await learn_machine_identifier(ctx, machine)
    # Another entry may have been learned to be the same one meanwhile: of the two, the first stays.
    try:
        await _apart(ctx, machine, before)
    except ConfigInvalid:
        await unlearn_machine_identifier(ctx)
        raise
    for other in after:
        if await known_machine_identifier(other) == machine:
            ctx.state.pop(_key(other), None)
    return machine


def _around(ctx: Context[PlexSettings]) -> tuple[list[Context[PlexSettings]], list[Context[PlexSettings]]]:
    """The servers before this one in the settings, and those after it."""
    every = everywhere(ctx)
    place = [one.instance for one in every].index(ctx.instance)
    return every[:place], every[place + 1 :]


async def _apart(ctx: Context[PlexSettings], machine: str, others: Sequence[Context[PlexSettings]]) -> None:
    """Raise `ConfigInvalid` where one of the others is known to be that server."""
    for other in others:
        if await known_machine_identifier(other) == machine:
            raise same_server(here(ctx), here(other))


async def some_connection(ctx: Context[PlexSettings]) -> Connection:
    """The connection to any server of which it is known which it is, for what plex.tv alone is asked.

    Raises what `connection` raises for the first server when there is none.
    """
    servers = everywhere(ctx)
    for one in servers:
        if (kept := _kept(one)) is not None:
            return kept
    failures: list[HubError] = []
    known = [await known_machine_identifier(one) is not None for one in servers]
    for place in sorted(range(len(servers)), key=lambda place: not known[place]):  # the known ones are not asked
        try:
            return await connection(servers[place])
        except HubError as error:
            failures.append(error)
    raise failures[0]


def same_server(one: ServerSettings, other: ServerSettings) -> ConfigInvalid:
    """What to say of two entries that lead to one server."""
    wrong = one if one.prefix else other
    words = (
        f"The {one.service} and the {other.service} are one and the same server. Enter the address of another one, or leave "
        "the second server's address empty."
    )
    return ConfigInvalid(words, fields=[FieldProblem(field=wrong.field("url"), code="same_server", message=words)])


def forget(ctx: Context[PlexSettings]) -> None:
    """Let go of all of them; nothing is open between calls."""
    for one in everywhere(ctx):
        ctx.state.pop(_key(one), None)


def _key(ctx: Context[PlexSettings]) -> str:
    return f"connection:{ctx.instance}"


def _kept(ctx: Context[PlexSettings]) -> Connection | None:
    kept = ctx.state.get(_key(ctx))
    return kept if isinstance(kept, Connection) else None
