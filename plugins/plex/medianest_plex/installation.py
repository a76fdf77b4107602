"""What all replicas must agree on: what Plex knows this hub by, and which servers are ours. In Postgres; speaks to nobody."""

from __future__ import annotations

from uuid import uuid4

from medianest_hub.plugin_api import Context
from medianest_plex.servers import here
from medianest_plex.settings import FIRST, PlexSettings


async def client_identifier(ctx: Context[PlexSettings]) -> str:
    """What Plex knows this hub by, made the first time. One for all replicas and servers."""
    found = await kept_client_identifier(ctx)
    if found is None:
        await ctx.db.execute(
            "INSERT INTO plugin_plex.installation (instance, client_identifier) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            FIRST,
            uuid4(),
        )
        found = await kept_client_identifier(ctx)
    if found is None:
        raise RuntimeError("the installation was just written, and is not there")
    return found


async def kept_client_identifier(ctx: Context[PlexSettings]) -> str | None:
    """The same, or None where none has been made; makes none."""
    kept = await ctx.db.fetchval("SELECT client_identifier FROM plugin_plex.installation WHERE instance = $1", FIRST)
    return str(kept) if kept is not None else None


async def known_machine_identifier(ctx: Context[PlexSettings]) -> str | None:
    """Which server this one is: as the settings say, else the one that first answered at its address; None: not known yet."""
    server = here(ctx)
    if server.machine_identifier:
        return server.machine_identifier
    known: str | None = await ctx.db.fetchval(
        "SELECT machine_identifier FROM plugin_plex.known_server WHERE instance = $1 AND url = $2",
        ctx.instance,
        server.url,
    )
    return known


async def learn_machine_identifier(ctx: Context[PlexSettings], identifier: str) -> str:
    """Keep the server that answers at this address as this one, unless one is known; the one that is known from now on."""
    await ctx.db.execute(
        "INSERT INTO plugin_plex.known_server (instance, url, machine_identifier) VALUES ($1, $2, $3) "
        "ON CONFLICT DO NOTHING",
        ctx.instance,
        here(ctx).url,
        identifier,
    )
    return await known_machine_identifier(ctx) or identifier


async def unlearn_machine_identifier(ctx: Context[PlexSettings]) -> None:
    """Which server answers at this address is not known any more; the next that answers is taken for this one."""
    await ctx.db.execute(
        "DELETE FROM plugin_plex.known_server WHERE instance = $1 AND url = $2", ctx.instance, here(ctx).url
    )
