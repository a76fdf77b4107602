"""A Plex server as one person sees it, by the token they signed in with. Keeps no token anywhere."""

from __future__ import annotations

from uuid import UUID

from medianest_hub.plugin_api import SIGN_IN_SECRET, Context, LinkedIdentity
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_plex.client.headers import plex_headers
from medianest_plex.client.personal import PersonalPlex
from medianest_plex.client.plex_tv import SERVICE as PLEX_TV
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.connection import connection
from medianest_plex.membership import our_server
from medianest_plex.servers import here
from medianest_plex.settings import PlexSettings


class NotLinked(Exception):
    """The person has no Plex account linked (any more)."""


class NotShared(Exception):
    """The server is not shared with the person's Plex account (any more)."""


async def plex_of(ctx: Context[PlexSettings], person_id: UUID, account: LinkedIdentity | None) -> PersonalPlex:
    """The context's server for that person, who has that account linked.

    plex.tv gives the account a token for that server alone, and only that goes there. Raises `NotLinked`, `NotShared`,
    `TokenRefused`, and `UpstreamError`, `UpstreamTimeout` or `Unavailable` while it cannot be said.
    """
    if account is None or not account.subject.isdigit():
        raise NotLinked
    token = await ctx.people.secret(person_id, SIGN_IN_SECRET)
    if token is None:
        raise TokenRefused
    server = await our_server(ctx, int(account.subject), token)
    if server is None:
        raise NotShared
    if server.access_token is None:
        raise UpstreamError(f"{PLEX_TV} names our server without a token for it.", service=PLEX_TV, field="accessToken")
    link = await connection(ctx)
    await link.prove(ctx)
    headers = plex_headers(ctx.settings.product, link.client_identifier, server.access_token)
    place = here(ctx)
    return PersonalPlex(ctx.http, place.url, headers, place.tls, place.service)
