"""Tries one step of conformance on one plugin and writes what it found: `python -m medianest_hub.testing.probe STEP NAME FILE`.

A program of its own, so that a plugin that exits, hangs or changes its process can do so. Starts no hub.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import sys
import threading
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path

from importlib_metadata import entry_points
from pydantic import ValidationError

from medianest_hub.plugin_api.hookspecs import PLUGINS_GROUP, TABLES_GROUP
from medianest_hub.plugin_host.declarations import DeclarationError, LoadedPlugin, collect
from medianest_hub.plugin_host.discovery import Found, discover
from medianest_hub.plugin_host.settings import field_problems
from medianest_hub.testing.conformance import Finding, given_settings
from medianest_hub.testing.conformance_rules import handler_problems, missing_docs
from medianest_hub.testing.side_effects import SideEffects


def declare(name: str) -> list[Finding]:
    """Import it and call its hooks, watching for anything but declarations."""
    found = next(found for found in discover((), {}) if found.name == name)
    if found.problem:
        return [Finding("discovered", "broken", found.problem)]
    findings = [Finding("discovered", "kept", f"{found.distribution} {found.version}")]
    threads = set(threading.enumerate())
    said = io.StringIO()
    with SideEffects() as effects, redirect_stdout(said):
        try:
            plugin = _collected(found)
            plugin = _collected(found)
        except DeclarationError as error:
            return [*findings, Finding("declarations", "broken", str(error))]
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything
            words = f"importing it raised {type(error).__name__}: {error}"
            return [*findings, Finding("declarations", "broken", words)]
    findings.append(Finding("declarations", "kept", "the host accepts all of them"))
    problems = list(effects.seen)
    problems += [f"leaves the thread {thread.name} behind" for thread in threading.enumerate() if thread not in threads]
    if said.getvalue():
        problems.append(f"writes to standard output: {said.getvalue()[:60]!r}")
    findings.append(_finding("declares only", problems, "import and hooks do nothing else"))
    findings.append(_finding("handlers", handler_problems(plugin), "at module level, annotated"))
    findings.append(_finding("docs", missing_docs(plugin, found), "everything a person sees has words"))
    return findings


def tables(name: str) -> list[Finding]:
    """Its Piccolo app must load without the rest of it, and name its migrations so that no other's are mistaken for them."""
    from medianest_hub.infrastructure.migrations import find_apps

    points = list(entry_points(group=TABLES_GROUP, name=name))
    if not points:
        return [Finding("tables", "skipped", "it has none")]
    others = [point.name for point in entry_points(group=TABLES_GROUP) if point.name != name]
    app = next(app for app in find_apps(others) if app.name == name)
    problems = [app.problem] if app.problem else []
    plugin_module = next(iter(entry_points(group=PLUGINS_GROUP, name=name))).module
    if plugin_module in sys.modules:
        problems.append(
            f"{points[0].module} imports {plugin_module}: migrating must need none of the plugin's own code"
        )
    problems += [
        f"the migration {stem}.py must be called {name}_<timestamp>.py"
        for stem in app.migrations
        if not stem.startswith(f"{name}_")
    ]
    return [_finding("tables", problems, f"{len(app.migrations)} migration(s), in the schema plugin_{name}")]


def settings(name: str) -> list[Finding]:
    """Nothing when the plugin can be started with the settings given, else why it cannot be."""
    found = next(found for found in discover((), {}) if found.name == name)
    try:
        given_settings(_collected(found))
    except ValidationError as error:
        words = "; ".join(f"{problem.field}: {problem.message}" for problem in field_problems(error))
        return [Finding("starts", "skipped", f"it needs settings ({words}); give them with --settings FILE")]
    return []


def _collected(found: Found) -> LoadedPlugin:
    module = importlib.import_module(found.point.module)
    return collect(found.name, found.distribution, found.version, module)


def _finding(rule: str, problems: list[str], words: str) -> Finding:
    return Finding(rule, "broken", "; ".join(problems)) if problems else Finding(rule, "kept", words)


def main(step: str, name: str, answer: str) -> None:
    """Run the step and write its findings as JSON."""
    if step == "start":
        from medianest_hub.testing.probe_start import started

        findings = asyncio.Runner().run(started(name))
    else:
        findings = {"declare": declare, "tables": tables, "settings": settings}[step](name)
    Path(answer).write_text(json.dumps([asdict(finding) for finding in findings]))
    os._exit(0)  # whatever the plugin left running must not hold this up


if __name__ == "__main__":
    main(*sys.argv[1:])
