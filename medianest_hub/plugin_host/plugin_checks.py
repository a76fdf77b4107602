"""Runs plugins' health checks, each once per ttl over all replicas, bounded in time; tells of changes, knows no HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import structlog
from pydantic_core import to_json
from redis.exceptions import RedisError

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.known_secrets import hide
from medianest_hub.infrastructure.redis import RedisAway, RedisLink, Script
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.health import CheckResult, HealthCheck, HealthStatus
from medianest_hub.plugin_host.announced import Announced
from medianest_hub.plugin_host.bounded import contained
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState

log = structlog.get_logger(__name__)

GAUGE: Final = {HealthStatus.OK: 1.0, HealthStatus.DEGRADED: 0.5, HealthStatus.DOWN: 0.0}

_KEPT_SECONDS = 3600
_LONGEST_DETAIL = 500
_MOST_DATA = 8192
_POLL = 0.05
_LOST = (RedisAway, RedisError)
_UNLOCK = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")


@dataclass(frozen=True, slots=True)
class Checked:
    """One check's last result. `plugin` is empty for the core's own; `at` in seconds since 1970, `latency` in seconds."""

    plugin: str
    instance: str
    name: str
    status: HealthStatus
    detail: str
    data: dict[str, Any]
    at: float
    latency: float
    generation: int = 0

    @property
    def place(self) -> tuple[str, str, str]:
        """Which check it is the result of."""
        return self.plugin, self.instance, self.name

    def age(self, now: float) -> float:
        """Seconds since it was found out; never negative, also when a clock was set back."""
        return max(0.0, now - self.at)


Changed = Callable[[Checked], Awaitable[None]]
"""Told of a result whose status differs from the one told last, in the process that ran the check."""


class PluginChecks:
    """`results` answers at once with what is known; what is older than its ttl is found out anew in the background."""

    def __init__(
        self, redis: RedisLink, announced: Announced, changed: Changed, *, now: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._announced = announced
        self._changed = changed
        self._now = now
        self._known: dict[tuple[str, str, str], Checked] = {}
        self._running: dict[tuple[str, str, str], asyncio.Task[Checked | None]] = {}
        self._hanging: dict[tuple[str, str, str], asyncio.Task[CheckResult | None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def results(self, runtimes: Iterable[PluginRuntime]) -> list[Checked]:
        """The results of all checks of all running plugins, side by side."""
        found = await asyncio.gather(
            *(
                self.result(runtime, check)
                for runtime in runtimes
                if runtime.running and runtime.plugin is not None
                for check in runtime.plugin.health_checks
            )
        )
        return [result for result in found if result is not None]

    async def result(self, runtime: PluginRuntime, check: HealthCheck) -> Checked | None:
        """The last result; waits only when there is none of this generation. None when the plugin stopped meanwhile."""
        place = (runtime.name, runtime.instance, check.name)
        known = self._of_generation(self._known.get(place), runtime)
        if known is not None and self._is_fresh(known, check):
            return known
        shared = self._of_generation(await self._read(place), runtime)
        if shared is not None and (known is None or shared.at > known.at):  # older: Redis was away meanwhile
            self._learn(shared)
            known = shared
            if self._is_fresh(shared, check):
                return shared
        refreshing = self._running.get(place)
        if refreshing is None:
            refreshing = self._spawn(self._refresh(runtime, check, place))
            self._running[place] = refreshing
            refreshing.add_done_callback(lambda _: self._running.pop(place, None))
        return known if known is not None else await asyncio.shield(refreshing)

    def state_changed(self, runtime: PluginRuntime, _before: PluginState, after: PluginState) -> None:
        """Forget the results of a plugin that no longer runs; give it to `PluginHost.subscribe`.

        What was told last is forgotten only of one that was switched off, not of one that starts anew or whose process ends.
        """
        if after is PluginState.RUNNING:
            return
        places = [place for place in self._known if place[:2] == (runtime.name, runtime.instance)]
        for place in places:
            del self._known[place]
            _remove_gauge(place)
        if self._closed:
            return
        if places:
            self._spawn(self._forget_shared(places))
        if after.is_hidden and runtime.plugin is not None:
            checks = [(runtime.name, runtime.instance, check.name) for check in runtime.plugin.health_checks]
            self._spawn(self._announced.drop(checks))

    async def close(self) -> None:
        """Cancel what is under way; from then on nothing shared is forgotten, as other processes go on."""
        self._closed = True
        tasks = [*self._tasks, *self._hanging.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            # Not longer: a check may ignore that it was cancelled.
            await asyncio.wait(tasks, timeout=0.5)

    def _is_fresh(self, result: Checked, check: HealthCheck) -> bool:
        # A result from the future was found out before the clock was set back: nobody knows how old it is.
        return 0 <= self._now() - result.at < check.ttl

    @staticmethod
    def _of_generation(result: Checked | None, runtime: PluginRuntime) -> Checked | None:
        return result if result is not None and result.generation == runtime.generation else None

    async def _refresh(self, runtime: PluginRuntime, check: HealthCheck, place: tuple[str, str, str]) -> Checked | None:
        """Run it, unless another replica does already: then wait for its result."""
        lock, token = f"{_key(place)}:lock", uuid4().hex
        limit_ms = int((check.timeout + 2.0) * 1000)
        try:
            mine = await self._redis.call("SET", lock, token, "NX", "PX", limit_ms) is not None
        except _LOST:
            mine = True
        if not mine and (result := await self._wait_for_other(runtime, check, place)) is not None:
            return result
        try:
            return await self._run_and_share(runtime, check, place)
        finally:
            await self._quietly(self._redis.eval(_UNLOCK, [lock], [token]))

    async def _wait_for_other(
        self, runtime: PluginRuntime, check: HealthCheck, place: tuple[str, str, str]
    ) -> Checked | None:
        ends = time.monotonic() + check.timeout + 2.0
        while time.monotonic() < ends and not self._redis.is_away:
            result = self._of_generation(await self._read(place), runtime)
            if result is not None and self._is_fresh(result, check):
                self._learn(result)
                return result
            await asyncio.sleep(_POLL)
        return None

    async def _run_and_share(
        self, runtime: PluginRuntime, check: HealthCheck, place: tuple[str, str, str]
    ) -> Checked | None:
        generation, began = runtime.generation, time.perf_counter()
        outcome = await self._bounded(runtime, check, place)
        if outcome is None or not runtime.running:
            return None
        result = Checked(
            *place,
            outcome.status,
            hide(outcome.detail)[:_LONGEST_DETAIL],
            _bounded_data(outcome.data),
            self._now(),
            time.perf_counter() - began,
            generation,
        )
        self._remember(result)
        await self._quietly(self._redis.call("SET", _key(place), _packed(result), "EX", _KEPT_SECONDS))
        if await self._announced.is_news(place, result.status):
            await self._changed(result)
        return result

    async def _bounded(
        self, runtime: PluginRuntime, check: HealthCheck, place: tuple[str, str, str]
    ) -> CheckResult | None:
        """The outcome within the check's timeout, whatever the check does; None when the plugin does not run."""
        if place in self._hanging:
            return _down("an earlier run of this check still hangs and does not let itself be stopped")
        task = asyncio.create_task(_call(runtime, check), name=f"health-{runtime.name}-{check.name}")
        try:
            done, _ = await asyncio.wait((task,), timeout=check.timeout)
        finally:
            task.cancel()
        if not done:
            self._hanging[place] = task
            task.add_done_callback(lambda ended: self._ended_late(place, ended))
            return _down(f"there was no answer within {check.timeout:g} s")
        try:
            outcome: Any = task.result()
        except HubError as error:
            return _down(error.message)
        except (Exception, asyncio.CancelledError) as error:
            # Its text may hold anything, so only the log gets it.
            log.warning("health_check_raised", plugin=runtime.name, check=check.name, error=repr(error)[:500])
            return _down(f"the check itself failed ({type(error).__name__}); the log says more")
        if outcome is not None and not isinstance(outcome, CheckResult):
            return _down(f"the check answered {type(outcome).__name__} instead of CheckResult")
        return outcome

    def _ended_late(self, place: tuple[str, str, str], task: asyncio.Task[CheckResult | None]) -> None:
        self._hanging.pop(place, None)
        if not task.cancelled():
            task.exception()  # asked for, so that nobody complains that it was not

    def _learn(self, result: Checked) -> None:
        """Another process found it out."""
        self._remember(result)
        self._announced.learn(result.place, result.status)

    def _remember(self, result: Checked) -> None:
        self._known[result.place] = result
        metrics.health_status.labels(result.plugin, result.name).set(GAUGE[result.status])

    async def _read(self, place: tuple[str, str, str]) -> Checked | None:
        try:
            raw = await self._redis.call("GET", _key(place))
            return None if raw is None else _unpacked(place, json.loads(raw))
        except (*_LOST, ValueError, KeyError, TypeError):
            return None

    async def _forget_shared(self, places: list[tuple[str, str, str]]) -> None:
        await self._quietly(self._redis.call("DEL", *map(_key, places)))

    @staticmethod
    async def _quietly(command: Awaitable[Any]) -> None:
        try:
            await command
        except _LOST:
            return

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _call(runtime: PluginRuntime, check: HealthCheck) -> CheckResult | None:
    with ExitStack() as stack:
        try:
            context = stack.enter_context(runtime.use())
        except HubError:
            return None  # switched off in this very moment
        outcome: Any = await contained(check(context))
        if outcome is None:
            raise TypeError("it returned None")
        return outcome  # type: ignore[no-any-return]


def _down(detail: str) -> CheckResult:
    return CheckResult(status=HealthStatus.DOWN, detail=detail)


def _bounded_data(data: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it; nothing of what is too much or has no such form."""
    text = hide(to_json(data, inf_nan_mode="null", fallback=lambda _value: None).decode())
    return dict(json.loads(text)) if len(text) <= _MOST_DATA else {}


def _key(place: tuple[str, str, str]) -> str:
    return "mn:health:" + ":".join(place)


def _remove_gauge(place: tuple[str, str, str]) -> None:
    try:
        metrics.health_status.remove(place[0], place[2])
    except KeyError:
        return


def _packed(result: Checked) -> str:
    return json.dumps(
        {
            "status": result.status.value,
            "detail": result.detail,
            "data": result.data,
            "at": result.at,
            "latency": result.latency,
            "generation": result.generation,
        },
        separators=(",", ":"),
    )


def _unpacked(place: tuple[str, str, str], content: dict[str, Any]) -> Checked:
    return Checked(
        *place,
        HealthStatus(content["status"]),
        str(content["detail"]),
        dict(content["data"]),
        float(content["at"]),
        float(content["latency"]),
        int(content["generation"]),
    )
