"""What this worker can run: the tasks and listeners of the plugins that serve now, each as one kind of work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog
from pydantic import BaseModel

from medianest_hub.jobs.claims import Known
from medianest_hub.plugin_api.events import Event, Listener
from medianest_hub.plugin_api.tasks import Task
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.runtime import PluginRuntime, StateChanged
from medianest_hub.plugin_host.signatures import job_model

log = structlog.get_logger(__name__)

LISTENER = "listener:"
"""Begins the task name of a job that calls a listener."""

SHORT_SECONDS = 60.0
"""Work that may take no longer than this is short; some room is kept for it."""


class Host(Protocol):
    """What background work needs of `PluginHost`."""

    @property
    def runtimes(self) -> Mapping[str, PluginRuntime]:
        """Every plugin by name."""

    def subscribe(self, callback: StateChanged) -> None:
        """Be told of each change of state."""


@dataclass(frozen=True, slots=True)
class Work:
    """A task or a listener, as the runner sees it. `model` is what the row's arguments must be."""

    plugin: str
    task: str
    handler: Callable[[Any, Any], Awaitable[Any]]
    model: type[BaseModel]
    timeout: float
    retries: int
    concurrency: int | None
    every: timedelta | None
    is_listener: bool

    @property
    def is_short(self) -> bool:
        """Whether it may use the room kept for short work."""
        return self.timeout <= SHORT_SECONDS

    @classmethod
    def of_task(cls, plugin: str, task: Task) -> Work:
        """Raises `SignatureError` if the handler is not annotated as it must be."""
        return cls(
            plugin,
            task.name,
            task.handler,
            job_model(task.handler),
            task.timeout,
            task.retries,
            task.concurrency,
            task.every,
            is_listener=False,
        )

    @classmethod
    def of_listener(cls, plugin: str, listener: Listener) -> Work:
        """Its arguments are the whole event."""
        return cls(
            plugin,
            LISTENER + listener.name,
            listener.handler,
            Event[listener.model],  # type: ignore[name-defined]
            listener.timeout,
            listener.retries,
            None,
            None,
            is_listener=True,
        )


def work_of(plugin: LoadedPlugin) -> Iterator[Work]:
    """Everything of one plugin that runs as a job."""
    for task in plugin.tasks:
        yield Work.of_task(plugin.name, task)
    for listener in plugin.listeners:
        if not listener.every_process:
            yield Work.of_listener(plugin.name, listener)


class Catalogue:
    """The work of all plugins that run now; looked up again whenever that changes."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._of_plugin: dict[str, list[Work]] = {}
        self._key: tuple[str, ...] | None = None
        self._work: dict[tuple[str, str], Work] = {}
        self._known: dict[bool, Known] = {}

    def find(self, plugin: str, task: str) -> Work | None:
        """The work of that name, if its plugin runs."""
        self._refresh()
        return self._work.get((plugin, task))

    def known(self, *, short_only: bool = False) -> Known:
        """All of it as a claim takes it."""
        self._refresh()
        return self._known[short_only]

    def periodic(self) -> list[Work]:
        """The tasks to run again and again."""
        self._refresh()
        return [work for work in self._work.values() if work.every is not None]

    def _refresh(self) -> None:
        running = {name: runtime for name, runtime in self._host.runtimes.items() if runtime.running}
        key = tuple(running)
        if key == self._key:
            return
        for name, runtime in running.items():
            if name not in self._of_plugin and runtime.plugin is not None:
                self._of_plugin[name] = _readable_work_of(runtime.plugin)
        everything = [work for name in running for work in self._of_plugin.get(name, ())]
        self._work = {(work.plugin, work.task): work for work in everything}
        self._known = {
            False: _known(everything),
            True: _known(work for work in everything if work.is_short),
        }
        self._key = key


def _readable_work_of(plugin: LoadedPlugin) -> list[Work]:
    """As `work_of`; nothing at all of a plugin the host should have refused, rather than a worker that stands still."""
    try:
        return list(work_of(plugin))
    except Exception:
        log.exception("plugin_work_unreadable", plugin=plugin.name)
        return []


def _known(everything: Iterable[Work]) -> Known:
    work = list(everything)
    return Known([w.plugin for w in work], [w.task for w in work], [w.concurrency for w in work])
