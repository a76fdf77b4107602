"""Imports plugins one by one, guarded, with a journal that names the one being imported should the process die of it."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from dataclasses import dataclass

import structlog

from medianest_hub.infrastructure.quarantine import importing, quarantined
from medianest_hub.plugin_host.declarations import DeclarationError, LoadedPlugin, collect
from medianest_hub.plugin_host.discovery import Found, discover

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One discovered plugin after loading: sound (`plugin`), blocked, or with a `problem` in words."""

    found: Found
    plugin: LoadedPlugin | None = None
    problem: str = ""


def load_plugins(blocked: Collection[str]) -> list[Outcome]:
    """Every plugin that is installed, loaded where that is possible. Never raises for a plugin's fault."""
    return [_load(found) for found in discover(blocked, quarantined())]


def _load(found: Found) -> Outcome:
    if found.blocked:
        return Outcome(found)
    if found.problem:
        log.warning("plugin_refused", plugin=found.name, distribution=found.distribution, reason=found.problem)
        return Outcome(found, problem=found.problem)
    try:
        with importing(found.name):
            module = importlib.import_module(found.point.module)
            plugin = collect(found.name, found.distribution, found.version, module)
    except DeclarationError as error:
        problem = str(error)
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything
        log.exception("plugin_import_failed", plugin=found.name)
        problem = f"importing it raised {type(error).__name__}: {error}"
    else:
        return Outcome(found, plugin)
    log.warning("plugin_refused", plugin=found.name, distribution=found.distribution, reason=problem)
    return Outcome(found, problem=problem)
