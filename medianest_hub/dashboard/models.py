"""What a front end gets of the dashboard, as typed models; no behaviour."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from medianest_hub.plugin_api.kinds import WidgetData

Kind = Literal["stat", "list", "status_grid", "media_row", "progress_list", "chart", "text"]
Size = Literal["small", "medium", "large", "wide"]


class TileState(StrEnum):
    """`stale` still has data, `loading` may have none yet and is followed by a `widget:changed` event."""

    OK = "ok"
    STALE = "stale"
    ERROR = "error"
    LOADING = "loading"


class TileError(BaseModel):
    """Why the latest load failed: a stable code, words for a person, and parameters for translating them."""

    code: str
    message: str
    params: dict[str, str | int | float | bool] = {}


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
