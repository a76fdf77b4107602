"""How the hub is: its own checks, those of running plugins, and whether it is ready for requests; knows no HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from redis.exceptions import RedisError

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.core_tables.piccolo_app import APP_CONFIG
from medianest_hub.infrastructure.database import Database, DatabaseAway, is_transient
from medianest_hub.infrastructure.migrations import CORE, SchemaBehind, SchemaNewer, TablesApp, check
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisAway, RedisLink
from medianest_hub.plugin_api.health import CheckResult, HealthStatus
from medianest_hub.plugin_api.people import SIGNED_IN
from medianest_hub.plugin_host.announced import Announced
from medianest_hub.plugin_host.applied import Applied, amiss_elsewhere, applied
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.plugin_host.plugin_checks import GAUGE, Checked, PluginChecks
from medianest_hub.plugin_host.runtime import PluginRuntime

log = structlog.get_logger(__name__)

EVENT: Final = "service:status"

RUNNING: Final = "running"
"""The check that stands for a plugin that should run and cannot."""

CORE_TTL: Final = 2.0
CORE_TIMEOUT: Final = 3.0
READY_TTL: Final = 0.25
"""Seconds; so that polling, from wherever, is not work for the database."""

LOOK_SECONDS: Final = 5.0
"""How often results past their ttl are looked for while nobody asks."""

WORKER_SILENT_AFTER: Final = 45.0
_GIB: Final = 1024**3
DISK_DEGRADED: Final = _GIB
DISK_DOWN: Final = _GIB // 10
"""Bytes free below which it is said; PostgreSQL stops working at none at all."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready` with Postgres there and its schema fitting; `reasons` says what is missing or only degraded."""

    ready: bool
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """All results, the core's first. A plugin's service that is down only degrades the whole."""

    status: HealthStatus
    checks: list[Checked]


class Health:
    """`start` once the plugin host runs, so that changes are noticed while nobody asks; `stop` before the parts close."""

    def __init__(self, db: Database, redis: RedisLink, realtime: RealtimeLog, host: PluginHost, data_dir: Path) -> None:
        self._db = db
        self._redis = redis
        self._realtime = realtime
        self._host = host
        self._data_dir = data_dir
        self._announced = Announced(redis)
        self._plugin_checks = PluginChecks(redis, self._announced, self._changed)
        self._core_app = TablesApp(CORE, Path(APP_CONFIG.resolved_migrations_folder_path))
        self._core: tuple[list[Checked], float] = ([], 0.0)
        self._checking_core: asyncio.Task[list[Checked]] | None = None
        self._applied: tuple[dict[str, list[Applied]], float] = ({}, 0.0)
        self._readiness: tuple[Readiness, float] = (Readiness(False), 0.0)
        self._checking_readiness: asyncio.Task[Readiness] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._in_turn = asyncio.Lock()
        host.subscribe(self._plugin_checks.state_changed)

    async def start(self) -> None:
        """Begin looking by itself."""
        self._looking = asyncio.create_task(self._keep_looking(), name="health")

    async def stop(self) -> None:
        """End all checks under way."""
        under_way = (self._looking, self._checking_core, self._checking_readiness, *self._telling)
        tasks = [task for task in under_way if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._plugin_checks.close()

    async def ready(self) -> Readiness:
        """Whether this process can answer requests."""
        known, until = self._readiness
        if time.monotonic() < until:
            return known
        if self._checking_readiness is None or self._checking_readiness.done():
            self._checking_readiness = asyncio.create_task(self._find_readiness())
        return await asyncio.shield(self._checking_readiness)

    async def report(self) -> Report:
        """Every check with its last result; waits only for those that have none yet."""
        core, plugins = await asyncio.gather(self._core_results(), self._plugin_results())
        status = HealthStatus.OK
        if any(result.status is HealthStatus.DOWN for result in core):
            status = HealthStatus.DOWN
        elif any(result.status is not HealthStatus.OK for result in (*core, *plugins)):
            status = HealthStatus.DEGRADED
        return Report(status, [*core, *plugins])

    async def _plugin_results(self) -> list[Checked]:
        runtimes = self._host.runtimes.values()
        results, everywhere = await asyncio.gather(self._plugin_checks.results(runtimes), self._everywhere())
        for runtime in runtimes:
            there = amiss_elsewhere(runtime, everywhere.get(runtime.name, ()))
            if self._is_amiss(runtime):
                results.append(_not_running(runtime, runtime.state.value, runtime.reason))
            elif there is not None:
                results.append(_not_running(runtime, there.state, there.words))
        return sorted(results, key=lambda result: result.place)

    def _is_amiss(self, runtime: PluginRuntime) -> bool:
        """Whether it should run and cannot. One that is starting is not amiss yet, one nobody wants never is."""
        return runtime.state.is_amiss and runtime.name not in self._host.switched_off

    async def _everywhere(self) -> dict[str, list[Applied]]:
        """What each process made of each plugin; what was known last while the database is away."""
        known, until = self._applied
        if time.monotonic() >= until:
            self._applied = known, time.monotonic() + CORE_TTL  # enough for whoever asks meanwhile
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CORE_TIMEOUT):
                    known = await applied(self._db)
            self._applied = known, time.monotonic() + CORE_TTL
        return known

    async def _core_results(self) -> list[Checked]:
        known, until = self._core
        if time.monotonic() < until:
            return known
        if self._checking_core is None or self._checking_core.done():
            self._checking_core = asyncio.create_task(self._run_core_checks())
        return await asyncio.shield(self._checking_core)

    async def _run_core_checks(self) -> list[Checked]:
        checks = (
            _timed("postgres", self._check_postgres),
            _timed("redis", self._check_redis),
            _timed("disk", self._check_disk),
            _timed("worker", self._check_worker),
        )
        results = list(await asyncio.gather(*checks))
        before = {result.name: result.status for result in self._core[0]}
        for result in results:
            metrics.health_status.labels("", result.name).set(GAUGE[result.status])
        self._core = results, time.monotonic() + CORE_TTL
        changed = [result for result in results if before.get(result.name) is not result.status]
        if changed:
            # Behind the answer: the database it is kept in may be what is away.
            task = asyncio.create_task(self._tell_core(changed, before))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return results

    async def _tell_core(self, changed: list[Checked], before: dict[str, HealthStatus]) -> None:
        """Each process sees these for itself; one of them tells. How a check was at the first look goes without saying."""
        async with self._in_turn:
            for result in changed:
                at_first = before.get(result.name, result.status)
                if await self._announced.is_news(result.place, result.status, at_first=at_first):
                    await self._changed(result)

    async def _check_postgres(self) -> CheckResult:
        await self._db.fetchval("SELECT 1")
        return CheckResult()

    async def _check_redis(self) -> CheckResult:
        try:
            await self._redis.call("PING")
        except (RedisAway, RedisError) as error:
            return CheckResult(
                status=HealthStatus.DEGRADED,
                detail=f"Redis does not answer ({type(error).__name__}); limits are counted by each process alone "
                "and new jobs start late. Check redis.url and its server.",
            )
        return CheckResult()

    async def _check_disk(self) -> CheckResult:
        usage = await asyncio.to_thread(shutil.disk_usage, self._data_dir)
        data: dict[str, str | int | float | bool | None] = {"free_bytes": usage.free, "total_bytes": usage.total}
        if usage.free >= DISK_DEGRADED:
            return CheckResult(data=data)
        status = HealthStatus.DOWN if usage.free < DISK_DOWN else HealthStatus.DEGRADED
        words = f"Only {usage.free / _GIB:.2f} GiB are free in {self._data_dir}; make room before the database stops."
        return CheckResult(status=status, detail=words, data=data)

    async def _check_worker(self) -> CheckResult:
        silent = await self._db.fetchval(
            "SELECT extract(epoch FROM now() - max(seen_at))::float8 FROM medianest.processes WHERE role = 'worker'"
        )
        if silent is not None and silent <= WORKER_SILENT_AFTER:
            return CheckResult()
        words = "No worker is running" if silent is None else f"No worker was seen for {silent:.0f} s"
        return CheckResult(
            status=HealthStatus.DEGRADED, detail=f"{words}; jobs wait until one is started (`medianest worker`)."
        )

    async def _find_readiness(self) -> Readiness:
        reasons = []
        try:
            async with asyncio.timeout(CORE_TIMEOUT):
                await check(self._db, [self._core_app])
            ready = True
        except (SchemaNewer, SchemaBehind) as error:
            ready, reasons = False, [str(error)]
        except Exception as error:
            if not is_transient(error):
                log.exception("readiness_unknown")
            ready, reasons = False, ["The database does not answer."]
        if ready and self._redis.is_away:
            reasons = ["Redis is away: degraded."]
        readiness = Readiness(ready, reasons)
        self._readiness = readiness, time.monotonic() + READY_TTL
        return readiness

    async def _keep_looking(self) -> None:
        while True:
            with contextlib.suppress(Exception):
                await self.report()
            await asyncio.sleep(LOOK_SECONDS)

    async def _changed(self, result: Checked) -> None:
        """Once down and once up: in the log of the process that saw it, and on every open page."""
        _log_change(result)
        news = {
            "plugin": result.plugin,
            "instance": result.instance,
            "check": result.name,
            "status": result.status.value,
        }
        try:
            try:
                await self._realtime.send(EVENT, news, permission=SIGNED_IN)
            except DatabaseAway:  # pages that are open can hear of it all the same
                await self._realtime.send(EVENT, news, permission=SIGNED_IN, keep=False)
        except Exception as error:
            log.warning("status_not_sent", error=type(error).__name__)


async def _timed(name: str, run: Callable[[], Awaitable[CheckResult]]) -> Checked:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CORE_TIMEOUT):
            outcome = await run()
    except Exception as error:
        words = "does not answer" if is_transient(error) else f"cannot be checked ({type(error).__name__})"
        outcome = CheckResult(status=HealthStatus.DOWN, detail=f"{name} {words}.")
    return Checked("", "", name, outcome.status, outcome.detail, outcome.data, time.time(), time.perf_counter() - began)


def _not_running(runtime: PluginRuntime, state: str, reason: str) -> Checked:
    """Stands for the checks of a plugin that does not run, here or in another process: they cannot be asked."""
    detail = f"The plugin is not running ({state.replace('_', ' ')}): {reason}"
    return Checked(runtime.name, runtime.instance, RUNNING, HealthStatus.DEGRADED, detail, {}, time.time(), 0.0)


def _log_change(result: Checked) -> None:
    say = log.info if result.status is HealthStatus.OK else log.warning
    say(
        "health_changed",
        plugin=result.plugin,
        instance=result.instance,
        check=result.name,
        status=result.status.value,
        detail=result.detail,
    )
