"""Posters and backgrounds, by the paths Overseerr gave for them; asks for nothing that is not a picture's path."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, ImageSource
from medianest_hub.plugin_api.errors import NotFound
from medianest_overseerr.client.pictures import PATH, picture
from medianest_overseerr.connection import Ctx
from medianest_overseerr.settings import OverseerrSettings

NAME: Final = "poster"
_POSTER_WIDTH: Final = 342
_BACKDROP_WIDTH: Final = 780


async def poster(ctx: Context[OverseerrSettings], ref: str, width: int, height: int) -> bytes:
    """The picture at that path. Raises `NotFound`, and what `client.pictures` raises."""
    if PATH.fullmatch(ref) is None:
        raise NotFound("There is no such poster.", code="no_such_picture")
    return await picture(ctx.http, ctx.settings.posters_url, ref, width or height)


def poster_link(ctx: Ctx, path: str) -> str | None:
    """Where a page finds that poster; None for none."""
    return ctx.images.link(NAME, path, width=_POSTER_WIDTH) if path else None


def backdrop_link(ctx: Ctx, path: str) -> str | None:
    """Where a page finds that background; None for none."""
    return ctx.images.link(NAME, path, width=_BACKDROP_WIDTH) if path else None


POSTERS: Final = ImageSource(NAME, poster)
