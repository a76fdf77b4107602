"""The ways there are to reach people outside the hub's pages: the notifiers of the plugins of this process. Sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from medianest_hub.infrastructure.database import is_transient
from medianest_hub.notifications.kinds import Host
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.notifiers import Notifier
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_host.bounded import within
from medianest_hub.plugin_host.runtime import PluginRuntime

log = structlog.get_logger(__name__)

REACHES_SECONDS: Final = 3.0
"""How long a plugin may take to say whether it reaches somebody."""


@dataclass(frozen=True, slots=True)
class Way:
    """One notifier of one plugin; `id` is `<plugin>.<notifier>`."""

    id: str
    notifier: Notifier
    runtime: PluginRuntime

    async def reaches(self, person: Person) -> bool:
        """Whether the person has set it up. Raises what the plugin raises, `TimeoutError` when it takes too long."""
        asked = self.notifier.reaches
        if asked is None:
            return True
        answers: list[bool] = []
        with self.runtime.use() as context:

            async def ask() -> None:
                answers.append(bool(await asked(context, person)))

            await within(REACHES_SECONDS, ask())
        return answers[0]


class Ways:
    """Looked up at each question: plugins come and go."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def all(self) -> Mapping[str, Way]:
        """Those of plugins that are switched on, also of one that does not run just now."""
        return {
            f"{name}.{notifier.name}": Way(f"{name}.{notifier.name}", notifier, runtime)
            for name, runtime in self._host.runtimes.items()
            if runtime.plugin is not None and not runtime.state.is_hidden
            for notifier in runtime.plugin.notifiers
        }

    def running(self) -> Mapping[str, Way]:
        """Those that can be used now."""
        return {id: way for id, way in self.all().items() if way.runtime.running}

    async def ready(self, person: Person) -> Mapping[str, bool | None]:
        """Of each way whether the person has set it up; None where that could not be found out."""
        ways = self.all()
        return dict(zip(ways, await asyncio.gather(*(_ready(way, person) for way in ways.values())), strict=True))


async def _ready(way: Way, person: Person) -> bool | None:
    try:
        return await way.reaches(person)
    except Exception as error:
        if not isinstance(error, HubError | TimeoutError) and not is_transient(error):
            log.exception("notifier_cannot_say_whom_it_reaches", way=way.id)
        return None
