"""Keeps each stream of the running plugins going in one worker of the cluster, as far as this worker holds its lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from medianest_hub.infrastructure.database import is_transient
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs import metrics
from medianest_hub.jobs.handlers import Host
from medianest_hub.jobs.leases import LeaseStore
from medianest_hub.jobs.loops import Loop
from medianest_hub.jobs.outcomes import Backoff
from medianest_hub.jobs.store import CHANNEL
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError
from medianest_hub.plugin_api.people import ADMIN
from medianest_hub.plugin_api.streams import Lease, Stream
from medianest_hub.plugin_host.bounded import contained
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.5
"""How often leases are renewed, and free ones asked for."""

END_SECONDS = 2.0
"""How long a stream may take to end once cancelled. A lease not renewed is given up this long before it runs out."""

STEADY_SECONDS = 60.0
"""A stream that went on for this long begins anew with the shortest pause."""


@dataclass(slots=True, eq=False)
class _Held:
    """A stream this worker runs."""

    name: str
    fence: int
    runtime: PluginRuntime
    stream: Stream
    generation: int
    task: asyncio.Task[None] | None = None
    expiry: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class StreamRunner:
    """Holds leases and runs their streams. `pause` is the first pause before a stream is begun again."""

    def __init__(
        self, leases: LeaseStore, host: Host, redis: RedisLink, realtime: RealtimeLog, *, pause: float = 1.0
    ) -> None:
        self._leases = leases
        self._host = host
        self._redis = redis
        self._realtime = realtime
        self._pause = pause
        self._held: dict[str, _Held] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._look_seconds = min(LOOK_SECONDS, leases.seconds / 4)
        self.loop = Loop("streams", self._look)
        host.subscribe(self._plugin_changed)
        redis.subscribe(CHANNEL, self._hinted)

    def held(self) -> dict[str, int]:
        """What this worker holds: lease name to fence."""
        return {name: held.fence for name, held in self._held.items()}

    async def stop(self) -> None:
        """End all streams and give up their leases, so that another worker may go on at once."""
        await self._end(list(self._held.values()))
        await asyncio.gather(*self._telling)

    async def _look(self) -> float:
        wanted = {
            f"{name}:{runtime.instance}:{stream.name}": (runtime, stream)
            for name, runtime in self._host.runtimes.items()
            if runtime.running and runtime.plugin is not None
            for stream in runtime.plugin.streams
        }
        await self._end([held for name, held in self._held.items() if name not in wanted])
        await self._renew()
        for held in list(self._held.values()):
            if held.generation != held.runtime.generation or held.task is None or held.task.done():
                await self._begin_again(held)
        if missing := [name for name in wanted if name not in self._held]:
            await self._acquire({name: wanted[name] for name in missing})
        return self._look_seconds

    async def _acquire(self, wanted: dict[str, tuple[PluginRuntime, Stream]]) -> None:
        asked_at = asyncio.get_running_loop().time()
        for name, fence in (await self._leases.acquire(list(wanted))).items():
            runtime, stream = wanted[name]
            held = _Held(name, fence, runtime, stream, runtime.generation)
            self._held[name] = held
            self._extend(held, asked_at)
            held.task = self._begin(held)
            metrics.stream_held.labels(runtime.name, stream.name).set(1)
            log.info("stream_begins", stream=name, fence=fence)

    async def _renew(self) -> None:
        if not self._held:
            return
        asked_at = asyncio.get_running_loop().time()
        kept = await self._leases.renew(self.held())
        for held in list(self._held.values()):
            if held.name in kept:
                self._extend(held, asked_at)
            else:
                log.warning("stream_lease_lost", stream=held.name, fence=held.fence)
                await self._end([held], release=False)

    def _extend(self, held: _Held, asked_at: float) -> None:
        """The lease is ours until `asked_at` plus its length at least; end the stream in good time before that."""
        if held.expiry is not None:
            held.expiry.cancel()
        loop = asyncio.get_running_loop()
        margin = min(END_SECONDS + 0.5, self._leases.seconds / 4)
        held.expiry = loop.call_at(asked_at + self._leases.seconds - margin, self._expire, held)

    def _expire(self, held: _Held) -> None:
        log.warning("stream_lease_not_renewed", stream=held.name, fence=held.fence)
        held.cancel()
        self._forget(held)

    async def _end(self, ending: Iterable[_Held], *, release: bool = True) -> None:
        ending = list(ending)
        for held in ending:
            held.cancel()
            self._forget(held)
        tasks = [held.task for held in ending if held.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=END_SECONDS)
        ended = {held.name: held.fence for held in ending if held.task is None or held.task.done()}
        for held in ending:
            if held.name not in ended:
                log.error("stream_does_not_stop", stream=held.name)
        if ended and release:
            # Should this fail, the leases run out by themselves.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(END_SECONDS):
                    await self._leases.release(ended)
                await self._redis.publish(CHANNEL, {"leases": "free"})

    def _forget(self, held: _Held) -> None:
        if held.expiry is not None:
            held.expiry.cancel()
        if self._held.get(held.name) is held:
            del self._held[held.name]
            metrics.stream_held.labels(held.runtime.name, held.stream.name).set(0)

    async def _begin_again(self, held: _Held) -> None:
        """The same lease, but a new context (or a task that ended by itself)."""
        held.cancel()
        if held.task is not None:
            await asyncio.wait({held.task}, timeout=END_SECONDS)
            if not held.task.done():
                log.error("stream_does_not_stop", stream=held.name)
                self._forget(held)
                return
        held.generation = held.runtime.generation
        held.task = self._begin(held)

    def _begin(self, held: _Held) -> asyncio.Task[None]:
        return asyncio.create_task(self._keep(held), name=f"stream:{held.name}")

    async def _keep(self, held: _Held) -> None:
        structlog.contextvars.bind_contextvars(stream=held.name)
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._pause, held.stream.max_backoff)
        failures = 0
        while self._held.get(held.name) is held:
            started, generation = loop.time(), held.runtime.generation
            try:
                with held.runtime.use() as ctx:
                    await contained(held.stream.run(ctx, Lease(held.stream.name, held.fence)))
                log.info("stream_ended", plugin=held.runtime.name)
            except Exception as error:
                if not held.runtime.running or self._gives_up(held, generation, error):
                    return
                self._report(held, error, failures)
            if loop.time() - started > STEADY_SECONDS:
                failures = 0
            failures += 1
            await asyncio.sleep(backoff.after(failures))

    def _gives_up(self, held: _Held, generation: int, error: Exception) -> bool:
        """Whether it must not be begun again: refused is refused, and asking on could lock the account at the service.

        The plugin stops in this worker, which gives up the lease; the next worker is refused once as well.
        """
        if not isinstance(error, (AuthFailed, ConfigInvalid)) or not held.runtime.give_up(generation, error):
            return False
        log.warning("stream_refused", plugin=held.runtime.name, error=held.runtime.reason)
        telling = asyncio.create_task(self._tell(held.runtime))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        return True

    async def _tell(self, runtime: PluginRuntime) -> None:
        """Open pages of admins hear it from here, as each web process tells only of its own plugins."""
        state = {
            "plugin": runtime.name,
            "instance": runtime.instance,
            "state": runtime.state.value,
            "reason": runtime.reason,
        }
        await self._realtime.send("plugin:state", state, permission=ADMIN, keep=False)

    def _report(self, held: _Held, error: Exception, failures: int) -> None:
        """The first failure in a row with all there is to know, the others in a line."""
        expected = isinstance(error, HubError) or is_transient(error)
        log.warning(
            "stream_failed",
            plugin=held.runtime.name,
            error=str(error) if isinstance(error, HubError) else type(error).__name__,
            exc_info=None if expected or failures else error,
        )

    def _plugin_changed(self, runtime: PluginRuntime, _before: PluginState, after: PluginState) -> None:
        if after is not PluginState.RUNNING:
            for held in self._held.values():
                if held.runtime is runtime:
                    held.cancel()
        self.loop.wake()

    async def _hinted(self, message: dict[str, object]) -> None:
        if message.get("leases") == "free":
            self.loop.wake()
