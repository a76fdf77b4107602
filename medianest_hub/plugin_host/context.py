"""Makes the context of one generation of one plugin, and closes everything that was opened through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Protocol

import structlog

from medianest_hub.infrastructure.known_secrets import learn, secret_values
from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.plugin_api.services import (
    Cache,
    Clock,
    Database,
    Events,
    Http,
    Images,
    Jobs,
    Metrics,
    Notify,
    People,
    Realtime,
    Secrets,
)
from medianest_hub.plugin_host.declarations import LoadedPlugin


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return monotonic()


@dataclass(frozen=True, slots=True)
class Services:
    """What one context offers, made for one plugin instance; `close` ends what was opened through it."""

    cache: Cache
    http: Http
    jobs: Jobs
    events: Events
    realtime: Realtime
    notify: Notify
    people: People
    images: Images
    secrets: Secrets
    metrics: Metrics
    close: Callable[[], Awaitable[None]]


class MakeServices(Protocol):
    """Made by the process's assembly; the host knows only this shape."""

    def __call__(self, plugin: LoadedPlugin, instance: str) -> Services:
        """Services for that plugin and instance."""


@dataclass(frozen=True, slots=True)
class Lived:
    """A context and the end of it."""

    context: Context[Any]
    close: Callable[[], Awaitable[None]]


class ContextFactory:
    """Makes contexts for all plugins of a process."""

    def __init__(
        self,
        process: Literal["web", "worker", "test"],
        db: Database,
        data_dir: Path,
        services: MakeServices,
        clock: Clock | None = None,
    ) -> None:
        self._process = process
        self._db = db
        self._data_dir = data_dir
        self._services = services
        self.clock: Clock = clock or SystemClock()

    def make(self, plugin: LoadedPlugin, instance: str, generation: int, settings: PluginSettings) -> Lived:
        """A context for that generation. Raises `OSError` when the plugin's folder cannot be made."""
        learn(secret_values(settings))  # before the plugin can let one slip into a log, an error or a check
        folder = self._data_dir / "plugins" / plugin.name / instance
        folder.mkdir(parents=True, exist_ok=True)
        services = self._services(plugin, instance)
        context = Context(
            plugin=plugin.name,
            instance=instance,
            generation=generation,
            process=self._process,
            settings=settings,
            log=structlog.get_logger(f"plugin.{plugin.name}").bind(plugin=plugin.name, instance=instance),
            clock=self.clock,
            data_dir=folder,
            db=self._db,
            cache=services.cache,
            http=services.http,
            jobs=services.jobs,
            events=services.events,
            realtime=services.realtime,
            notify=services.notify,
            people=services.people,
            images=services.images,
            secrets=services.secrets,
            metrics=services.metrics,
            state={},
        )
        return Lived(context, services.close)
