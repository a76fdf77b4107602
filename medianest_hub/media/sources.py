"""The sources one person may ask, asked side by side: who answers in time, who has an older answer, who has none and why."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.media.asking import Question, SourcePlace, observe, shelf
from medianest_hub.media.cleaning import Cleaned
from medianest_hub.media.joining import Found
from medianest_hub.media.models import SourceReport, SourceState
from medianest_hub.plugin_api.media import MediaSource
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.services import Clock
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.plugin_host.loads.flights import Flight, Flights
from medianest_hub.plugin_host.loads.kept import Kept, LoadState, judge, lifetime
from medianest_hub.plugin_host.loads.loader import Loader
from medianest_hub.plugin_host.loads.sharing import fingerprint_of
from medianest_hub.plugin_host.loads.store import AnswerStore
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState

MOST_UNDER_WAY: Final = 40
"""Questions to one source that may wait in this process; with more, it counts as slow at once."""

MOST_OF_ONE: Final = 8
"""How many of them one person's may be, so that whoever asks much keeps nobody else from asking."""

KeptAnswer = Kept[Cleaned]


@dataclass(frozen=True, slots=True)
class Source:
    """A source that one person may ask, whether its plugin runs or not."""

    runtime: PluginRuntime
    declared: MediaSource
    permission: str
    title: str

    @property
    def name(self) -> str:
        """`<plugin>.<instance>.<source>`."""
        return f"{self.runtime.name}.{self.runtime.instance}.{self.declared.name}"

    def report(self, state: SourceState, code: str = "", message: str = "", age: float | None = None) -> SourceReport:
        """What is said of it."""
        return SourceReport(
            source=self.name,
            plugin=self.runtime.name,
            instance=self.runtime.instance,
            title=self.title,
            state=state,
            age=None if age is None else round(max(age, 0.0), 1),
            code=code,
            message=message,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one question to one source."""

    source: Source
    report: SourceReport
    cleaned: Cleaned | None

    @property
    def found(self) -> list[Found]:
        """Its hits."""
        if self.cleaned is None:
            return []
        one = [self.cleaned.one] if self.cleaned.one is not None else []
        return [Found(self.source.name, hit) for hit in (*self.cleaned.hits, *one)]


@dataclass(slots=True)
class _Look:
    source: Source
    place: SourcePlace
    kept: KeptAnswer | None
    flight: Flight[Cleaned] | None
    wait: bool


class Sources:
    """Of one web process. Make it on the running loop, `close` it at the end."""

    def __init__(self, host: PluginHost, redis: RedisLink, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._store = AnswerStore[Cleaned](redis, KeptAnswer)
        self._flights = Flights[Cleaned](self._store, Loader(observe), self._now, lambda _: None)
        self._of_one: Counter[tuple[str, UUID]] = Counter()
        redis.on_back(self._store.redis_back)
        host.subscribe(self._plugin_changed)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._flights.close()

    def of(self, person: Person) -> list[Source]:
        """Those of plugins that are switched on, as far as this person may ask them, in the order of plugins."""
        return [
            Source(runtime, declared, permission, runtime.plugin.info.title)
            for runtime in self._host.runtimes.values()
            if runtime.plugin is not None and not runtime.state.is_hidden
            for declared in runtime.plugin.media_sources
            if person.can(permission := runtime.plugin.full_permission(declared.permission))
        ]

    async def ask(self, person: Person, questions: Iterable[tuple[Source, Question]], seconds: float) -> list[Answered]:
        """Put each question to its source, and wait for each as long as the source's deadline and `seconds` allow."""
        ends = asyncio.get_running_loop().time() + seconds
        asked = list(questions)
        looks = await self._looks(person, [(source, question) for source, question in asked if source.runtime.running])
        await _wait([look for look in looks.values() if look.wait], ends)
        return [
            self._answered(looks[source.name]) if source.name in looks else _not_running(source) for source, _ in asked
        ]

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def _looks(self, person: Person, asked: Sequence[tuple[Source, Question]]) -> dict[str, _Look]:
        rights = fingerprint_of(person)
        places = [
            SourcePlace.of(source.runtime, source.declared, source.permission, person, rights, question)
            for source, question in asked
        ]
        stored = await self._store.read([place.key for place in places])
        now = self._now()
        looks: dict[str, _Look] = {}
        for (source, _), place, known in zip(asked, places, stored, strict=True):
            verdict = judge(known.kept, place.asked.lasting, place.stamp, known.version, now)
            metrics.cache_reads.labels("media", verdict.state.value).inc()
            usable = known.kept if verdict.state is not LoadState.LOADING else None
            flight = self._flight(person, place, known.version) if verdict.refresh else None
            looks[source.name] = _Look(source, place, usable, flight, flight is not None and verdict.wait)
        return looks

    def _flight(self, person: Person, place: SourcePlace, version: str) -> Flight[Cleaned] | None:
        """The question under way, or one put now; None where there are too many already, of all or of this person."""
        name, asking = place.asked.name, (place.asked.name, person.id)
        before = self._flights.under_way(name)
        if before >= MOST_UNDER_WAY or self._of_one[asking] >= MOST_OF_ONE:
            return None
        flight = self._flights.join(place, version)
        if self._flights.under_way(name) > before:
            self._of_one[asking] += 1
            flight.task.add_done_callback(lambda _: self._ended(asking))
        return flight

    def _ended(self, asking: tuple[str, UUID]) -> None:
        self._of_one[asking] -= 1
        if self._of_one[asking] <= 0:
            del self._of_one[asking]

    def _answered(self, look: _Look) -> Answered:
        if not look.source.runtime.running:
            return _not_running(look.source)
        if look.flight is None:
            return self._from_cache(look)
        if look.flight.task.cancelled():
            return _not_running(look.source)
        if not look.flight.landed:
            return self._late(look)
        landed = look.flight.task.result()
        if landed is None:
            return _not_running(look.source)
        if landed.error is None:
            return Answered(look.source, look.source.report(SourceState.OK, age=0.0), landed.data)
        return self._failed(look.source, landed)

    def _from_cache(self, look: _Look) -> Answered:
        kept, source = look.kept, look.source
        if kept is None or (kept.data is None and kept.error is None):
            words = f"{source.title} has too many questions to answer already."
            return Answered(source, source.report(SourceState.SLOW, "source_busy", words), None)
        if kept.error is not None:
            return self._failed(source, kept)
        age = self._now() - kept.as_of
        words = f"This is what {source.title} said {_ago(age)}."
        return Answered(source, source.report(SourceState.CACHED, message=words, age=age), kept.data)

    def _late(self, look: _Look) -> Answered:
        kept, source = look.kept, look.source
        if kept is not None and kept.data is not None and not look.wait:
            return self._from_cache(look)  # old enough to be renewed, and good enough meanwhile
        words = f"{source.title} did not answer in time; what it knows is shown when you look again."
        return self._without(source, SourceState.SLOW, "source_slow", words, kept)

    def _failed(self, source: Source, kept: KeptAnswer) -> Answered:
        error = kept.error
        if error is None or error.code == "source_timeout":
            words = f"{source.title} does not answer."
            return self._without(source, SourceState.SLOW, "source_slow", words, kept)
        words = f"{source.title}: {error.message}"
        return self._without(source, SourceState.FAILED, error.code, words, kept)

    def _without(self, source: Source, state: SourceState, code: str, words: str, kept: KeptAnswer | None) -> Answered:
        """Without an answer now; one from before stands in, if it is not too old."""
        age = self._now() - kept.as_of if kept is not None else 0.0
        if kept is None or kept.data is None or age > lifetime(shelf(source.declared)):
            return Answered(source, source.report(state, code, words), None)
        words = f"{words} What is shown of it is from {_ago(age)}."
        return Answered(source, source.report(state, code, words, age), kept.data)

    def _plugin_changed(self, runtime: PluginRuntime, _before: PluginState, after: PluginState) -> None:
        if after is not PluginState.RUNNING:
            self._flights.cancel(runtime.name)


def _not_running(source: Source) -> Answered:
    words = f"{source.title} is not running at the moment."
    return Answered(source, source.report(SourceState.FAILED, "plugin_unavailable", words), None)


async def _wait(looks: Sequence[_Look], ends: float) -> None:
    """Wait for each as long as it may take; one that has hung for longer than that already is not waited for again."""
    now = asyncio.get_running_loop().time()
    waits = [
        asyncio.wait([look.flight.task], timeout=left)
        for look in looks
        if look.flight is not None
        and not look.flight.task.done()
        and (left := min(look.flight.started + look.source.declared.deadline, ends) - now) > 0
    ]
    if waits:
        await asyncio.gather(*waits)


def _ago(age: float) -> str:
    seconds = max(round(age), 0)
    if seconds < 120:
        return f"{seconds} second{'' if seconds == 1 else 's'} ago"
    return f"{seconds // 60} minutes ago"
