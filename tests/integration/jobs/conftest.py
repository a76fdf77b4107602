"""A bench for background work: real Postgres and Valkey, plugins declared in the test, workers in this process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.realtime_log import CHANNEL, RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs.outbox import Outbox
from medianest_hub.jobs.plugin_services import PluginEvents, PluginJobs
from medianest_hub.jobs.store import JobStore
from medianest_hub.jobs.worker import Timings, Worker
from medianest_hub.plugin_api import JobState, JobView, Listener, PluginInfo, PluginSettings, Stream, Task
from medianest_hub.plugin_host.context import ContextFactory, Services
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.runtime import PluginRuntime, StateChanged
from medianest_hub.plugin_host.states import PluginState

QUICK = Timings(
    heartbeat=0.3, dead_after=1.5, sweep=0.2, lease=2.0, backoff=0.05, stream_pause=0.05, grace=0.3, end_limit=3.0
)


class PluginSet:
    """The plugins of one process: real runtimes of declarations made in the test."""

    def __init__(self, db: Database, folder: Path, jobs: JobStore, outbox: Outbox) -> None:
        self.runtimes: dict[str, PluginRuntime] = {}
        self._subscribers: list[StateChanged] = []
        self._jobs, self._outbox = jobs, outbox
        self._factory = ContextFactory("worker", db, folder, self._services)

    def subscribe(self, callback: StateChanged) -> None:
        self._subscribers.append(callback)

    async def add(
        self,
        name: str,
        *,
        tasks: Sequence[Task] = (),
        streams: Sequence[Stream] = (),
        listeners: Sequence[Listener] = (),
        start: bool = True,
    ) -> PluginRuntime:
        info = PluginInfo(title=name, api_version=1)
        plugin = LoadedPlugin(
            name, f"medianest-{name}", "1", info, tasks=tuple(tasks), streams=tuple(streams), listeners=tuple(listeners)
        )
        runtime = PluginRuntime(name, plugin, self._factory, changed=self._changed)
        self.runtimes[name] = runtime
        if start:
            await self.switch_on(name)
        return runtime

    async def switch_on(self, name: str, generation: int = 1) -> None:
        await self.runtimes[name].start(generation, PluginSettings())
        await eventually(lambda: self.runtimes[name].running)

    async def switch_off(self, name: str) -> None:
        await self.runtimes[name].stop()

    async def close(self) -> None:
        for runtime in self.runtimes.values():
            await runtime.stop()
            await runtime.settled()

    def _changed(self, runtime: PluginRuntime, before: PluginState, after: PluginState) -> None:
        for callback in self._subscribers:
            callback(runtime, before, after)

    def _services(self, plugin: LoadedPlugin, instance: str) -> Services:
        async def close() -> None:
            """Nothing was opened."""

        absent: Any = SimpleNamespace()
        services: dict[str, Any] = dict.fromkeys(
            ("cache", "http", "realtime", "notify", "people", "images", "secrets", "metrics"), absent
        )
        return Services(
            **services,
            jobs=PluginJobs(self._jobs, plugin, instance),
            events=PluginEvents(self._outbox, plugin, instance),
            close=close,
        )


class Process:
    """The parts of one process; several of them make a cluster."""

    def __init__(self, postgres_url: str, db: Database, redis_url: str, folder: Path, *, worker: bool) -> None:
        self.url = postgres_url
        self.db = db
        self.redis = RedisLink.open(redis_url, worker=worker)
        self.realtime = RealtimeLog(db, self.redis)
        self.jobs = JobStore(db, self.redis, self.realtime)
        self.outbox = Outbox(db, self.redis)
        self.plugins = PluginSet(db, folder, self.jobs, self.outbox)

    @contextlib.asynccontextmanager
    async def working(self, timings: Timings = QUICK, concurrency: int = 8) -> AsyncIterator[Worker]:
        """A worker at work until the block ends."""
        db = await Database.connect(self.url, max_size=3)
        worker = Worker(
            db=db,
            database_url=self.url,
            redis=self.redis,
            host=self.plugins,
            jobs=self.jobs,
            realtime=self.realtime,
            concurrency=concurrency,
            timings=timings,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            await self.redis.wait_subscribed()
            yield worker
        finally:
            stop.set()
            await running
            await db.close()

    async def ended(self, job_id: UUID, within: float = 10.0) -> JobView:
        """The job once it is done, failed or cancelled."""
        return await self.in_state(job_id, JobState.DONE, JobState.FAILED, JobState.CANCELLED, within=within)

    async def in_state(self, job_id: UUID, *states: JobState, within: float = 10.0) -> JobView:
        seen: list[JobView] = []

        async def look() -> bool:
            view = await self.jobs.get(job_id)
            assert view is not None
            seen.append(view)
            return view.state in states

        await eventually(look, within)
        return seen[-1]

    async def row(self, job_id: UUID) -> Mapping[str, Any]:
        """The whole row."""
        row = await self.db.fetchrow("SELECT * FROM medianest.jobs WHERE id = $1", job_id)
        assert row is not None
        return dict(row)

    def listen(self) -> list[dict[str, Any]]:
        """Every event sent to open pages from now on (events appear in the list as they come)."""
        heard: list[dict[str, Any]] = []

        async def hear(message: dict[str, Any]) -> None:
            heard.append({**message, "heard_at": time.monotonic()})

        self.redis.subscribe(CHANNEL, hear)
        return heard


class Bench:
    """Makes processes on one database and one Redis."""

    def __init__(self, postgres_url: str, redis_url: str, folder: Path) -> None:
        self.postgres_url = postgres_url
        self.redis_url = redis_url
        self._folder = folder
        self._exits = contextlib.AsyncExitStack()

    async def process(self, *, worker: bool = True) -> Process:
        db = await Database.connect(self.postgres_url, max_size=5)
        self._exits.push_async_callback(db.close)
        process = Process(self.postgres_url, db, self.redis_url, self._folder, worker=worker)
        self._exits.push_async_callback(process.redis.close)
        self._exits.push_async_callback(process.plugins.close)
        await process.redis.start()
        return process

    async def close(self) -> None:
        await self._exits.aclose()


@pytest.fixture
async def bench(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(postgres_url, redis_url, tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def hub(bench: Bench) -> Process:
    """One worker process's parts."""
    return await bench.process()


@contextlib.asynccontextmanager
async def rolled_back(db: Database) -> AsyncIterator[Any]:
    """A transaction that fails after the block."""
    with contextlib.suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            yield tx
            raise ZeroDivisionError


async def eventually(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], within: float = 10.0) -> None:
    """Wait until it is true; for what no event tells of."""
    ends = time.monotonic() + within
    while True:
        outcome = condition()
        if outcome if isinstance(outcome, bool) else await outcome:
            return
        if time.monotonic() > ends:
            raise TimeoutError(f"not true within {within} s")
        await asyncio.sleep(0.02)
