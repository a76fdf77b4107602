"""All plugins of one process: loads them, and makes them what Postgres says they should be, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Collection, Mapping
from typing import Any

import structlog

from medianest_hub import __version__
from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.database import Database, is_transient
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.migrations import SchemaState
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.plugin_host.context import ContextFactory
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.loading import Outcome, load_plugins
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.settings import Resolved, resolve
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.plugin_host.trial import Trial, try_settings
from medianest_hub.plugin_host.wanted import CHANNEL, MAIN, Wanted, WantedStore
from medianest_hub.settings import LoadedSettings

log = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0
LOOK_SECONDS_REDIS_AWAY = 1.5
"""How often Postgres is asked when no hint can come."""

Subscriber = Callable[[PluginRuntime, PluginState, PluginState], None]


class PluginHost:
    """Load once, `connect` to the process's parts, `start`, and `stop` at the end. Subscribers hear of every change of state."""

    def __init__(self, loaded: LoadedSettings, process: str) -> None:
        self._loaded = loaded
        self._process = process
        self._subscribers: list[Subscriber] = []
        self._outcomes: list[Outcome] = []
        self._reported: dict[str, tuple[int, str, str]] = {}
        self._broken: set[str] = set()
        self._look = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._reconciling = asyncio.Lock()
        self._db: Database | None = None
        self._redis: RedisLink | None = None
        self.process_id = new_id()
        self.wanted: WantedStore
        self._factory: ContextFactory
        self.plugins: Mapping[str, LoadedPlugin] = {}
        self.runtimes: dict[str, PluginRuntime] = {}
        self.switched_off: frozenset[str] = frozenset()
        """Plugins somebody switched off, also those that could not be loaded anyhow."""

    def load(self) -> None:
        """Discover, import and check every plugin. No I/O but imports; never raises for a plugin's fault."""
        self._outcomes = load_plugins(self._loaded.settings.plugins.blocked)
        self.plugins = {outcome.found.name: outcome.plugin for outcome in self._outcomes if outcome.plugin is not None}

    def outcome(self, name: str) -> Outcome | None:
        """What loading that plugin came to."""
        return next((outcome for outcome in self._outcomes if outcome.found.name == name), None)

    def connect(
        self, db: Database, redis: RedisLink, wanted: WantedStore, factory: ContextFactory, schema: SchemaState
    ) -> None:
        """Give the host what it needs to run plugins; those whose tables are not as they need them fail alone."""
        self._db, self._redis, self.wanted, self._factory = db, redis, wanted, factory
        for outcome in self._outcomes:
            self.runtimes[outcome.found.name] = self._runtime(outcome, factory, schema)
        redis.subscribe(CHANNEL, self._hinted)
        redis.on_back(self._look.set)

    def subscribe(self, callback: Subscriber) -> None:
        """Be told of each change of state, on the loop, before anything else happens; must not block."""
        self._subscribers.append(callback)

    async def start(self) -> None:
        """Bring every plugin to its wanted state for the first time, then keep looking."""
        await self.reconcile()
        self._loop_task = asyncio.create_task(self._keep_looking(), name="plugin-host")

    async def stop(self) -> None:
        """Stop all plugins and wait for their shutdown."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        async with self._reconciling:
            running = [runtime for runtime in self.runtimes.values() if runtime.plugin is not None]
            await asyncio.gather(
                *(runtime.stop(reason="the hub is stopping") for runtime in running if not runtime.state.is_hidden)
            )
            await asyncio.gather(*(runtime.settled() for runtime in running))
        await self._unregister()

    async def reconcile(self) -> None:
        """Compare with Postgres and change what differs; plugins are started side by side."""
        async with self._reconciling:
            wanted = await self.wanted.all()
            self.switched_off = frozenset(name for name in self.runtimes if self._enabled(name, wanted) is False)
            for name, runtime in self.runtimes.items():
                if runtime.plugin is not None and not self._is_broken(runtime):
                    await self._apply(runtime, runtime.plugin, wanted.get(name, Wanted()))
            await self._report()

    def resolve(self, plugin: LoadedPlugin, wanted: Wanted) -> Resolved:
        """The plugin's settings as they would be with that row."""
        pins = self._loaded.pins_for(plugin.name)
        return resolve(plugin.info.settings, pins, wanted.settings, self.wanted.unseal(plugin.name, wanted))

    async def try_settings(self, plugin: LoadedPlugin, settings: PluginSettings) -> Trial:
        """Test settings before they are kept; never raises for a plugin's fault."""
        return await try_settings(plugin, self._factory, settings)

    def _runtime(self, outcome: Outcome, factory: ContextFactory, schema: SchemaState) -> PluginRuntime:
        name = outcome.found.name
        state, reason = PluginState.DISABLED, ""
        if outcome.found.blocked:
            state, reason = PluginState.BLOCKED, "blocked by plugins.blocked"
        elif outcome.plugin is None:
            state, reason = PluginState.FAILED, outcome.problem
        elif problem := _schema_problem(name, schema):
            state, reason = PluginState.FAILED, problem
        runtime = PluginRuntime(name, outcome.plugin, factory, state=state, reason=reason, changed=self._state_changed)
        if reason:
            self._broken.add(name)
        metrics.plugin_state.labels(name, state.value).set(1)
        return runtime

    def _is_broken(self, runtime: PluginRuntime) -> bool:
        return runtime.name in self._broken

    def _enabled(self, name: str, wanted: Mapping[str, Wanted]) -> bool | None:
        pinned = self._loaded.pins_for(name).enabled
        return wanted.get(name, Wanted()).enabled if pinned is None else pinned

    async def _apply(self, runtime: PluginRuntime, plugin: LoadedPlugin, wanted: Wanted) -> None:
        if plugin.name in self.switched_off:
            await runtime.stop(generation=wanted.generation)
            return
        pins = self._loaded.pins_for(plugin.name)
        enabled = wanted.enabled if pins.enabled is None else pins.enabled
        resolved = self.resolve(plugin, wanted)
        if resolved.settings is None:
            # Unset settings of a plugin nobody has asked for are no fault; asked for, they are.
            state = PluginState.NEEDS_ATTENTION if enabled or pins.fields else PluginState.DISABLED
            await runtime.stop(state, f"settings needed: {resolved.reason}", generation=wanted.generation)
        elif runtime.generation != wanted.generation or runtime.state is PluginState.DISABLED:
            await runtime.start(wanted.generation, resolved.settings)

    def _state_changed(self, runtime: PluginRuntime, before: PluginState, after: PluginState) -> None:
        metrics.plugin_state.labels(runtime.name, before.value).set(0)
        metrics.plugin_state.labels(runtime.name, after.value).set(1)
        for callback in self._subscribers:
            try:
                callback(runtime, before, after)
            except Exception:
                log.exception("plugin_subscriber_failed", plugin=runtime.name)
        self._look.set()

    def look(self, *_hint: object) -> None:
        """Something may have changed: look at Postgres soon. To be called on a notice of `wanted.NOTIFY`."""
        self._look.set()

    async def _hinted(self, _message: dict[str, Any]) -> None:
        self._look.set()

    async def _keep_looking(self) -> None:
        while True:
            await self._until_next_look()
            self._look.clear()
            try:
                await self.reconcile()
            except Exception as error:
                if is_transient(error):
                    log.warning("plugins_not_reconciled", error=type(error).__name__)
                else:
                    log.exception("plugins_not_reconciled")
                await asyncio.sleep(1.0)

    async def _until_next_look(self) -> None:
        """Until somebody hints, or it is time; Redis may go away meanwhile, and then it is time sooner."""
        ends = asyncio.get_running_loop().time() + LOOK_SECONDS
        while not self._look.is_set() and asyncio.get_running_loop().time() < ends:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS_REDIS_AWAY):
                    await self._look.wait()
            if self._redis is not None and self._redis.is_away:
                return

    async def _report(self) -> None:
        """Tell Postgres what this process made of it, so that an admin sees every replica."""
        if self._db is None:
            return
        await self._db.execute(
            "INSERT INTO medianest.processes (id, role, host, pid, version) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (id) DO UPDATE SET seen_at = now()",
            self.process_id,
            self._process,
            socket.gethostname(),
            os.getpid(),
            __version__,
        )
        now = {
            name: (runtime.generation, runtime.state.value, runtime.reason) for name, runtime in self.runtimes.items()
        }
        news = [
            (self.process_id, name, MAIN, *state) for name, state in now.items() if self._reported.get(name) != state
        ]
        if news:
            await self._db.executemany(
                "INSERT INTO medianest.plugin_applied (process_id, plugin, instance, generation, state, reason) "
                "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (process_id, plugin, instance) "
                "DO UPDATE SET generation = $4, state = $5, reason = $6, at = now()",
                news,
            )
        self._reported = now

    async def _unregister(self) -> None:
        if self._db is not None:
            with contextlib.suppress(Exception):
                await self._db.execute(
                    "DELETE FROM medianest.processes WHERE id = $1 OR seen_at < now() - interval '1 day'",
                    self.process_id,
                )


def _schema_problem(name: str, schema: SchemaState) -> str:
    if name in schema.failures:
        return schema.failures[name]
    if name in schema.newer:
        return f"its tables were made by a newer version of it ({schema.newer[name][-1]}); install that one again"
    if name in schema.pending:
        return "its tables are not up to date; run `medianest migrate`"
    return ""


def missing_tables(schema: SchemaState, plugins: Collection[str]) -> list[str]:
    """Plugins that wait for a migration that has not failed yet."""
    return [name for name in plugins if name in schema.pending and name not in schema.failures]
