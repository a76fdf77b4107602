"""Has open pages, tiles and searches loaded anew when somebody is somebody else at Overseerr than before. Knows no requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context
from medianest_overseerr.settings import OverseerrSettings

Ctx = Context[OverseerrSettings]

TAG: Final = "requests"
"""What others keep of this plugin's answers is out of date when a request changed, or whose requests they are."""

OWN_TILES: Final = ("my_requests", "counts")
"""The tiles that show what is a person's own."""

ALL_TILES: Final = (*OWN_TILES, "waiting")


async def see_anew(ctx: Ctx, people: Iterable[UUID]) -> None:
    """What these people saw as their own may be another's, or what they did not see theirs."""
    concerned = set(people)
    if not concerned:
        return
    await ctx.cache.bump(TAG)
    for person in concerned:
        for tile in OWN_TILES:
            await ctx.realtime.widget_changed(tile, person=person)


async def everybody_sees_anew(ctx: Ctx) -> None:
    """The same for all, and for what those who manage requests see."""
    await ctx.cache.bump(TAG)
    for tile in ALL_TILES:
        await ctx.realtime.widget_changed(tile)
