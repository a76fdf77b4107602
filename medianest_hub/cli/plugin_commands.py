"""Commands that plugins bring (`medianest_hub.commands`): found by their metadata, imported only when called."""

from __future__ import annotations

import os
from functools import cache

import click
import importlib_metadata
from importlib_metadata import EntryPoint

from medianest_hub.cli.options import fail
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.quarantine import Quarantine
from medianest_hub.plugin_api.hookspecs import COMMANDS_GROUP, PLUGINS_GROUP
from medianest_hub.settings import SettingsError, load_settings


def plugin_commands() -> dict[str, str]:
    """Name of the command to the distribution it is from."""
    return {name: _source(point) for name, point in _points().items()}


def load_plugin_command(name: str) -> click.Command | None:
    """Import a plugin's command; None when there is none of that name. A blocked plugin's code is not imported."""
    point = _points().get(name)
    if point is None:
        return None
    if shut := _shut_plugin(point):
        fail(f"the command {name} is from the plugin {shut}, so it is not loaded")
    try:
        command = point.load()
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything
        fail(f"the command {name} of {_source(point)} cannot be loaded: {type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        fail(f"the command {name} of {_source(point)} is not a click command")
    return command


@cache
def _points() -> dict[str, EntryPoint]:
    # The first to claim a name keeps it, in the order of distributions, so that the answer is always the same.
    found: dict[str, EntryPoint] = {}
    for point in sorted(
        importlib_metadata.entry_points(group=COMMANDS_GROUP), key=lambda point: (point.name, _source(point))
    ):
        found.setdefault(point.name, point)
    return found


def _source(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module


def _shut_plugin(point: EntryPoint) -> str | None:
    """The blocked or quarantined plugin of the same distribution, in words."""
    config = click.get_current_context().find_root().obj
    try:
        settings = load_settings(config, os.environ).settings
    except SettingsError as error:
        fail(*error.problems)
    names = {other.name for other in point.dist.entry_points if other.group == PLUGINS_GROUP} if point.dist else set()
    quarantined = Quarantine(DataDir(settings.data_dir).quarantine).read()
    for name in sorted(names):
        if name in settings.plugins.blocked:
            return f"{name}, which is blocked (plugins.blocked)"
        if name in quarantined:
            return f"{name}, which is in quarantine (medianest plugins enable {name})"
    return None
