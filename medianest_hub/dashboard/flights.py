"""At most one load of a tile at a time over all replicas. What lands is cached, and news for those who did not wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from medianest_hub.dashboard.kept import Kept, failed, judge, lifetime, succeeded
from medianest_hub.dashboard.loader import Asked, Loader, LoadFailed, PluginGone
from medianest_hub.dashboard.store import Stored, TileKey, TileStore

log = structlog.get_logger(__name__)

HOLD_SLACK = 5.0
"""Seconds beyond a widget's deadline after which another replica may take over from one that died."""

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Place:
    """One tile on one person's page: which, how to load it, and whom it concerns (`fingerprint`)."""

    key: TileKey
    asked: Asked
    permission: str
    fingerprint: str

    @property
    def stamp(self) -> str:
        """What a cached answer must have been loaded for."""
        return stamp(self.asked.runtime.generation, self.fingerprint)


def stamp(generation: int, fingerprint: str) -> str:
    """Names the settings a tile was loaded with and the rights of whom it was loaded for."""
    return f"{generation}:{fingerprint}"


class Flight:
    """One load under way. `started` is the loop's time; `version` the last change it will have seen."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.started = asyncio.get_running_loop().time()
        self.begun = False
        self.version = ""
        self.task: asyncio.Task[Kept | None]
        self._loading_shown = False
        self._shown: Kept | None = None

    @property
    def landed(self) -> bool:
        """Whether its result can be used."""
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None

    def serves(self, place: Place, version: str) -> bool:
        """Whether its result will be good for somebody who asks now."""
        if self.task.done() or self.place.stamp != place.stamp:
            return False
        return not self.begun or self.version == version

    def was_shown(self, kept: Kept | None) -> None:
        """Somebody was given this old answer (None: none at all) instead of waiting for the end."""
        if kept is None:
            self._loading_shown = True
        else:
            self._shown = kept

    def is_news(self, kept: Kept) -> bool:
        """Whether those who did not wait would now see something else."""
        if self._loading_shown:
            return True
        shown = self._shown
        return shown is not None and (shown.error is None or not shown.same_face(kept))


class Flights:
    """`join` the load of a tile; `on_news` is called with the place when others should look again."""

    def __init__(
        self, store: TileStore, loader: Loader, now: Callable[[], float], on_news: Callable[[Place], None]
    ) -> None:
        self._store = store
        self._loader = loader
        self._now = now
        self._on_news = on_news
        self._flights: dict[TileKey, Flight] = {}

    def join(self, place: Place, version: str) -> Flight:
        """The load under way, if it will know of the change `version`; else a new one, after the one under way."""
        before = self._flights.get(place.key)
        if before is not None and before.serves(place, version):
            return before
        flight = Flight(place)
        flight.task = asyncio.create_task(
            self._fly(flight, before.task if before is not None else None), name=f"tile-{place.key.widget_id}"
        )
        self._flights[place.key] = flight
        flight.task.add_done_callback(lambda _: self._ended(flight))
        return flight

    def cancel(self, plugin: str) -> None:
        """Give up the loads of a plugin that serves no more."""
        for flight in list(self._flights.values()):
            if flight.place.key.plugin == plugin:
                flight.task.cancel()

    async def close(self) -> None:
        """Give up all loads."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, flight: Flight) -> None:
        if self._flights.get(flight.place.key) is flight:
            del self._flights[flight.place.key]
        if flight.task.cancelled():
            return
        if error := flight.task.exception():
            log.error("tile_not_loaded", widget=flight.place.key.widget_id, exc_info=error)
            return
        kept = flight.task.result()
        if kept is not None and flight.is_news(kept):
            self._on_news(flight.place)

    async def _fly(self, flight: Flight, before: asyncio.Task[Kept | None] | None) -> Kept | None:
        """Load it, or wait for the replica that does. None: the plugin does not serve any more."""
        if before is not None:
            await asyncio.wait([before])
        place, token, pause = flight.place, uuid.uuid4().hex, _FIRST_PAUSE
        while place.asked.runtime.running:
            async with self._loader.slot(place.key.widget_id):
                hold = place.asked.widget.deadline + HOLD_SLACK
                got, stored = await self._store.acquire(place.key, token, hold)
                flight.begun, flight.version = True, stored.version
                if not judge(stored.kept, place.asked.widget, place.stamp, stored.version, self._now()).refresh:
                    if got:
                        await self._store.release(place.key, token)
                    return stored.kept
                if got:
                    return await self._load(place, token, stored)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return None

    async def _load(self, place: Place, token: str, stored: Stored) -> Kept | None:
        try:
            kept = await self._outcome(place, stored)
        except PluginGone:
            await self._store.release(place.key, token)
            return None
        except BaseException:
            with contextlib.suppress(Exception):
                await self._store.release(place.key, token)
            raise
        widget = place.asked.widget
        keep_for = lifetime(widget) if kept.data is not None else 2 * max(kept.retry_at - kept.landed_at, 30.0)
        await self._store.land(place.key, token, kept, keep_for)
        return kept

    async def _outcome(self, place: Place, stored: Stored) -> Kept:
        before = stored.kept
        try:
            data, generation = await self._loader.load(place.key.widget_id, place.asked)
        except LoadFailed as failure:
            kept = failed(failure.error, failure.wish, before, place.stamp, stored.version, self._now())
            # Once down, once up: a service that stays away must not fill the log.
            level = log.warning if kept.failures == 1 else log.debug
            level(
                "widget_failed",
                widget=place.key.widget_id,
                code=failure.error.code,
                reason=failure.error.message,
                failures=kept.failures,
                exc_info=failure.__cause__ if failure.error.code == "widget_failed" else None,
            )
            return kept
        if before is not None and before.failures:
            log.info("widget_loads_again", widget=place.key.widget_id, failures=before.failures)
        return succeeded(data, stamp(generation, place.fingerprint), stored.version, self._now())
