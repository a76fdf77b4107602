"""Whether a Plex account is one of the household: one of our servers is shared with it, or it owns one. Keeps nothing.

plex.tv lists for an account every server *somebody* registered under a name, and a server's machine identifier is no
secret: anybody could register one of that name, for themselves or to share with a second account. So plex.tv's list alone
does not prove anything. The proof is that the owner named there is ours, or that our own server honours the token plex.tv
gives that account for it.
"""

from __future__ import annotations

import asyncio

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import HubError, Unavailable, UpstreamError
from medianest_plex.client.plex_tv import SERVICE as PLEX_TV
from medianest_plex.connection import Connection, connection, some_connection
from medianest_plex.models import Account, Device
from medianest_plex.servers import everywhere, here
from medianest_plex.settings import PlexSettings


async def is_member(ctx: Context[PlexSettings], account: Account, token: str) -> bool:
    """Whether the account behind `token` may use any of our servers.

    Raises `TokenRefused`, `UpstreamError`, and `Unavailable` (`plex_cannot_tell`) when nobody can say for sure. What one
    server cannot say makes no difference once another one says yes.
    """
    devices = await (await some_connection(ctx)).plex_tv.devices(token)
    asked = [asyncio.create_task(_among(server, account.id, devices)) for server in everywhere(ctx)]
    failures: list[HubError] = []
    try:
        for answer in asyncio.as_completed(asked):
            try:
                if await answer is not None:
                    return True
            except HubError as error:
                failures.append(error)
    finally:
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    if failures:
        raise failures[0]
    return False


async def our_server(ctx: Context[PlexSettings], account_id: int, token: str) -> Device | None:
    """The context's server as plex.tv names it to that account, with the account's token for it; None: it may not use it.

    Raises as `is_member` does.
    """
    link = await connection(ctx)
    return await _among(ctx, account_id, await link.plex_tv.devices(token))


async def _among(ctx: Context[PlexSettings], account_id: int, devices: list[Device]) -> Device | None:
    link = await connection(ctx)
    ours = [one for one in devices if one.is_server and one.client_identifier == link.machine_identifier]
    if not ours:
        return None
    owner = await link.owner_id(ctx)
    proven = [device for device in ours if await _is_proven(ctx, link, device, account_id, owner)]
    return proven[0] if proven else None


async def _is_proven(
    ctx: Context[PlexSettings], link: Connection, device: Device, account_id: int, owner: int | None
) -> bool:
    if owner is not None and device.owned:
        return account_id == owner
    if owner is not None and device.owner_id is not None:
        return device.owner_id == owner
    return await _admitted(ctx, link, device)


async def _admitted(ctx: Context[PlexSettings], link: Connection, device: Device) -> bool:
    service = here(ctx).service
    if device.access_token is None:
        raise UpstreamError(f"{PLEX_TV} names our server without a token for it.", service=PLEX_TV, field="accessToken")
    await link.prove(ctx)
    found = await link.server.admits(device.access_token)
    if found is None:
        return False
    if found.machine_identifier != link.machine_identifier:
        raise UpstreamError(
            f"Another {service} than before answers at its address. The hub's administrator must look into it.",
            service=service,
            field="machineIdentifier",
        )
    if await link.server.admits(None) is not None:
        # "Allowed without auth": it would have let a stranger in, too.
        raise Unavailable(
            f"The {service} lets in everybody who comes from the hub, so it cannot say who belongs to it. "
            "The hub's administrator must enter the token of its owner in the settings for Plex.",
            code="plex_cannot_tell",
        )
    return True
