"""The kinds of widget a front end knows how to draw, as typed models; `kind` tells them apart."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Tone(StrEnum):
    """How something should be coloured."""

    NEUTRAL = "neutral"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Stat(BaseModel):
    """One figure. `value` as shown or as a number with `unit`; `change` is against the time before."""

    kind: Literal["stat"] = "stat"
    value: float | int | str
    unit: str = ""
    label: str = ""
    change: float | None = None
    tone: Tone = Tone.NEUTRAL


class ActionField(BaseModel):
    """A text the person may add to an action (must, if `required`), sent as `body[name]`. `max_length` counts letters."""

    name: str = Field(min_length=1, max_length=60)
    title: str
    required: bool = False
    max_length: int = Field(default=500, ge=1, le=4000)


class Action(BaseModel):
    """A button beside what it acts on: the front end sends `body` as JSON to `path`, as the person who looks.

    - `path`: of one of the plugin's own routes, whole: `/api/v1/<plugin>/…`. Those with a query, or of somebody else, are
      refused. The route checks permissions as ever: leave the action out for those who may not.
    - `confirm`: a question to ask first; empty: none.
    - `ask`: a text to ask for first.
    """

    id: str = Field(min_length=1, max_length=60)
    title: str = Field(min_length=1, max_length=120)
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = Field(max_length=500)
    body: dict[str, str | int | bool | None] = {}
    tone: Tone = Tone.NEUTRAL
    confirm: str = Field(default="", max_length=500)
    ask: ActionField | None = None


class ListItem(BaseModel):
    """One row of a list. `href` is a path on this hub or an absolute https address."""

    id: str
    title: str
    subtitle: str = ""
    at: datetime | None = None
    href: str | None = None
    image: str | None = None
    tone: Tone = Tone.NEUTRAL
    actions: list[Action] = []


class ItemList(BaseModel):
    """Rows of text, newest or most important first."""

    kind: Literal["list"] = "list"
    items: list[ListItem]
    empty: str = ""


class StatusCell(BaseModel):
    """One watched thing. `since` is when it came into this status."""

    id: str
    title: str
    group: str = ""
    status: Literal["up", "down", "pending", "maintenance", "paused", "unknown"]
    detail: str = ""
    since: datetime | None = None


class StatusGrid(BaseModel):
    """Many watched things at a glance."""

    kind: Literal["status_grid"] = "status_grid"
    cells: list[StatusCell]


class MediaCard(BaseModel):
    """One film, episode or album. `image` is a path on this hub."""

    id: str
    title: str
    subtitle: str = ""
    year: int | None = None
    image: str | None = None
    href: str | None = None
    badge: str = ""
    actions: list[Action] = []


class MediaRow(BaseModel):
    """A row of posters."""

    kind: Literal["media_row"] = "media_row"
    items: list[MediaCard]


class ProgressItem(BaseModel):
    """Something under way. `fraction` is 0–1 or None when unknown; `eta` in seconds; `speed` in bytes a second."""

    id: str
    title: str
    state: str
    fraction: float | None = Field(default=None, ge=0, le=1)
    eta: float | None = None
    speed: float | None = None
    detail: str = ""
    tone: Tone = Tone.NEUTRAL


class ProgressList(BaseModel):
    """Things under way and lately finished."""

    kind: Literal["progress_list"] = "progress_list"
    items: list[ProgressItem]
    empty: str = ""


class ChartPoint(BaseModel):
    """One point; `value` None is a gap and is drawn as one."""

    at: datetime
    value: float | None


class ChartSeries(BaseModel):
    """One line of a chart."""

    name: str
    points: list[ChartPoint]
    unit: str = ""


class Chart(BaseModel):
    """Values over time."""

    kind: Literal["chart"] = "chart"
    series: list[ChartSeries]
    style: Literal["line", "bar", "area"] = "line"


class Text(BaseModel):
    """A few words, plain text (never markup)."""

    kind: Literal["text"] = "text"
    text: str
    tone: Tone = Tone.NEUTRAL


WidgetData = Annotated[
    Stat | ItemList | StatusGrid | MediaRow | ProgressList | Chart | Text,
    Field(discriminator="kind"),
]
"""Any widget's data; `kind` tells which."""
