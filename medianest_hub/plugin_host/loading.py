"""Imports plugins one by one, guarded, with a journal that names the one being imported should the process die of it."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from medianest_hub.plugin_host.declarations import DeclarationError, LoadedPlugin, collect
from medianest_hub.plugin_host.discovery import Found, discover

log = structlog.get_logger(__name__)

JOURNAL = "MEDIANEST_LOADING_JOURNAL"
QUARANTINE = "MEDIANEST_QUARANTINE"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One discovered plugin after loading: sound (`plugin`), blocked, or with a `problem` in words."""

    found: Found
    plugin: LoadedPlugin | None = None
    problem: str = ""


def load_plugins(blocked: Collection[str]) -> list[Outcome]:
    """Every plugin that is installed, loaded where that is possible. Never raises for a plugin's fault."""
    return [_load(found) for found in discover(blocked, read_quarantine())]


def read_quarantine() -> dict[str, str]:
    """Plugins the supervisor shut away because the process died while importing them: name to reason."""
    path = os.environ.get(QUARANTINE)
    if not path:
        return {}
    try:
        content = json.loads(Path(path).read_text())
        return {str(name): str(entry["reason"]) for name, entry in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError):
        log.warning("quarantine_unreadable", path=path)
        return {}


def _load(found: Found) -> Outcome:
    if found.blocked:
        return Outcome(found)
    if found.problem:
        log.warning("plugin_refused", plugin=found.name, distribution=found.distribution, reason=found.problem)
        return Outcome(found, problem=found.problem)
    try:
        with _journal(found.name):
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


@contextlib.contextmanager
def _journal(name: str) -> Iterator[None]:
    """Name the plugin in the journal while its code runs for the first time."""
    path = os.environ.get(JOURNAL)
    if not path:
        yield
        return
    Path(path).write_text(name)
    try:
        yield
    finally:
        Path(path).unlink(missing_ok=True)
