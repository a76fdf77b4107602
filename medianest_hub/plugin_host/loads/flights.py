"""At most one load of an answer at a time over all replicas. What lands is cached, and news for those who did not wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

import structlog

from medianest_hub.plugin_host.loads.kept import DataT, Kept, judge, lifetime
from medianest_hub.plugin_host.loads.loader import Asked, Loader, LoadFailed, PluginGone
from medianest_hub.plugin_host.loads.sharing import Sharing
from medianest_hub.plugin_host.loads.store import AnswerStore, CacheKey, Stored

log = structlog.get_logger(__name__)

HOLD_SLACK = 5.0
"""Seconds beyond a load's deadline after which another replica may take over from one that died."""

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Place(Generic[DataT]):
    """One answer as one person sees it: which, how to load it, and whom it concerns.

    `permission`: the one of the plugin that whoever sees it has.
    """

    key: CacheKey
    asked: Asked[DataT]
    permission: str
    sharing: Sharing

    @property
    def stamp(self) -> str:
        """What a cached answer must have been loaded for."""
        return stamp(self.asked.runtime.generation, self.sharing.fingerprint)


def stamp(generation: int, fingerprint: str) -> str:
    """Names the settings an answer was loaded with and the rights of whom it was loaded for."""
    return f"{generation}:{fingerprint}"


class Flight(Generic[DataT]):
    """One load under way. `started` is the loop's time; `version` the last change it will have seen."""

    def __init__(self, place: Place[DataT]) -> None:
        self.place = place
        self.started = asyncio.get_running_loop().time()
        self.begun = False
        self.version = ""
        self.task: asyncio.Task[Kept[DataT] | None]
        self._loading_shown = False
        self._shown: Kept[DataT] | None = None

    @property
    def landed(self) -> bool:
        """Whether its result can be used."""
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None

    def serves(self, place: Place[DataT], version: str) -> bool:
        """Whether its result will be good for somebody who asks now."""
        if self.task.done() or self.place.stamp != place.stamp:
            return False
        return not self.begun or self.version == version

    def was_shown(self, kept: Kept[DataT] | None) -> None:
        """Somebody was given this old answer (None: none at all) instead of waiting for the end."""
        if kept is None:
            self._loading_shown = True
        else:
            self._shown = kept

    def is_news(self, kept: Kept[DataT]) -> bool:
        """Whether those who did not wait would now see something else."""
        if self._loading_shown:
            return True
        shown = self._shown
        return shown is not None and (shown.error is None or not shown.same_face(kept))


class Flights(Generic[DataT]):
    """`join` the load of an answer; `on_news` is called with the place when others should look again."""

    def __init__(
        self,
        store: AnswerStore[DataT],
        loader: Loader,
        now: Callable[[], float],
        on_news: Callable[[Place[DataT]], None],
    ) -> None:
        self._store = store
        self._loader = loader
        self._now = now
        self._on_news = on_news
        self._flights: dict[CacheKey, Flight[DataT]] = {}
        self._under_way: Counter[str] = Counter()

    def join(self, place: Place[DataT], version: str) -> Flight[DataT]:
        """The load under way, if it will know of the change `version`; else a new one, after the one under way."""
        before = self._flights.get(place.key)
        if before is not None and before.serves(place, version):
            return before
        flight = Flight(place)
        flight.task = asyncio.create_task(
            self._fly(flight, before.task if before is not None else None), name=f"load-{place.asked.name}"
        )
        self._flights[place.key] = flight
        self._under_way[place.asked.name] += 1
        flight.task.add_done_callback(lambda _: self._ended(flight))
        return flight

    def under_way(self, name: str) -> int:
        """How many loads of that name have not ended, those waiting for their turn included."""
        return self._under_way[name]

    def cancel(self, plugin: str) -> None:
        """Give up the loads of a plugin that serves no more."""
        for flight in list(self._flights.values()):
            if flight.place.asked.runtime.name == plugin:
                flight.task.cancel()

    async def close(self) -> None:
        """Give up all loads."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, flight: Flight[DataT]) -> None:
        self._under_way[flight.place.asked.name] -= 1
        if self._flights.get(flight.place.key) is flight:
            del self._flights[flight.place.key]
        if flight.task.cancelled():
            return
        if error := flight.task.exception():
            log.error(f"{flight.place.asked.noun}_not_loaded", name=flight.place.asked.name, exc_info=error)
            return
        kept = flight.task.result()
        if kept is not None and flight.is_news(kept):
            self._on_news(flight.place)

    async def _fly(self, flight: Flight[DataT], before: asyncio.Task[Kept[DataT] | None] | None) -> Kept[DataT] | None:
        """Load it, or wait for the replica that does. None: the plugin does not serve any more."""
        if before is not None:
            await asyncio.wait([before])
        place, token, pause = flight.place, uuid.uuid4().hex, _FIRST_PAUSE
        while place.asked.runtime.running:
            async with self._loader.slot(place.asked.name):
                hold = place.asked.deadline + HOLD_SLACK
                got, stored = await self._store.acquire(place.key, token, hold)
                flight.begun, flight.version = True, stored.version
                if not judge(stored.kept, place.asked.lasting, place.stamp, stored.version, self._now()).refresh:
                    if got:
                        await self._store.release(place.key, token)
                    return stored.kept
                if got:
                    return await self._load(place, token, stored)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return None

    async def _load(self, place: Place[DataT], token: str, stored: Stored[DataT]) -> Kept[DataT] | None:
        try:
            kept = await self._outcome(place, stored)
        except PluginGone:
            await self._store.release(place.key, token)
            return None
        except BaseException:
            with contextlib.suppress(Exception):
                await self._store.release(place.key, token)
            raise
        lasting = place.asked.lasting
        keep_for = lifetime(lasting) if kept.data is not None else 2 * max(kept.retry_at - kept.landed_at, 30.0)
        await self._store.land(place.key, token, kept, keep_for)
        return kept

    async def _outcome(self, place: Place[DataT], stored: Stored[DataT]) -> Kept[DataT]:
        before = stored.kept
        try:
            data, generation = await self._loader.load(place.asked)
        except LoadFailed as failure:
            kept = self._store.kind.failed(
                failure.error, failure.wish, before, place.stamp, stored.version, self._now()
            )
            # Once down, once up: a service that stays away must not fill the log.
            level = log.warning if kept.failures == 1 else log.debug
            level(
                f"{place.asked.noun}_failed",
                name=place.asked.name,
                code=failure.error.code,
                reason=failure.error.message,
                failures=kept.failures,
                exc_info=failure.__cause__ if failure.error.code == f"{place.asked.noun}_failed" else None,
            )
            return kept
        if before is not None and before.failures:
            log.info(f"{place.asked.noun}_loads_again", name=place.asked.name, failures=before.failures)
        return self._store.kind.succeeded(
            data, stamp(generation, place.sharing.fingerprint), stored.version, self._now()
        )
