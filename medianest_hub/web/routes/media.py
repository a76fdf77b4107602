"""The one search and one thing's page over HTTP; asks no source itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.media import MediaFound, MediaPage
from medianest_hub.plugin_api.media import MediaKind
from medianest_hub.plugin_api.people import SIGNED_IN
from medianest_hub.plugin_api.routes import Call, Empty, Router

router = Router()


def _something(text: str) -> str:
    if not text.strip():
        raise ValueError("type at least one letter")
    return text


class SearchQuery(BaseModel):
    """What to look for."""

    q: Annotated[str, AfterValidator(_something)] = Field(
        min_length=1, max_length=200, description="words of the title, or how they begin", examples=["matrix"]
    )
    kind: MediaKind | None = Field(default=None, description="only movies, shows and so on")
    limit: int = Field(default=20, ge=1, le=100)


class OneThing(BaseModel):
    """Which thing: its kind and an item's `id`."""

    kind: MediaKind
    id: str = Field(min_length=3, max_length=400, examples=["tmdb:603"])


@router.get("/api/v1/media/search", permission=SIGNED_IN)
async def search_media(parts: HubParts, call: Call[Empty, SearchQuery]) -> MediaFound:
    """Search everything there is: the library, and what can be asked for.

    All sources are asked side by side. One that is slow or fails is named in `sources`, and not waited for; what several
    know is one item.
    """
    query = call.query
    return await parts.media.search(call.caller, query.q, query.kind, query.limit)


@router.get("/api/v1/media/{kind}/{id}", permission=SIGNED_IN)
async def media_page(parts: HubParts, call: Call[OneThing]) -> MediaPage:
    """Show one thing, as all sources together know it.

    `id` is an item's: an external one (`tmdb:603`, `tvdb:…`, `imdb:tt…`, `musicbrainz:…`), or a source's own. 404 when none
    of the sources knows it, 503 when none does and one cannot be asked.
    """
    return await parts.media.page(call.caller, call.path.kind, call.path.id)
