"""The worker's part of notifications: announces what was told, and sends by the ways people chose. Decides no preference."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.database import Database, is_transient
from medianest_hub.jobs.loops import Loop
from medianest_hub.jobs.outcomes import LONGEST_RETRY_AFTER, Backoff, of_error
from medianest_hub.notifications.announcing import BATCH
from medianest_hub.notifications.deliveries import GIVEN_UP_AFTER, Claimed
from medianest_hub.notifications.room import Notifications
from medianest_hub.notifications.telling import NOTIFY
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.tasks import JobState
from medianest_hub.plugin_host.bounded import StillRunning, within

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 2.0
TIDY_SECONDS: Final = 30.0
AT_ONCE: Final = 4
"""Messages being sent by one way in this worker."""

FIRST_PAUSE: Final = 20.0
GROWTH: Final = 6.0
LONGEST_PAUSE: Final = 12 * 3600.0
"""Seconds between attempts: 20 seconds, 2 minutes, 12 minutes, 72 minutes, 7 hours, then every 12 hours."""

_NOT_RUNNING_SECONDS: Final = 5.0
_UNCERTAIN_WORDS: Final = "It took too long; it may have got through, so it is not sent again."
_ENDED_WORDS: Final = "The worker was stopped while it was sent; it may have got through, so it is not sent again."


class Notifying:
    """Two loops. `db` is a pool no plugin can use up. `first_pause`: seconds until the second attempt."""

    def __init__(self, room: Notifications, db: Database, *, first_pause: float = FIRST_PAUSE) -> None:
        self._room = room
        self._db = db
        self._first_pause = first_pause
        self._at_work: dict[asyncio.Task[None], str] = {}
        self._tidied_at: datetime | None = None
        self._claiming: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._announcing = Loop("announcing", self.announce)
        self._sending = Loop("sending", self.send)
        self.loops = (self._announcing, self._sending)
        self.heard: Mapping[str, Callable[[str], None]] = {NOTIFY: self._told}

    def wake(self) -> None:
        """Something may be due."""
        self._sending.wake()

    async def idle(self) -> None:
        """Wait until nothing is being sent here."""
        while self._at_work:
            await asyncio.wait(self._at_work)

    async def drain(self, grace: float, limit: float) -> None:
        """Let what is being sent get through within `grace` seconds; what is cut off is not sent again."""
        self._stopping.set()
        if self._claiming is not None:
            await asyncio.wait({self._claiming}, timeout=grace)
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=grace)
        for task in self._at_work:
            task.cancel()
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=limit)

    def _told(self, _payload: str) -> None:
        self._announcing.wake()

    async def announce(self) -> float:
        """Take one batch of what was told; returns seconds until the next look."""
        taken = await self._room.announcing.take(self._db)
        if taken:
            self._sending.wake()
        return 0.0 if taken == BATCH else POLL_SECONDS

    async def send(self) -> float:
        """Claim what is due and begin to send it; returns seconds until the next look."""
        now = self._room.clock.now()
        if self._tidied_at is None or (now - self._tidied_at).total_seconds() >= TIDY_SECONDS:
            await self._room.deliveries.tidy(self._db, now)
            self._tidied_at = now
        if not self._stopping.is_set():
            # Not to be cut off between the claim and its beginning: what was claimed then would count as lost.
            self._claiming = asyncio.create_task(self._begin(now), name="claim-deliveries")
            await asyncio.shield(self._claiming)
        due = await self._room.deliveries.next_at(self._db, now)
        return POLL_SECONDS if due is None else min(POLL_SECONDS, (due - now).total_seconds())

    async def _begin(self, now: datetime) -> None:
        busy = Counter(self._at_work.values())
        ways = [(way, AT_ONCE - busy[id]) for id, way in self._room.ways.running().items() if busy[id] < AT_ONCE]
        if not ways:
            return
        for claimed in await self._room.deliveries.claim(self._db, ways, now):
            if self._stopping.is_set():
                await self._room.deliveries.again(self._db, claimed, now, counted=False)
                continue
            task = asyncio.create_task(self._attempt(claimed), name=f"notify:{claimed.way.id}")
            self._at_work[task] = claimed.way.id
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._at_work.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The row stays claimed, and counts as uncertain when its time is over.
            log.error("delivery_not_settled", exc_info=None if is_transient(error) else error)
        self._sending.wake()

    async def _attempt(self, claimed: Claimed) -> None:
        try:
            reached = await self._is_reached(claimed)
        except asyncio.CancelledError:
            await self._room.deliveries.again(self._db, claimed, self._room.clock.now(), counted=False)
            raise
        if not reached:
            return
        try:
            await self._deliver(claimed)
        except asyncio.CancelledError:
            await self._settle(claimed, "uncertain", _ENDED_WORDS)
            raise

    async def _is_reached(self, claimed: Claimed) -> bool:
        """Whether to go on; nothing was sent yet, so whatever goes wrong here may be tried again."""
        try:
            reached = await claimed.way.reaches(claimed.person)
        except Exception as error:
            if not claimed.way.runtime.running:
                await self._hand_back(claimed)
            else:
                await self._failed(claimed, error)
            return False
        if not reached:
            await self._settle(claimed, "skipped")
        return reached

    async def _deliver(self, claimed: Claimed) -> None:
        notifier = claimed.way.notifier
        message = self._room.wording.message(claimed.happened, claimed.language)
        with contextlib.ExitStack() as stack:
            try:
                context = stack.enter_context(claimed.way.runtime.use())
            except HubError:
                await self._hand_back(claimed)
                return
            try:
                await within(notifier.timeout, notifier.deliver(context, claimed.person, message))
            except StillRunning:
                await self._settle(claimed, "uncertain", _UNCERTAIN_WORDS)
            except Exception as error:
                await self._failed(claimed, error)
            else:
                await self._settle(claimed, "sent")

    async def _failed(self, claimed: Claimed, error: Exception) -> None:
        """Nothing was sent: again later, unless that is no use or a day has passed."""
        now = self._room.clock.now()
        backoff = Backoff(self._first_pause)
        last = claimed.attempt > claimed.way.notifier.retries
        settled = of_error(error, last=last, attempts=claimed.attempt, backoff=backoff)
        words = settled.error_message or ""
        pause = self._first_pause * GROWTH ** (claimed.attempt - 1)
        pause = min(pause, LONGEST_PAUSE) * (0.75 + 0.5 * random.random())  # nosec B311 # noqa: S311 - jitter
        asked = error.retry_after if isinstance(error, HubError) else None
        again = now + timedelta(seconds=min(max(asked or 0.0, pause), LONGEST_RETRY_AFTER))
        final = settled.state is JobState.FAILED or again > claimed.due_at + GIVEN_UP_AFTER
        log.log(
            30,
            "delivery_failed",
            way=claimed.way.id,
            attempt=claimed.attempt,
            code=settled.error_code,
            final=final,
            exc_info=None if isinstance(error, HubError | TimeoutError) else error,
        )
        if final:
            await self._settle(claimed, "failed", words)
        else:
            await self._room.deliveries.again(self._db, claimed, again, words)
            _count(claimed, "retried")

    async def _hand_back(self, claimed: Claimed) -> None:
        again = self._room.clock.now() + timedelta(seconds=_NOT_RUNNING_SECONDS)
        await self._room.deliveries.again(self._db, claimed, again, counted=False)

    async def _settle(self, claimed: Claimed, state: str, error: str = "") -> None:
        """Write what it came to, waiting out an outage of Postgres: else it would count as lost."""
        pause = 0.2
        while True:
            try:
                await self._room.deliveries.settle(self._db, claimed.token, state, self._room.clock.now(), error)
                break
            except Exception as away:
                if not is_transient(away) or self._stopping.is_set():
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        _count(claimed, state)


def _count(claimed: Claimed, outcome: str) -> None:
    metrics.deliveries.labels(claimed.way.id, outcome).inc()
