"""Everything there is to say about one plugin, for a bug report, with every secret taken out; changes nothing."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from medianest_hub import __version__
from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.known_secrets import secret_values
from medianest_hub.plugin_api.plugin import API_VERSION
from medianest_hub.plugin_host.administration import Administration
from medianest_hub.plugin_host.applied import applied
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.plugin_host.plugin_checks import Checked
from medianest_hub.plugin_host.redaction import Redactor
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.services.measuring import owners
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.settings import LoadedSettings

LAST_ERRORS = 20


class JobError(BaseModel):
    """A job of this plugin that failed."""

    task: str
    code: str
    message: str
    attempt: int
    at: datetime


class Sample(BaseModel):
    """One measured value of this process."""

    name: str
    labels: dict[str, str]
    value: float


class Diagnostics(BaseModel):
    """For a bug report. `settings` hold no secret, and every known secret is taken out of every text."""

    plugin: str
    distribution: str
    version: str
    hub_version: str
    api_version: int
    python: str
    system: str
    state: PluginState
    reason: str
    generation: int
    declares: dict[str, list[str]]
    settings: dict[str, Any]
    pinned: dict[str, str]
    processes: list[dict[str, Any]]
    health: list[dict[str, Any]]
    last_errors: list[JobError]
    metrics: list[Sample]


async def diagnose(
    host: PluginHost,
    db: Database,
    administration: Administration,
    runtime: PluginRuntime,
    checks: Iterable[Checked],
    loaded: LoadedSettings,
) -> Diagnostics:
    """Put it together for that plugin."""
    plugin, outcome = runtime.plugin, host.outcome(runtime.name)
    view = await administration.view(plugin) if plugin is not None else None
    redactor = Redactor({*(await administration.known_secrets(plugin, runtime.name)), *secret_values(loaded.settings)})
    report = Diagnostics(
        plugin=runtime.name,
        distribution=outcome.found.distribution if outcome else "",
        version=outcome.found.version if outcome else "",
        hub_version=__version__,
        api_version=API_VERSION,
        python=sys.version.split()[0],
        system=f"{platform.system()} {platform.machine()}",
        state=runtime.state,
        reason=runtime.reason,
        generation=runtime.generation,
        declares=_declares(plugin) if plugin else {},
        settings=view.values if view else {},
        pinned=view.pinned if view else {},
        processes=[_process(one) for one in (await applied(db)).get(runtime.name, [])],
        health=[_check(check) for check in checks],
        last_errors=await _last_errors(db, runtime.name),
        metrics=list(_samples(runtime.name)),
    )
    return report.model_copy(
        update={
            "reason": redactor.text(report.reason),
            "settings": redactor.clean(report.settings),
            "processes": redactor.clean(report.processes),
            "health": redactor.clean(report.health),
            "last_errors": [
                error.model_copy(update={"message": redactor.text(error.message)}) for error in report.last_errors
            ],
            "metrics": [
                sample.model_copy(update={"labels": redactor.clean(sample.labels)}) for sample in report.metrics
            ],
        }
    )


def _declares(plugin: LoadedPlugin) -> dict[str, list[str]]:
    named: dict[str, Iterable[Any]] = {
        "tasks": plugin.tasks,
        "streams": plugin.streams,
        "health_checks": plugin.health_checks,
        "widgets": plugin.widgets,
        "webhooks": plugin.webhooks,
        "listeners": plugin.listeners,
        "permissions": plugin.info.permissions,
    }
    routes = [f"{route.method} {route.path}" for route in plugin.routes]
    return {"routes": routes, **{kind: [item.name for item in items] for kind, items in named.items()}}


def _process(one: Any) -> dict[str, Any]:
    return {
        "role": one.role,
        "version": one.version,
        "generation": one.generation,
        "state": one.state,
        "reason": one.reason,
        "at": one.at.isoformat(),
    }


def _check(check: Checked) -> dict[str, Any]:
    return {
        "name": check.name,
        "status": check.status.value,
        "detail": check.detail,
        "data": dict(check.data),
        "latency_ms": round(check.latency * 1000, 3),
    }


async def _last_errors(db: Database, plugin: str) -> list[JobError]:
    rows = await db.fetch(
        "SELECT task, error_code, error_message, attempt, finished_at FROM medianest.jobs"
        " WHERE plugin = $1 AND state = 'failed' AND finished_at > now() - interval '30 days'"
        " ORDER BY finished_at DESC LIMIT $2",
        plugin,
        LAST_ERRORS,
    )
    return [
        JobError(
            task=row["task"],
            code=row["error_code"] or "",
            message=row["error_message"] or "",
            attempt=row["attempt"],
            at=row["finished_at"],
        )
        for row in rows
    ]


def _samples(plugin: str) -> Iterator[Sample]:
    for family in metrics.registry.collect():
        of = owners(family.name)
        for sample in family.samples:
            is_detail = sample.name.endswith(("_created", "_bucket"))
            if not is_detail and (plugin in of if of else sample.labels.get("plugin") == plugin):
                yield Sample(name=sample.name, labels=dict(sample.labels), value=sample.value)
