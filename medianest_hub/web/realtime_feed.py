"""Turns the log of events into one ordered stream for this process: from Redis as they come, from Postgres what Redis missed.

Delivers each event once and says how far a page may remember to have come (`settled`). Knows no socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from redis.exceptions import RedisError

from medianest_hub.infrastructure.realtime_log import CHANNEL, RealtimeEvent, RealtimeLog
from medianest_hub.infrastructure.redis import RedisAway, RedisLink

log = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0
"""How often Postgres is asked although Redis brings the events: for those whose announcement was lost."""

TICK_SECONDS = 1.0
"""How often it is asked while Redis is away, or while a number is missing."""

SETTLING_SECONDS = 5.0
"""After the start, for how long the channel may not be heard yet."""

GAP_SECONDS = 30.0
"""For how long a missing number may still turn out to belong to a transaction that has not ended."""

_PAGE = 500
_WAITING = 10_000
_REMEMBERED = 4096
_RING = 2048


class Progress:
    """Which numbers have been delivered, and up to which one nothing can be missing any more."""

    def __init__(self, settled: int) -> None:
        self.settled = settled
        self._beyond: set[int] = set()
        self._lately: OrderedDict[int, None] = OrderedDict()
        self._highest = settled
        self._marks: deque[tuple[float, int]] = deque()

    def add(self, seq: int) -> bool:
        """Note it as delivered; False when it was already."""
        if self.has(seq) and (seq > self.settled or seq in self._lately):
            return False
        self._lately[seq] = None
        if len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)
        if seq > self.settled:
            self._beyond.add(seq)
            self._highest = max(self._highest, seq)
            self._close_up()
        return True

    def has(self, seq: int) -> bool:
        """Whether it was delivered, or is too old to come."""
        return seq <= self.settled or seq in self._beyond

    @property
    def has_gap(self) -> bool:
        """Whether a number is missing that may yet come."""
        return bool(self._beyond)

    def tick(self, now: float) -> None:
        """Give up on numbers that were missing already `GAP_SECONDS` ago: their transactions were rolled back."""
        self._marks.append((now, self._highest))
        while self._marks and self._marks[0][0] <= now - GAP_SECONDS:
            _, highest = self._marks.popleft()
            if highest > self.settled:
                self.settled = highest
                self._beyond = {seq for seq in self._beyond if seq > highest}
                self._close_up()

    def _close_up(self) -> None:
        while self.settled + 1 in self._beyond:
            self.settled += 1
            self._beyond.discard(self.settled)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to pages. `cursor` is what a page that got it may resume from; None when it is not kept."""

    event: RealtimeEvent
    cursor: int | None


Deliver = Callable[[Delivery], Awaitable[None]]
Control = Callable[[dict[str, Any]], Awaitable[None]]


class Feed:
    """`start` it once; `deliver` is awaited for one event after the other, `control` for messages that are no events."""

    def __init__(self, events: RealtimeLog, redis: RedisLink, deliver: Deliver, control: Control) -> None:
        self._events = events
        self._redis = redis
        self._deliver = deliver
        self._control = control
        self._queue: asyncio.Queue[RealtimeEvent] = asyncio.Queue(_WAITING)
        self._look = asyncio.Event()
        self._ring: deque[Delivery] = deque(maxlen=_RING)
        self._tasks: list[asyncio.Task[None]] = []
        self._progress = Progress(0)
        self._delivering = asyncio.Lock()
        self.position = 0
        """How many events have been delivered; see `after`."""

    @property
    def cursor(self) -> int:
        """What a page that is up to date may resume from."""
        return self._progress.settled

    def has(self, seq: int) -> bool:
        """Whether that event has been delivered; one that has not will be."""
        return self._progress.has(seq)

    def after(self, position: int) -> list[Delivery] | None:
        """What was delivered since; None when that is not remembered any more."""
        count = self.position - position
        return None if count > len(self._ring) else list(self._ring)[len(self._ring) - count :]

    async def start(self) -> None:
        """Begin where the log ends now. Raises `DatabaseAway` when Postgres cannot be asked."""
        latest = await self._events.latest_seq()
        self._progress = Progress(max(latest - _PAGE, 0))
        # Those just before the end may have neighbours whose transactions have not ended: they are known, the others not.
        for event in await self._events.since(self._progress.settled, 2 * _PAGE):
            if event.seq is not None:
                self._progress.add(event.seq)
        self._redis.subscribe(CHANNEL, self._received)
        self._redis.on_back(self._look.set)
        self._tasks = [
            asyncio.create_task(self._pass_on(), name="realtime-feed"),
            asyncio.create_task(self._keep_looking(), name="realtime-look"),
        ]

    async def close(self) -> None:
        """Deliver nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _received(self, message: dict[str, Any]) -> None:
        if "event" not in message:
            await self._control(message)
            return
        try:
            self._queue.put_nowait(RealtimeEvent.of_message(message))
        except asyncio.QueueFull:
            self._look.set()  # those that are kept are found in Postgres

    async def _pass_on(self) -> None:
        while True:
            await self._accept(await self._queue.get())

    async def _keep_looking(self) -> None:
        looked = began = time.monotonic()
        while True:
            asked = await self._woken_within(TICK_SECONDS)
            with contextlib.suppress(RedisAway, RedisError):
                await self._redis.call("PING")  # else a process without requests does not notice that Redis is away
            now = time.monotonic()
            self._progress.tick(now)
            unsure = self._redis.is_away or self._progress.has_gap or now - began < SETTLING_SECONDS
            if not (asked or unsure or now - looked >= LOOK_SECONDS):
                continue
            looked = now
            try:
                await self._catch_up()
            except Exception as error:
                log.warning("realtime_log_not_read", error=type(error).__name__)

    async def _woken_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._look.wait()
        except TimeoutError:
            return False
        self._look.clear()
        return True

    async def _catch_up(self) -> None:
        """Deliver what is in Postgres and was not delivered yet, gaps that have been filled included."""
        after = self._progress.settled
        while True:
            events = await self._events.since(after, _PAGE)
            for event in events:
                await self._accept(event)
            if len(events) < _PAGE or events[-1].seq is None:
                return
            after = events[-1].seq

    async def _accept(self, event: RealtimeEvent) -> None:
        async with self._delivering:
            if event.seq is not None and not self._progress.add(event.seq):
                return
            delivery = Delivery(event, self._progress.settled if event.seq is not None else None)
            # No await between counting it and handing it to those who listen: who joins sees it in exactly one of the two.
            self._ring.append(delivery)
            self.position += 1
            try:
                await self._deliver(delivery)
            except Exception:
                log.exception("realtime_event_not_delivered", name=event.event)
