"""What a widget answers: asked of its plugin, and let through only as what it was declared to be. Caches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from prometheus_client import Histogram
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from medianest_hub.dashboard.models import Kind
from medianest_hub.infrastructure import metrics
from medianest_hub.plugin_api.kinds import (
    Chart,
    ItemList,
    MediaRow,
    ProgressList,
    Stat,
    StatusGrid,
    Text,
    WidgetData,
)
from medianest_hub.plugin_api.people import Viewer
from medianest_hub.plugin_api.widgets import Widget
from medianest_hub.plugin_host.actions import refused_actions
from medianest_hub.plugin_host.loads.kept import LoadError
from medianest_hub.plugin_host.loads.loader import LONGEST_MESSAGE, Asked, LoadFailed

MOST_BYTES = 512 * 1024
"""A larger answer is a mistake: tiles are read with every look at the dashboard."""

KINDS = (Stat, ItemList, StatusGrid, MediaRow, ProgressList, Chart, Text)

load_seconds = Histogram(
    "medianest_widget_load_seconds",
    "Time one load of a widget took.",
    ["plugin", "widget", "outcome"],
    registry=metrics.registry,
    buckets=metrics.LATENCY_BUCKETS,
)


def observe(asked: Asked[Any], outcome: str, seconds: float) -> None:
    """Count one load."""
    load_seconds.labels(asked.runtime.name, asked.name.rpartition(".")[2], outcome).observe(seconds)


def kind_of(model: type[Any]) -> type[Any] | None:
    """The kind a declared model is, itself or as a subclass; None for a model no front end knows."""
    return next((kind for kind in KINDS if issubclass(model, kind)), None)


def kind_name(model: type[Any]) -> Kind:
    """Its name in a tile; a model that is none is announced as text, though it will only ever be an error."""
    kind = kind_of(model)
    name: Kind = kind.model_fields["kind"].default if kind is not None else "text"
    return name


@dataclass(frozen=True, slots=True)
class AskedWidget(Asked[WidgetData]):
    """Which widget is to be loaded, of which running plugin, for whom."""

    widget: Widget
    kind: type[Any]
    viewer: Viewer
    noun: ClassVar[str] = "widget"

    @property
    def deadline(self) -> float:
        """The widget's own."""
        return self.widget.deadline

    @property
    def lasting(self) -> Widget:
        """The widget says so itself."""
        return self.widget

    async def load(self, context: Any) -> Any:
        """Call the widget's loader."""
        return await self.widget.load(context, self.viewer)

    def checked(self, answer: Any) -> WidgetData:
        """The answer as a plain model of its declared kind. Raises `LoadFailed` for anything else."""
        return checked(answer, self)


def checked(answer: Any, asked: AskedWidget) -> WidgetData:
    """The answer as a plain model of its declared kind. Raises `LoadFailed` for anything else."""
    base = kind_of(asked.kind)
    if base is None or not isinstance(answer, base):
        found, wanted = type(answer).__name__, asked.kind.__name__
        raise LoadFailed(asked.broken()) from TypeError(f"the widget answered {found} where {wanted} is declared")
    try:
        # Through JSON and back: what a subclass adds stays here, and a model built unchecked is found out.
        packed = answer.model_dump_json(warnings="error")
        if len(packed) > MOST_BYTES:
            raise LoadFailed(
                LoadError(code="widget_too_large", message="This widget holds more than can be shown at a glance.")
            ) from ValueError(f"{len(packed)} bytes, {MOST_BYTES} are allowed")
        data: WidgetData = base.model_validate_json(packed)
    except (ValidationError, PydanticSerializationError, ValueError, TypeError) as error:
        raise LoadFailed(asked.broken()) from error
    _check_actions(data, asked.runtime.name)
    return data


def _check_actions(data: WidgetData, plugin: str) -> None:
    if not isinstance(data, (ItemList, MediaRow)):
        return
    for item in data.items:
        if refused := refused_actions(plugin, item.actions):
            raise LoadFailed(LoadError(code="widget_action_refused", message=refused[:LONGEST_MESSAGE]))
