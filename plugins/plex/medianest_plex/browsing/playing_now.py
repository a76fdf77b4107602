"""What is being played, with pictures; who sees what of it is decided in `playing.reading`."""

from __future__ import annotations

from medianest_hub.plugin_api import Context, Page, Person
from medianest_plex.browsing.models import Freshness
from medianest_plex.browsing.rows import POSTER_WIDTH, picture
from medianest_plex.browsing.sight import Sight
from medianest_plex.playing.models import NowPlaying
from medianest_plex.playing.reading import now_playing
from medianest_plex.settings import PlexSettings


class Playing(NowPlaying):
    """Something that is being played. `image` is a path on this hub."""

    image: str | None = None


class PlayingNow(Page[Playing]):
    """All that is being played, the longest first."""

    freshness: Freshness


async def playing_now(ctx: Context[PlexSettings], seen: Sight, person: Person) -> PlayingNow:
    """As that person may see it."""
    found = await now_playing(ctx, person)
    return PlayingNow(items=[_pictured(ctx, one) for one in found], freshness=seen.freshness)


def _pictured(ctx: Context[PlexSettings], one: NowPlaying) -> Playing:
    known = {name: getattr(one, name) for name in NowPlaying.model_fields}
    return Playing(**known, image=picture(ctx, one.instance, one.thumb, POSTER_WIDTH))
