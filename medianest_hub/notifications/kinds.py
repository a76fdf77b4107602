"""All kinds of notifications the plugins of this process declare, and who may see which now; tells nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from medianest_hub.notifications.own_kinds import ALWAYS, OWN
from medianest_hub.plugin_api.notifications import NotificationKind
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_host.notification_kinds import Filled, fill
from medianest_hub.plugin_host.runtime import PluginRuntime

HUB: Final = "hub"
"""The way that is the hub's own pages, and what stands for a plugin in its own kinds."""

_OF_NOBODY: Final = {"en": "News from {}", "de": "Neues von {}"}


class Host(Protocol):
    """What is wanted of `PluginHost`."""

    @property
    def runtimes(self) -> Mapping[str, PluginRuntime]:
        """Every plugin by name."""


@dataclass(frozen=True, slots=True)
class Known:
    """A kind by its full name. `permission` and `oversight` are full, too."""

    name: str
    plugin: str
    kind: NotificationKind
    permission: str
    oversight: str | None


class Kinds:
    """Looked up at each question: plugins come and go."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def all(self) -> Iterator[Known]:
        """Of the hub itself, and of every plugin that could be loaded."""
        for kind in OWN:
            yield Known(f"{HUB}.{kind.name}", HUB, kind, kind.permission, kind.oversight)
        for name, runtime in self._host.runtimes.items():
            plugin = runtime.plugin
            for kind in plugin.info.notifications if plugin is not None else ():
                oversight = None if plugin is None or kind.oversight is None else plugin.full_permission(kind.oversight)
                full = plugin.full_permission(kind.permission) if plugin is not None else kind.permission
                yield Known(f"{name}.{kind.name}", name, kind, full, oversight)

    def find(self, name: str) -> Known | None:
        """The kind of that full name, unless its plugin is not there any more."""
        return next((known for known in self.all() if known.name == name), None)

    def open_to(self, person: Person) -> list[str]:
        """The kinds the person may see what everybody was told by."""
        return [known.name for known in self.all() if person.can(known.permission)]

    def overseen_by(self, person: Person) -> list[str]:
        """The kinds the person may see what others alone were told by."""
        return [known.name for known in self.all() if known.oversight is not None and person.can(known.oversight)]

    def choosable(self, person: Person) -> list[Known]:
        """The kinds the person may be told by and can choose about."""
        return [
            known
            for known in self.all()
            if known.kind.notify and known.kind not in ALWAYS
            if person.can(known.permission) and not self._is_off(known.plugin)
        ]

    def words(self, name: str, language: str, params: Mapping[str, str | int | float | bool]) -> Filled:
        """What a reader of that language reads; never raises, also for kinds that are there no more."""
        known = self.find(name)
        if known is None:
            return Filled(_OF_NOBODY.get(language, _OF_NOBODY["en"]).format(name.partition(".")[0]), "")
        return fill(known.kind, language, params)

    def title(self, name: str, language: str) -> str:
        """What the kind is called."""
        known = self.find(name)
        if known is None:
            return _OF_NOBODY.get(language, _OF_NOBODY["en"]).format(name.partition(".")[0])
        return known.kind.title.get(language) or known.kind.title["en"]

    def _is_off(self, plugin: str) -> bool:
        runtime = self._host.runtimes.get(plugin)
        return runtime is not None and runtime.state.is_hidden
