"""A context for calling one handler alone: services kept in memory, a real HTTP client, and a real database if wanted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from medianest_hub.infrastructure.database import Database as HubDatabase
from medianest_hub.infrastructure.http_client.clients import HttpClients
from medianest_hub.infrastructure.migrations import find_apps
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.context import SettingsT
from medianest_hub.plugin_host.services.sealing import PluginSecrets
from medianest_hub.testing.images import MemoryImages
from medianest_hub.testing.memory import (
    ManualClock,
    MemoryCache,
    MemoryEvents,
    MemoryJobs,
    MemoryLog,
    MemoryMetrics,
    MemoryRealtime,
    NoDatabase,
)
from medianest_hub.testing.memory_notify import MemoryNotify
from medianest_hub.testing.memory_people import MemoryPeople
from medianest_hub.testing.real import SECRET_KEY, real_context
from medianest_hub.testing.servers import Servers, other_tables


@dataclass(frozen=True, slots=True)
class MemoryContext(Context[SettingsT], Generic[SettingsT]):
    """A `Context` whose services also tell the test what was done with them."""

    log: MemoryLog
    clock: ManualClock
    cache: MemoryCache
    jobs: MemoryJobs
    events: MemoryEvents
    realtime: MemoryRealtime
    notify: MemoryNotify
    people: MemoryPeople
    images: MemoryImages
    metrics: MemoryMetrics


class ContextMaker:
    """`await make(settings)` gives a context; all that was opened through it is closed by the fixture."""

    def __init__(self, plugin: str, folder: Path, servers: Callable[[], Servers], stack: AsyncExitStack) -> None:
        self._plugin = plugin
        self._folder = folder
        self._servers = servers
        self._stack = stack

    async def __call__(self, settings: SettingsT, *, database: bool = False) -> MemoryContext[SettingsT]:
        """A context with these settings. `database`: a new, real one with the plugin's tables in it."""
        clients = HttpClients()
        self._stack.push_async_callback(clients.close)
        http = clients.client(self._plugin)
        self._stack.push_async_callback(http.close)
        clock = ManualClock()
        return MemoryContext(
            plugin=self._plugin,
            instance="main",
            generation=1,
            process="test",
            settings=settings,
            log=MemoryLog(),
            clock=clock,
            data_dir=self._folder,
            db=await self._database() if database else NoDatabase(),
            cache=MemoryCache(clock),
            http=http,
            jobs=MemoryJobs(self._plugin, clock),
            events=MemoryEvents(),
            realtime=MemoryRealtime(),
            notify=MemoryNotify(self._plugin),
            people=MemoryPeople(self._plugin),
            images=MemoryImages(),
            secrets=PluginSecrets(SecretBox([SECRET_KEY]), self._plugin, "main"),
            metrics=MemoryMetrics(),
            state={},
        )

    async def real(self, settings: SettingsT) -> Context[SettingsT]:
        """The context of the plugin started on real services (`real.real_context` says what that is)."""
        made = real_context(self._plugin, settings, self._servers(), self._folder)
        context: Context[SettingsT] = await self._stack.enter_async_context(made)
        return context

    async def _database(self) -> HubDatabase:
        servers = self._servers()
        url = await servers.fresh_database(self._plugin)
        self._stack.push_async_callback(servers.drop, url)
        database = await HubDatabase.connect(url, max_size=3)
        self._stack.push_async_callback(database.close)
        for app in find_apps(other_tables(self._plugin)):
            database.bind(app.tables)
        return database
