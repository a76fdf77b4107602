"""`Context`: all a handler gets to work with, and nothing more (no app, no raw pool, no Redis client)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar

from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.plugin_api.services import (
    Cache,
    Clock,
    Database,
    Events,
    Http,
    Images,
    Jobs,
    Log,
    Metrics,
    Notify,
    People,
    Realtime,
    Secrets,
)

SettingsT = TypeVar("SettingsT", bound=PluginSettings)


@dataclass(frozen=True, slots=True)
class Context(Generic[SettingsT]):
    """One plugin instance at one generation of its settings, in one process.

    A change of settings makes a new context; calls under way keep theirs, and everything opened through it is closed
    when the last of them ends. `data_dir` is the plugin's own folder, there already.
    `state` is a place for what `startup` makes and `shutdown` closes.
    """

    plugin: str
    instance: str
    generation: int
    process: Literal["web", "worker", "test"]
    settings: SettingsT
    log: Log
    clock: Clock
    data_dir: Path
    db: Database
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
    state: dict[str, object]
