"""Wakes workers through SAQ on Redis: each token names a job, but what is run next is decided in Postgres.

A token lost, doubled or late does no harm: workers also look by themselves. See `claims.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from saq import Worker as SaqWorker
from saq.queue.redis import RedisQueue

from medianest_hub.infrastructure.redis import RedisLink

QUEUE = "mn-jobs"
FUNCTION = "run_job"
PUSH_SECONDS = 1.0
"""How long a token may take to be queued before it is given up; workers then find the job by looking."""


class _PatientQueue(RedisQueue):
    """SAQ's queue, except that a failing read rests before it ends: SAQ's worker asks again at once."""

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Any:
        try:
            return await super().dequeue(timeout, poll_interval)
        except Exception:  # RedisLink itself says once that Redis is away
            await asyncio.sleep(0.5 + random.random())  # nosec B311 # noqa: S311 - jitter, not a secret
            return None


class Dispatcher:
    """Queues tokens; used by every process. Never raises and never waits for a Redis that is away.

    `otherwise` is what to do for a token that could not be queued: wake workers in another way.
    """

    def __init__(self, redis: RedisLink, otherwise: Callable[[], Awaitable[Any]]) -> None:
        self._redis = redis
        self._otherwise = otherwise
        self.queue = _PatientQueue(redis.client, name=QUEUE)
        self._pushing: set[asyncio.Task[None]] = set()

    async def push(self, job_id: UUID, attempt: int = 0) -> bool:
        """Queue one token; False when that did not work."""
        if self._redis.is_away:
            return False
        # The rest of the key keeps a token that got stuck from blocking the next one for the same attempt.
        key = f"{job_id}:{attempt}:{secrets.token_hex(4)}"
        try:
            async with asyncio.timeout(PUSH_SECONDS):
                await self.queue.enqueue(FUNCTION, key=key, job_id=str(job_id), timeout=30, retries=1, ttl=-1)
        except Exception:
            return False
        return True

    def push_soon(self, job_ids: Iterable[UUID]) -> None:
        """Queue tokens in the background, or do what there is to do otherwise."""
        for job_id in job_ids:
            task = asyncio.create_task(self._push_or_otherwise(job_id), name="push-token")
            self._pushing.add(task)
            task.add_done_callback(self._pushing.discard)

    async def _push_or_otherwise(self, job_id: UUID) -> None:
        if not await self.push(job_id):
            with contextlib.suppress(Exception):  # workers look by themselves as well
                await self._otherwise()

    async def close(self) -> None:
        """Give tokens under way a moment to leave."""
        if self._pushing:
            await asyncio.wait(self._pushing, timeout=PUSH_SECONDS)


class TokenReader(SaqWorker[Any]):
    """Takes tokens while this worker has room for more work, so that a busy worker leaves them to an idle one."""

    SIGNALS = ()  # type: ignore[assignment]  # the process handles its signals itself

    def __init__(self, dispatcher: Dispatcher, wake: Callable[[], None], has_room: asyncio.Event) -> None:
        # Tokens live for milliseconds: nothing is ever scheduled, aborted or reported through SAQ.
        seldom = 24 * 3600
        super().__init__(
            dispatcher.queue,
            functions=[(FUNCTION, self._run_job)],
            concurrency=1,
            timers={"schedule": seldom, "worker_info": seldom, "abort": seldom, "sweep": 60},
            cancellation_hard_deadline_s=0.5,
        )
        # It logs a traceback for each upkeep in an outage, and a warning for each stop.
        logging.getLogger("saq").setLevel(logging.CRITICAL)
        self._wake = wake
        self._has_room = has_room

    async def _run_job(self, _context: Any, *, job_id: str) -> None:
        del job_id  # which job is next is for Postgres to say: the fairest, not the first
        self._wake()

    async def process(self) -> bool:
        """Wait for room, then for a token."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._has_room.wait()
            return await super().process()
        return False

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set."""
        reading = asyncio.create_task(self.start(), name="token-reader")
        try:
            await stop.wait()
        finally:
            self.event.set()
            await asyncio.wait({reading}, timeout=3.0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
