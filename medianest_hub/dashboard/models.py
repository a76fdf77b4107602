"""What a front end gets of the dashboard, as typed models; no behaviour."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from medianest_hub.plugin_api.kinds import WidgetData
from medianest_hub.plugin_host.loads.kept import LoadError, LoadState

Kind = Literal["stat", "list", "status_grid", "media_row", "progress_list", "chart", "text"]
Size = Literal["small", "medium", "large", "wide"]


TileState = LoadState
"""Of a tile: `loading` may have no data yet and is followed by a `widget:changed` event."""

TileError = LoadError


class Tile(BaseModel):
    """One widget as one person sees it.

    - `id`: `<plugin>.<instance>.<widget>`, also in the `widget:changed` event.
    - `kind`: what `data` will be, known before there is any.
    - `data`: present when `state` is `ok` or `stale`, else null.
    - `as_of`: when `data` was loaded; null without data.
    - `error`: why the latest load failed; set when `state` is `error`, and when `stale` data could not be renewed.
    """

    id: str = Field(examples=["youtube.main.downloads"])
    plugin: str
    instance: str
    title: str
    kind: Kind
    size: Size
    state: TileState
    data: WidgetData | None = None
    as_of: datetime | None = None
    error: TileError | None = None


class DashboardPage(BaseModel):
    """All widgets the caller may see, in the order of plugins and of each plugin's own declarations."""

    items: list[Tile]
