"""The rules every plugin keeps (`medianest plugins check NAME`), tried in processes of their own; knows no plugin by name."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess  # nosec B404 # our own programs only, never a shell
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.plugin_api import PluginSettings
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.testing.servers import Servers

Outcome = Literal["kept", "broken", "skipped"]

_MARKS: Mapping[Outcome, str] = {"kept": "✓", "broken": "✗", "skipped": "–"}
_PROBE_SECONDS = 90.0
SETTINGS_VARIABLE = "MEDIANEST_TEST_SETTINGS"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one rule, in words that say what to do."""

    rule: str
    outcome: Outcome
    words: str

    @property
    def mark(self) -> str:
        """For a list."""
        return _MARKS[self.outcome]


@dataclass(frozen=True, slots=True)
class Report:
    """All findings; rules that could not be tried count for nothing."""

    findings: list[Finding]

    @property
    def passed(self) -> bool:
        """Whether no rule is broken."""
        return all(finding.outcome != "broken" for finding in self.findings)

    @property
    def summary(self) -> str:
        """One line."""
        count = {outcome: sum(finding.outcome == outcome for finding in self.findings) for outcome in _MARKS}
        return f"{count['kept']} rules kept, {count['broken']} broken, {count['skipped']} not tried"


def check_plugin(name: str, settings: Path | None = None, *, start: bool = True) -> Report:
    """Try every rule on the installed plugin. `settings`: a TOML file of its fields to start it with.

    With `start`, a PostgreSQL and a Valkey are run in a temporary folder meanwhile. Only from the main thread.
    """
    findings = _probe("declare", name, {})
    if all(finding.outcome != "broken" for finding in findings):
        findings += _probe("tables", name, {})
        given = {SETTINGS_VARIABLE: str(settings.absolute()) if settings else ""}
        start_with = _probe("settings", name, given) if start else [Finding("starts", "skipped", "was not asked for")]
        findings += start_with or _started(name, given)
    return Report(findings)


def given_settings(plugin: LoadedPlugin) -> PluginSettings:
    """In a probe: the settings to start the plugin with. Raises `pydantic.ValidationError`."""
    file = os.environ.get(SETTINGS_VARIABLE)
    return plugin.info.settings.model_validate(tomllib.loads(Path(file).read_text()) if file else {})


def _started(name: str, given: Mapping[str, str]) -> list[Finding]:
    # A short path: sockets live in it.
    with tempfile.TemporaryDirectory(prefix="mn-check-", ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        path.chmod(0o711)  # as root, the servers run as somebody else
        try:
            with Servers.running(path / "servers") as servers:
                addresses = asyncio.run(_addresses(servers, name))
                environment = {
                    **addresses,
                    "MEDIANEST_DATA_DIR": str(path / "data"),
                    "MEDIANEST_SECRET_KEY": "x" * 32,
                    **given,
                }
                return _probe("start", name, environment)
        except OperatorError as error:
            return [Finding("starts", "skipped", f"the servers it needs cannot run here: {error}")]
        except RuntimeError as error:
            return [Finding("migrates", "broken", str(error))]


async def _addresses(servers: Servers, name: str) -> dict[str, str]:
    return {
        "MEDIANEST_DATABASE__URL": await servers.fresh_database(name),
        "MEDIANEST_REDIS__URL": await servers.fresh_redis(),
    }


def _probe(step: str, name: str, environment: Mapping[str, str]) -> list[Finding]:
    """Run one step in a process of its own: whatever the plugin does there, we hear of it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MEDIANEST_")}
    with tempfile.TemporaryDirectory(prefix="mn-probe-") as folder:
        answer = Path(folder) / "findings.json"
        command = [sys.executable, "-P", "-m", "medianest_hub.testing.probe", step, name, str(answer)]
        try:
            done = subprocess.run(  # nosec B603 # noqa: S603 - our own program
                command,
                env={**kept, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return [Finding(step, "broken", f"it did not end within {_PROBE_SECONDS:.0f} s: an endless loop?")]
        if done.returncode != 0 or not answer.exists():
            said = (done.stderr or done.stdout).strip().splitlines()[-3:]
            words = f"the process ended with code {done.returncode} in the middle of it: {' '.join(said)}"
            return [Finding(step, "broken", words)]
        return [Finding(**finding) for finding in json.loads(answer.read_text())]
