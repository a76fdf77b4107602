"""Runs one widget's load within its deadline, whatever the plugin does, and bounds how many run at once. Caches nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import Histogram
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from medianest_hub.dashboard.models import Kind, TileError
from medianest_hub.infrastructure import metrics
from medianest_hub.plugin_api.errors import HubError, NotFound, Unavailable
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
from medianest_hub.plugin_host.runtime import PluginRuntime

log = structlog.get_logger(__name__)

AT_ONCE = 64
"""Loads of this process under way at a time."""

AT_ONCE_PER_WIDGET = 8
"""The same for one widget: a thousand people looking at once must not become a thousand calls upstream."""

MOST_STUCK = 4
"""Loads of one widget that may ignore being cancelled before it is not called any more until one of them ends."""

CANCEL_GRACE = 0.25
"""Seconds a load has to end after it was cancelled."""

MOST_BYTES = 512 * 1024
"""A larger answer is a mistake: tiles are read with every look at the dashboard."""

_LONGEST_MESSAGE = 500

KINDS = (Stat, ItemList, StatusGrid, MediaRow, ProgressList, Chart, Text)

load_seconds = Histogram(
    "medianest_widget_load_seconds",
    "Time one load of a widget took.",
    ["plugin", "widget", "outcome"],
    registry=metrics.registry,
    buckets=metrics.LATENCY_BUCKETS,
)


class PluginGone(Exception):
    """The plugin does not serve (any more): the tile is not an error, it is not there."""


class LoadFailed(Exception):
    """The load gave no data; `error` is fit for people, `wish` the seconds after which a repeat makes sense."""

    def __init__(self, error: TileError, wish: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wish = wish


@dataclass(frozen=True, slots=True)
class Asked:
    """Which widget is to be loaded, of which running plugin, for whom."""

    runtime: PluginRuntime
    widget: Widget
    kind: type[Any]
    viewer: Viewer


class Loader:
    """`slot` first, then `load`."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._of_widget: dict[str, asyncio.Semaphore] = {}
        self._stuck: dict[str, set[asyncio.Task[Any]]] = {}

    @contextlib.asynccontextmanager
    async def slot(self, widget_id: str) -> AsyncIterator[None]:
        """Wait for one's turn to load that widget."""
        of_widget = self._of_widget.setdefault(widget_id, asyncio.Semaphore(AT_ONCE_PER_WIDGET))
        async with of_widget, self._all:
            yield

    async def load(self, widget_id: str, asked: Asked) -> tuple[WidgetData, int]:
        """The data and the generation of settings it was loaded with. Raises `LoadFailed` or `PluginGone`."""
        started = time.monotonic()
        outcome = "error"
        try:
            loaded = await self._load(widget_id, asked)
            outcome = "ok"
        except PluginGone:
            outcome = "gone"
            raise
        finally:
            load_seconds.labels(asked.runtime.name, asked.widget.name, outcome).observe(time.monotonic() - started)
        return loaded

    async def _load(self, widget_id: str, asked: Asked) -> tuple[WidgetData, int]:
        if len(self._stuck.get(widget_id, ())) >= MOST_STUCK:
            raise LoadFailed(TileError(code="widget_stuck", message="Earlier loads of this widget never ended."))
        with contextlib.ExitStack() as stack:
            try:
                context = stack.enter_context(asked.runtime.use())
            except (NotFound, Unavailable) as error:
                raise PluginGone from error
            answer = await self._within_deadline(widget_id, asked, context)
            return checked(answer, asked), context.generation

    async def _within_deadline(self, widget_id: str, asked: Asked, context: Any) -> Any:
        """The load runs as a task of its own, so that one that ignores its cancelling cannot hold us."""
        task = asyncio.create_task(_guarded(asked, context), name=f"widget-{widget_id}")
        try:
            done, _ = await asyncio.wait([task], timeout=asked.widget.deadline)
            if done:
                return task.result()
        finally:
            if not task.done():
                task.cancel()
                # Cancelled ourselves, we do not linger; past the deadline the load gets a moment to clean up.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([task], timeout=CANCEL_GRACE)
                if not task.done():
                    self._remember_stuck(widget_id, task)
        raise LoadFailed(
            TileError(
                code="widget_timeout",
                message=f"This did not load within {asked.widget.deadline:g} seconds.",
                params={"seconds": asked.widget.deadline},
            )
        )

    def _remember_stuck(self, widget_id: str, task: asyncio.Task[Any]) -> None:
        log.warning("widget_ignores_cancelling", widget=widget_id)
        stuck = self._stuck.setdefault(widget_id, set())
        stuck.add(task)
        task.add_done_callback(stuck.discard)


async def _guarded(asked: Asked, context: Any) -> Any:
    """Whatever the plugin raises comes out as `LoadFailed`; only our own cancelling passes."""
    try:
        return await asked.widget.load(context, asked.viewer)
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise LoadFailed(_broken()) from None
    except HubError as error:
        params = dict(error.params)
        raise LoadFailed(
            TileError(code=error.error_code, message=error.message[:_LONGEST_MESSAGE], params=params),
            error.retry_after,
        ) from error
    except BaseException as error:  # SystemExit in a task would end the whole process
        raise LoadFailed(_broken()) from error


def _broken() -> TileError:
    return TileError(code="widget_failed", message="This widget could not be loaded; the hub's log says why.")


def kind_of(model: type[Any]) -> type[Any] | None:
    """The kind a declared model is, itself or as a subclass; None for a model no front end knows."""
    return next((kind for kind in KINDS if issubclass(model, kind)), None)


def kind_name(model: type[Any]) -> Kind:
    """Its name in a tile; a model that is none is announced as text, though it will only ever be an error."""
    kind = kind_of(model)
    name: Kind = kind.model_fields["kind"].default if kind is not None else "text"
    return name


def checked(answer: Any, asked: Asked) -> WidgetData:
    """The answer as a plain model of its declared kind. Raises `LoadFailed` for anything else."""
    base = kind_of(asked.kind)
    if base is None or not isinstance(answer, base):
        found, wanted = type(answer).__name__, asked.kind.__name__
        raise LoadFailed(_broken()) from TypeError(f"the widget answered {found} where {wanted} is declared")
    try:
        # Through JSON and back: what a subclass adds stays here, and a model built unchecked is found out.
        packed = answer.model_dump_json(warnings="error")
        if len(packed) > MOST_BYTES:
            raise LoadFailed(
                TileError(code="widget_too_large", message="This widget holds more than can be shown at a glance.")
            ) from ValueError(f"{len(packed)} bytes, {MOST_BYTES} are allowed")
        data: WidgetData = base.model_validate_json(packed)
    except (ValidationError, PydanticSerializationError, ValueError, TypeError) as error:
        raise LoadFailed(_broken()) from error
    _check_actions(data, asked.runtime.name)
    return data


def _check_actions(data: WidgetData, plugin: str) -> None:
    if not isinstance(data, (ItemList, MediaRow)):
        return
    for item in data.items:
        if refused := refused_actions(plugin, item.actions):
            raise LoadFailed(TileError(code="widget_action_refused", message=refused[:_LONGEST_MESSAGE]))
