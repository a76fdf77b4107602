"""Calls the listeners declared `every_process` in this process, web or worker, as far as word of the event reaches it."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.jobs.handlers import Host
from medianest_hub.jobs.outbox import CHANNEL
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.events import Event, Listener
from medianest_hub.plugin_host.bounded import contained
from medianest_hub.plugin_host.runtime import PluginRuntime

log = structlog.get_logger(__name__)


class ProcessListeners:
    """Make one in each process, before its Redis link is started. Best effort: at most once, lost while Redis is away."""

    def __init__(self, host: Host, redis: RedisLink) -> None:
        self._host = host
        redis.subscribe(CHANNEL, self._heard)

    async def _heard(self, message: dict[str, Any]) -> None:
        event = message.get("event")
        if not isinstance(event, dict):
            return
        await asyncio.gather(
            *(
                self._call(runtime, listener, event)
                for runtime in self._host.runtimes.values()
                if runtime.running and runtime.plugin is not None
                for listener in runtime.plugin.listeners
                if listener.every_process
                and (listener.model.type, listener.model.version) == (event.get("type"), event.get("v"))
            )
        )

    async def _call(self, runtime: PluginRuntime, listener: Listener, content: dict[str, Any]) -> None:
        try:
            event = Event[listener.model].model_validate(content)  # type: ignore[name-defined]
            with runtime.use() as context:
                async with asyncio.timeout(listener.timeout):
                    await contained(listener.handler(context, event))
        except HubError as error:
            log.warning("listener_failed", plugin=runtime.name, listener=listener.name, error=error.message)
        except Exception:
            log.exception("listener_failed", plugin=runtime.name, listener=listener.name)
