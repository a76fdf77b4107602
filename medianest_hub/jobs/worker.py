"""One worker: puts claiming, running, sweeping, scheduling, streams and event delivery together, and stops them in order."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.notices import Notices
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs import outbox, store
from medianest_hub.jobs.claimer import Claimer
from medianest_hub.jobs.claims import ClaimStore
from medianest_hub.jobs.deliveries import Deliveries
from medianest_hub.jobs.dispatch import TokenReader
from medianest_hub.jobs.handlers import Catalogue, Host
from medianest_hub.jobs.leases import LEASE_SECONDS, LeaseStore
from medianest_hub.jobs.notifying import Notifying
from medianest_hub.jobs.outcomes import Backoff
from medianest_hub.jobs.process_listeners import ProcessListeners
from medianest_hub.jobs.runner import HEARTBEAT_SECONDS, JobRunner
from medianest_hub.jobs.scheduler import Scheduler
from medianest_hub.jobs.store import JobStore
from medianest_hub.jobs.streams import StreamRunner
from medianest_hub.jobs.sweeper import DEAD_SECONDS, SWEEP_SECONDS, Sweeper
from medianest_hub.plugin_host import wanted

log = structlog.get_logger(__name__)

_MOST_TOKENS = 32
"""A burst of jobs needs no more tokens than this: a woken worker goes on until nothing is left."""


@dataclass(frozen=True, slots=True)
class Timings:
    """All in seconds; tests make them shorter. `grace`: how long short jobs may go on once the worker is to stop."""

    heartbeat: float = HEARTBEAT_SECONDS
    dead_after: float = DEAD_SECONDS
    sweep: float = SWEEP_SECONDS
    lease: float = LEASE_SECONDS
    backoff: float = 2.0
    stream_pause: float = 1.0
    grace: float = 2.5
    end_limit: float = 5.5


class Worker:
    """Runs the jobs of the host's plugins. `db` is a small pool of the worker's own, which no plugin can use up.

    The host's plugins are running (or starting) when `run` is called, and are stopped by the caller after it returns.
    `look_at_plugins` is called when Postgres notices that somebody changed what is wanted of them. `notifying` is run, too.
    """

    def __init__(
        self,
        *,
        db: Database,
        database_url: str,
        redis: RedisLink,
        host: Host,
        jobs: JobStore,
        realtime: RealtimeLog,
        concurrency: int,
        timings: Timings | None = None,
        look_at_plugins: Callable[[str], None] = lambda _payload: None,
        notifying: Notifying | None = None,
    ) -> None:
        self._times = times = timings or Timings()
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.taking = False
        """Whether it takes jobs: not before it runs, nor while it stops."""
        self._jobs = jobs
        claims = ClaimStore(db, self.name)
        catalogue = Catalogue(host)
        self.runner = JobRunner(
            claims,
            host,
            realtime,
            self._wake,
            self._offer,
            backoff=Backoff(times.backoff),
            heartbeat=times.heartbeat,
        )
        self.claimer = Claimer(claims, catalogue, self.runner, concurrency)
        self.scheduler = Scheduler(db, catalogue, self._wake)
        leases = LeaseStore(db, self.name, times.lease)
        self.streams = StreamRunner(leases, host, redis, realtime, pause=times.stream_pause)
        self.sweeper = Sweeper(
            db, realtime, self._offer, self.runner.tokens, dead_after=times.dead_after, every=times.sweep
        )
        self.deliveries = Deliveries(db, host, redis, self._offer)
        self._reader = TokenReader(jobs.dispatcher, self._wake, self.claimer.has_room)
        heard = {store.NOTIFY: self._noticed, outbox.NOTIFY: self._events_noticed, wanted.NOTIFY: look_at_plugins}
        self._notifying = notifying
        self._notices = Notices(database_url, heard | dict(notifying.heard if notifying is not None else {}))
        self._process_listeners = ProcessListeners(host, redis)
        self._loops = (
            *(self.claimer.loop, self.scheduler.loop, self.sweeper.loop, self.deliveries.loop, self.streams.loop),
            *(notifying.loops if notifying is not None else ()),
        )
        redis.subscribe(store.CHANNEL, self._told)
        redis.on_back(self._wake)
        host.subscribe(self._plugins_changed)

    @property
    def healthy(self) -> bool:
        """Whether everything it does in the background went well the last time."""
        return all(loop.healthy for loop in self._loops)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then take no more, let short jobs end, hand the others back and end the streams."""
        stop_taking = asyncio.Event()
        beating = asyncio.create_task(self.runner.keep_beating(), name="heartbeat")
        taking = [
            asyncio.create_task(self._notices.run(), name="notices"),
            *(asyncio.create_task(loop.run(), name=loop.name) for loop in self._loops),
        ]
        reading = asyncio.create_task(self._reader.run(stop_taking), name="tokens")
        log.info("worker_started", worker=self.name)
        self.taking = True
        try:
            await stop.wait()
        finally:
            self.taking = False
            stop_taking.set()
            await _cancelled(taking)
            limits = (self._times.grace, self._times.end_limit)
            await asyncio.gather(
                self.runner.drain(*limits),
                self.streams.stop(),
                reading,
                *([self._notifying.drain(*limits)] if self._notifying is not None else ()),
            )
            await _cancelled([beating])
            await self._jobs.dispatcher.close()
            log.info("worker_stopped", worker=self.name)

    def _wake(self) -> None:
        self.claimer.loop.wake()

    def _offer(self, job_ids: Iterable[UUID]) -> None:
        """These can be run: by us, or by whoever has room."""
        self._wake()
        self._jobs.dispatcher.push_soon(list(job_ids)[:_MOST_TOKENS])

    async def _told(self, message: dict[str, object]) -> None:
        if isinstance(job_id := message.get("cancel"), str):
            self.runner.cancel(UUID(job_id))

    def _noticed(self, payload: str) -> None:
        if payload.startswith("cancel:"):
            self.runner.cancel(UUID(payload.removeprefix("cancel:")))
        else:
            self._wake()

    def _events_noticed(self, _payload: str) -> None:
        self.deliveries.loop.wake()

    def _plugins_changed(self, *_change: object) -> None:
        self.claimer.loop.wake()
        self.scheduler.loop.wake()
        if self._notifying is not None:
            self._notifying.wake()


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
