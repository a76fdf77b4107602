"""`Dashboard`: one person's page of tiles within its budget, one tile, and what follows when a widget changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from medianest_hub.dashboard.announcer import Announcer, Audience
from medianest_hub.dashboard.asking import AskedWidget, kind_name, observe
from medianest_hub.dashboard.keys import TileKey
from medianest_hub.dashboard.models import Tile, TileState
from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisAway, RedisLink
from medianest_hub.plugin_api.errors import NotFound
from medianest_hub.plugin_api.kinds import WidgetData
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.services import Clock
from medianest_hub.plugin_api.widgets import Scope, Widget
from medianest_hub.plugin_host.context import SystemClock
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.plugin_host.loads.flights import Flight, Flights, Place
from medianest_hub.plugin_host.loads.kept import Kept, Verdict, judge, lifetime, remaining
from medianest_hub.plugin_host.loads.loader import Loader
from medianest_hub.plugin_host.loads.sharing import fingerprint_of, shared
from medianest_hub.plugin_host.loads.store import AnswerStore
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.services.cache import EPOCH_PREFIX
from medianest_hub.plugin_host.signatures import answer_model
from medianest_hub.plugin_host.states import PluginState

log = structlog.get_logger(__name__)

HARMLESS_LIFE = 60.0
"""Seconds a page may be kept at most: nothing on it is expected to change by itself."""

TileKept = Kept[WidgetData]
TileFlight = Flight[WidgetData]

CACHE_SOURCE = "dashboard"
CACHE_TAG = "tiles"
"""Under which the whole page may be cached: its epoch moves with every change that does not come by the clock."""


@dataclass(frozen=True, slots=True)
class Board:
    """One person's tiles, and for how many seconds they hold if nothing changes (0: some are still loading)."""

    items: list[Tile]
    fresh_for: float


@dataclass(frozen=True, slots=True)
class TilePlace(Place[WidgetData]):
    """One tile on one person's page."""

    key: TileKey
    asked: AskedWidget


@dataclass(slots=True)
class _Look:
    place: TilePlace
    kept: TileKept | None
    verdict: Verdict
    flight: TileFlight | None


class Dashboard:
    """Of one process; a worker only ever calls `changed`. Make it on the running loop, `close` it at the end."""

    def __init__(
        self, host: PluginHost, redis: RedisLink, realtime: RealtimeLog, budget: float, clock: Clock | None = None
    ) -> None:
        """`budget`: seconds a page waits for its slowest widget."""
        self._host = host
        self._redis = redis
        self._clock = clock or SystemClock()
        self._budget = budget
        self._store = AnswerStore[WidgetData](redis, TileKept)
        self._announcer = Announcer(realtime, lambda: redis.is_away)
        self._flights = Flights[WidgetData](self._store, Loader(observe), self._now, self._news)
        self._kinds: dict[str, type] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        redis.on_back(self._redis_back)
        host.subscribe(self._plugin_changed)

    async def close(self) -> None:
        """Give up loads under way and send the last events."""
        await self._flights.close()
        await self._announcer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def page(self, person: Person) -> Board:
        """All this person may see, loaded side by side; what is not there within the budget is `loading`."""
        return await self._look_at(self._places(person))

    async def tile(self, person: Person, widget_id: str) -> Board:
        """One tile, alone on its board. `NotFound` when there is none of that id for this person."""
        board = await self._look_at([place for place in self._places(person) if place.key.widget_id == widget_id])
        if not board.items:
            raise NotFound("There is no such widget.", code="widget_not_found")
        return board

    async def changed(self, plugin: str, instance: str, widget: str, person: UUID | None = None) -> None:
        """The widget would now load something else: for that person, or for all. Forgets what is cached and tells open pages.

        Raises `ValueError` for a widget the plugin does not have. May be called often; pages hear of it at most four
        times a second.
        """
        runtime = self._host.runtimes.get(plugin)
        declared = runtime.plugin if runtime is not None else None
        found = next((item for item in declared.widgets if item.name == widget), None) if declared else None
        if found is None or declared is None:
            raise ValueError(f"plugin {plugin!r} has no widget {widget!r}")
        concerns = person if found.scope is Scope.PERSON else None
        key = TileKey(plugin, instance, widget, str(concerns))
        version = key.widget_version if concerns is None else key.scope_version
        await self._store.outdate(version, lifetime(found) + found.deadline + 60.0)
        await self.outdate_pages()
        audience = Audience(key.widget_id, concerns, declared.full_permission(found.permission))
        self._announcer.note(audience, loaded=False)

    def heard(self, data: Mapping[str, Any], person: UUID | None) -> None:
        """A `widget:changed` event has come. While Redis is away that is how other processes' changes become known."""
        if not self._redis.is_away or data.get("loaded"):
            return
        plugin, _, rest = str(data.get("id")).partition(".")
        instance, _, widget = rest.partition(".")
        key = TileKey(plugin, instance, widget, str(person))
        self._store.outdate_here(key.widget_version if person is None else key.scope_version)

    async def outdate_pages(self) -> None:
        """Let no cached page be served again."""
        try:
            await self._redis.call("INCR", f"{EPOCH_PREFIX}{CACHE_SOURCE}:{CACHE_TAG}")
        except (RedisAway, RedisError):
            return  # then the cached pages are away, too

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _places(self, person: Person) -> list[TilePlace]:
        own = fingerprint_of(person)
        return [
            self._place(runtime, widget, permission, person, own)
            for runtime in self._host.runtimes.values()
            if runtime.running and runtime.plugin is not None
            for widget in runtime.plugin.widgets
            if person.can(permission := runtime.plugin.full_permission(widget.permission))
        ]

    def _place(self, runtime: PluginRuntime, widget: Widget, permission: str, person: Person, own: str) -> TilePlace:
        sharing = shared(widget.scope, person, own)
        key = TileKey(runtime.name, runtime.instance, widget.name, sharing.scope, sharing.rights)
        kind = self._kinds.get(key.widget_id)
        if kind is None:
            kind = self._kinds[key.widget_id] = answer_model(widget.load)
        asked = AskedWidget(runtime, key.widget_id, widget, kind, sharing.viewer)
        return TilePlace(key, asked, permission, sharing)

    async def _look_at(self, places: Sequence[TilePlace]) -> Board:
        stored = await self._store.read([place.key for place in places])
        now = self._now()
        looks: list[_Look] = []
        for place, found in zip(places, stored, strict=True):
            verdict = judge(found.kept, place.asked.lasting, place.stamp, found.version, now)
            flight = self._flights.join(place, found.version) if verdict.refresh else None
            looks.append(_Look(place, found.kept, verdict, flight))
            metrics.cache_reads.labels("tile", verdict.state.value).inc()
        await self._wait([look.flight for look in looks if look.flight is not None and look.verdict.wait])
        tiles: list[Tile] = []
        fresh_for = HARMLESS_LIFE
        for look in looks:
            if not look.place.asked.runtime.running:
                continue  # switched off while others loaded
            tile, fresh = self._show(look)
            if tile is not None:
                tiles.append(tile)
                fresh_for = min(fresh_for, fresh)
        return Board(tiles, max(fresh_for, 0.0))

    async def _wait(self, flights: Sequence[TileFlight]) -> None:
        """Wait for them within the budget, which each has once: one that hangs delays only those who saw it begin."""
        now = asyncio.get_running_loop().time()
        left = {flight.task: flight.started + self._budget - now for flight in flights if not flight.task.done()}
        waiting = [task for task, seconds in left.items() if seconds > 0]
        if waiting:
            await asyncio.wait(waiting, timeout=max(left.values()))

    def _show(self, look: _Look) -> tuple[Tile | None, float]:
        """The tile as it is by now, and the seconds it holds; None when the plugin went away meanwhile."""
        kept, verdict, flight = look.kept, look.verdict, look.flight
        if flight is None:
            return _tile(look.place, verdict.state, kept), verdict.fresh_for
        if flight.landed:
            landed = flight.task.result()
            if landed is None:
                return None, 0.0
            state = TileState.OK if landed.error is None else TileState.STALE if landed.data else TileState.ERROR
            return _tile(look.place, state, landed), remaining(landed, look.place.asked.lasting, self._now())
        flight.was_shown(None if verdict.state is TileState.LOADING else kept)
        return _tile(look.place, verdict.state, kept), 0.0

    def _news(self, place: Place[WidgetData]) -> None:
        viewer = place.sharing.viewer.person
        audience = Audience(place.asked.name, viewer.id if viewer else None, place.permission)
        self._announcer.note(audience, loaded=True)

    def _plugin_changed(self, runtime: PluginRuntime, _before: PluginState, after: PluginState) -> None:
        if after is not PluginState.RUNNING:
            self._flights.cancel(runtime.name)
        task = asyncio.ensure_future(self.outdate_pages())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _redis_back(self) -> None:
        await self._store.redis_back()
        await self.outdate_pages()


def _tile(place: TilePlace, state: TileState, kept: TileKept | None) -> Tile:
    key, widget = place.key, place.asked.widget
    shown = kept if kept is not None and state is not TileState.LOADING else None
    data = shown.data if shown is not None and state is not TileState.ERROR else None
    return Tile(
        id=key.widget_id,
        plugin=key.plugin,
        instance=key.instance,
        title=widget.title,
        kind=kind_name(place.asked.kind),
        size=widget.size,
        state=state,
        data=data,
        as_of=datetime.fromtimestamp(shown.as_of, UTC) if shown is not None and data is not None else None,
        error=shown.error if shown is not None else None,
    )
