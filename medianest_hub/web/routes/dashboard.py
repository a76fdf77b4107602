"""The dashboard over HTTP: all tiles of the caller, or one; loads nothing itself."""

from __future__ import annotations

from pydantic import BaseModel, Field

from medianest_hub.dashboard import Board, DashboardPage, Tile
from medianest_hub.dashboard.board import CACHE_TAG
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.people import SIGNED_IN
from medianest_hub.plugin_api.routes import AnswerCache, Call, Router
from medianest_hub.web.answer_cache import cache_for_at_most

router = Router()

# What changes by itself is bounded by each board's own `fresh_for`, what is changed by the tag.
_CACHE = AnswerCache(ttl=60.0, tags=(CACHE_TAG,))


class OneWidget(BaseModel):
    """Which widget: a tile's `id`."""

    widget: str = Field(max_length=200, examples=["youtube.main.downloads"])


@router.get("/api/v1/dashboard", permission=SIGNED_IN, cache=_CACHE)
async def dashboard(parts: HubParts, call: Call) -> DashboardPage:
    """All widgets the caller may see.

    Loaded side by side. One not there within the page's budget is `loading` and is followed by the event
    `widget:changed`; one that fails is one tile with its reason.
    """
    board = await parts.dashboard.page(call.caller)
    cache_for_at_most(board.fresh_for)
    return DashboardPage(items=board.items)


@router.get("/api/v1/dashboard/{widget}", permission=SIGNED_IN, cache=_CACHE)
async def dashboard_widget(parts: HubParts, call: Call[OneWidget]) -> Tile:
    """One widget, by its `id`; 404 when there is none of that id for the caller."""
    board: Board = await parts.dashboard.tile(call.caller, call.path.widget)
    cache_for_at_most(board.fresh_for)
    return board.items[0]
