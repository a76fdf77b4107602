"""Tells open pages that a widget would now show something else: at most four times a second each, and always the last time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from medianest_hub.infrastructure.realtime_log import RealtimeLog

log = structlog.get_logger(__name__)

EVENT = "widget:changed"

INTERVAL = 0.25
"""Seconds between two events of one widget to one audience."""

KEEP_INTERVAL = 10.0
"""Seconds between two of them that are kept for pages asleep. A burst's last one is kept too, if late."""

_LONGEST_WAIT_FOR_POSTGRES = 5.0


@dataclass(frozen=True, slots=True)
class Audience:
    """Which widget changed, for one person or for all with a permission."""

    widget_id: str
    person: UUID | None
    permission: str


@dataclass(slots=True)
class _Burst:
    pending: bool = False
    loaded: bool = True  # nothing changed, only a load ended
    owed: bool = False  # something went out since that a page asleep will not get
    sent_at: float = float("-inf")
    kept_at: float = float("-inf")
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Announcer:
    """Call `note` as often as one likes; it returns at once. `close` sends what is still due."""

    def __init__(self, realtime: RealtimeLog, redis_is_away: Callable[[], bool]) -> None:
        self._realtime = realtime
        self._redis_is_away = redis_is_away
        self._bursts: dict[Audience, _Burst] = {}
        self._closing = False

    def note(self, audience: Audience, *, loaded: bool) -> None:
        """The widget changed for that audience, or (`loaded`) what they were not shown yet has arrived."""
        burst = self._bursts.get(audience)
        if burst is None:
            burst = self._bursts[audience] = _Burst()
            burst.task = asyncio.create_task(self._run(audience, burst), name=f"announce-{audience.widget_id}")
        burst.pending = True
        burst.loaded = burst.loaded and loaded
        burst.wake.set()

    async def close(self) -> None:
        """Send what is due without waiting for its turn."""
        self._closing = True
        tasks = [burst.task for burst in self._bursts.values() if burst.task is not None]
        for burst in self._bursts.values():
            burst.wake.set()
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)
        for task in tasks:
            task.cancel()

    async def _run(self, audience: Audience, burst: _Burst) -> None:
        """One audience's turn; stays a while after the last event so that the intervals hold for the next one."""
        try:
            while True:
                due = burst.sent_at + INTERVAL if burst.pending else burst.kept_at + KEEP_INTERVAL
                if await self._woken_before(burst, due):
                    continue
                if not burst.pending and not burst.owed:
                    return
                burst.pending = False
                burst.sent_at = time.monotonic()
                # Without Redis only what is kept reaches anybody.
                keep = self._closing or self._redis_is_away() or burst.sent_at - burst.kept_at >= KEEP_INTERVAL
                loaded, burst.loaded = burst.loaded, True
                burst.owed = not await self._send(audience, loaded, keep)
                if keep:
                    burst.kept_at = burst.sent_at
        finally:
            del self._bursts[audience]

    async def _woken_before(self, burst: _Burst, due: float) -> bool:
        """Wait until then; True when something new came first."""
        seconds = due - time.monotonic()
        if seconds <= 0 or self._closing:
            return False
        burst.wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await burst.wake.wait()
        except TimeoutError:
            return False
        return True

    async def _send(self, audience: Audience, loaded: bool, keep: bool) -> bool:
        """Whether it was kept. A Postgres that is away costs the keeping only, and that is made up for later."""
        permission = audience.permission if audience.person is None else None
        data = {"id": audience.widget_id, "loaded": loaded}
        try:
            async with asyncio.timeout(_LONGEST_WAIT_FOR_POSTGRES):
                await self._realtime.send(EVENT, data, person=audience.person, permission=permission, keep=keep)
        except Exception as error:
            log.warning("widget_changed_not_kept", widget=audience.widget_id, error=type(error).__name__)
            await self._realtime.send(EVENT, data, person=audience.person, permission=permission, keep=False)
            return False
        return keep
