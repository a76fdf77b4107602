"""What plugins say of the settings file and environment hold for them; imports those plugins, none other, and runs none."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.discovery import discover
from medianest_hub.plugin_host.loading import load_plugins
from medianest_hub.plugin_host.settings import resolve, secret_fields
from medianest_hub.settings import LoadedSettings

_IMPORT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class PluginTable:
    """A `plugins.<name>` table; without `plugin`, `reason` says why its model is not known."""

    name: str
    plugin: LoadedPlugin | None = None
    reason: str = ""

    @property
    def plain_fields(self) -> frozenset[str]:
        """The fields that the plugin declares and that hold no secret; what nobody declares may be one."""
        if self.plugin is None:
            return frozenset({"enabled"})
        model = self.plugin.info.settings
        return frozenset({"enabled", *model.model_fields}) - secret_fields(model)


def plugin_tables(loaded: LoadedSettings) -> list[PluginTable]:
    """Every table there is, with its plugin where that can be imported."""
    if not loaded.pins:
        return []
    configure_logs("critical")  # what is wrong with a plugin is in its reason
    installed = {found.name for found in discover((), {})}
    return [_read(name, installed, loaded.settings.plugins.blocked) for name in loaded.pins]


def wrong_fields(table: PluginTable, loaded: LoadedSettings) -> Iterator[str]:
    """A line for each field the plugin cannot use. What is missing is none: the database may hold it."""
    if table.plugin is None:
        return
    pins = loaded.pins[table.name]
    for problem in resolve(table.plugin.info.settings, pins, {}, {}).problems:
        if problem.field.partition(".")[0] in pins.fields:
            key = f"plugins.{table.name}.{problem.field}"
            origins = [loaded.origins[known] for known in loaded.origins if key == known or key.startswith(f"{known}.")]
            yield f"{key}: {problem.message}" + (f" ({origins[0]})" if origins else "")


def _read(name: str, installed: set[str], blocked: list[str]) -> PluginTable:
    if name not in installed:
        there = ", ".join(sorted(installed)) or "none"
        return PluginTable(name, reason=f"no plugin called {name} is installed; there are: {there}")
    if name in blocked:
        return PluginTable(name, reason="it is blocked (plugins.blocked), so its settings were not looked at")
    with _time_limit():
        outcomes = load_plugins(installed - {name})
    (outcome,) = (one for one in outcomes if one.found.name == name)
    reason = f"its settings could not be looked at: {outcome.problem}" if outcome.plugin is None else ""
    return PluginTable(name, outcome.plugin, reason)


@contextmanager
def _time_limit() -> Iterator[None]:
    """An import that does not end becomes one that failed."""

    def expired(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"it did not come to an end within {_IMPORT_SECONDS} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, _IMPORT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
