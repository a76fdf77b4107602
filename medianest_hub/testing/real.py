"""A plugin alone in this process on real services: started as a hub would, without web server and worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api import Context, PluginSettings
from medianest_hub.plugin_host.discovery import discover
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.settings import load_settings
from medianest_hub.testing.servers import Servers

SECRET_KEY = "x" * 32


class NotStarted(Exception):
    """The plugin did not come to run; the text says in which state it is, and why."""


@asynccontextmanager
async def real_context(
    plugin: str, settings: PluginSettings, servers: Servers, folder: Path
) -> AsyncIterator[Context[Any]]:
    """The context of the running plugin: `startup` was awaited, `shutdown` is on leaving.

    Everything behind it is real: database, Redis, jobs that are queued and not run, the outbox, people. Raises `NotStarted`.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDIANEST_")}
    url = await servers.fresh_database(plugin)
    environment = {
        **kept,
        "MEDIANEST_DATABASE__URL": url,
        "MEDIANEST_REDIS__URL": await servers.fresh_redis(),
        "MEDIANEST_DATA_DIR": str(folder),
        "MEDIANEST_SECRET_KEY": SECRET_KEY,
        "MEDIANEST_PLUGINS__BLOCKED": ",".join(found.name for found in discover((), {}) if found.name != plugin),
    }
    parts = await HubParts.open(load_settings(None, environment), "worker")
    try:
        runtime = parts.host.runtimes[plugin]
        if runtime.plugin is None or runtime.state is PluginState.FAILED:
            raise NotStarted(f"{plugin} is {runtime.state.value}: {runtime.reason}")
        decided = asyncio.Event()
        parts.host.subscribe(lambda _, __, state: decided.set() if state is not PluginState.STARTING else None)
        await runtime.start(1, settings)
        await decided.wait()
        if runtime.state is not PluginState.RUNNING:
            raise NotStarted(f"{plugin} is {runtime.state.value}: {runtime.reason}")
        with runtime.use() as context:
            yield context
    finally:
        await parts.close()
        await servers.drop(url)
