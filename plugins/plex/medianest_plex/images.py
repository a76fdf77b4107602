"""Pictures of the library, by the paths the server itself gave for them; asks for nothing that is not a picture's path."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, ImageSource
from medianest_hub.plugin_api.errors import NotFound
from medianest_plex.browsing.rows import ART, PICTURE
from medianest_plex.client.headers import plex_headers
from medianest_plex.client.pictures import picture
from medianest_plex.installation import client_identifier
from medianest_plex.settings import PlexSettings

_LARGEST: Final = 2048


async def art(ctx: Context[PlexSettings], ref: str, width: int, height: int) -> bytes:
    """The picture at that path of the server. Raises `NotFound`, and what `client.pictures` raises."""
    settings = ctx.settings
    if PICTURE.fullmatch(ref) is None or settings.token is None:
        raise NotFound("There is no such picture.", code="no_such_picture")
    headers = plex_headers(settings.product, await client_identifier(ctx), settings.token.get_secret_value())
    # Posters are half as high again as they are wide, backgrounds are wide: into twice the width both fit.
    wide = min(width or height or _LARGEST, _LARGEST)
    high = min(height or 2 * wide, _LARGEST)
    return await picture(ctx.http, settings.url, headers, settings.tls, ref, wide, high)


ART_SOURCE: Final = ImageSource(ART, art)
