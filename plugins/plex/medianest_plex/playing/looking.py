"""One look at `/status/sessions`, and what follows from it; decides nothing about when."""

from __future__ import annotations

from medianest_hub.plugin_api import Context
from medianest_plex.client.sessions import PlexSessions
from medianest_plex.connection import Connection, connection
from medianest_plex.models import ServerIdentity
from medianest_plex.playing.board import Board
from medianest_plex.playing.telling import tell
from medianest_plex.playing.writing import Change
from medianest_plex.servers import here
from medianest_plex.settings import PlexSettings


def sessions_client(ctx: Context[PlexSettings], link: Connection) -> PlexSessions:
    """The client that asks as the server's owner. `ValueError` without a token in the settings."""
    server = here(ctx)
    if server.token is None:
        raise ValueError("sessions are told to the owner alone, and there is no token of theirs")
    return PlexSessions(
        *(ctx.http, server.url, ctx.settings.product, link.client_identifier, server.tls),
        *(server.token.get_secret_value(), server.service, server.field("token")),
    )


async def same_server(ctx: Context[PlexSettings], link: Connection) -> ServerIdentity:
    """Who answers at the address, if it is our server: the owner's token is shown to no other. Raises `UpstreamError` else."""
    return await link.identify(ctx)


async def look(ctx: Context[PlexSettings], board: Board, client: PlexSessions) -> Change:
    """Read the sessions, bring what is kept to them, and tell. Raises what `PlexSessions` and `Board` raise."""
    began = await board.begin_look()
    change = await board.looked(await client.playing(), began)
    await tell(ctx, change)
    return change


async def look_once(ctx: Context[PlexSettings]) -> Change:
    """The same for who has no connection open, and holds no stream. Raises also while it is not known which server is ours."""
    link = await connection(ctx)
    await same_server(ctx, link)
    return await look(ctx, Board(ctx), sessions_client(ctx, link))
