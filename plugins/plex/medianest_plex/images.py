"""Pictures of the libraries, by the paths the servers themselves gave for them; asks for nothing that is not a picture's path."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, ImageSource
from medianest_hub.plugin_api.errors import NotFound
from medianest_plex.browsing.rows import ART, PICTURE
from medianest_plex.client.headers import plex_headers
from medianest_plex.client.pictures import picture
from medianest_plex.connection import connection
from medianest_plex.servers import here, of_instance
from medianest_plex.settings import FIRST, PlexSettings

_LARGEST: Final = 2048


async def art(ctx: Context[PlexSettings], ref: str, width: int, height: int) -> bytes:
    """The picture of that server at that path (`second:/library/…`; without a name it is the first server's).

    Raises `NotFound`, and what `connection`, `Connection.prove` and `client.pictures` raise.
    """
    instance, _, path = ref.rpartition(":")
    place = of_instance(ctx, instance or FIRST)
    server = here(place) if place is not None else None
    if place is None or server is None or server.token is None or PICTURE.fullmatch(path) is None:
        raise NotFound("There is no such picture.", code="no_such_picture")
    link = await connection(place)
    await link.prove(place)
    headers = plex_headers(ctx.settings.product, link.client_identifier, server.token.get_secret_value())
    # Posters are half as high again as they are wide, backgrounds are wide: into twice the width both fit.
    wide = min(width or height or _LARGEST, _LARGEST)
    high = min(height or 2 * wide, _LARGEST)
    return await picture(ctx.http, server.url, headers, server.tls, path, wide, high, server.service)


ART_SOURCE: Final = ImageSource(ART, art)
