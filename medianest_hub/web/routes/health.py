"""Health over HTTP: alive, ready, and each check as far as the caller may see; finds nothing out itself."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import Unavailable
from medianest_hub.plugin_api.health import HealthStatus
from medianest_hub.plugin_api.routes import Call, Router
from medianest_hub.plugin_host.plugin_checks import Checked

router = Router()


class Alive(BaseModel):
    """The process answers; that is all this says."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Requests can be answered; `reasons` says what is degraded."""

    status: Literal["ready"] = "ready"
    reasons: list[str] = []


class CheckState(BaseModel):
    """One check. `age_seconds` since it was found out, `latency_ms` it took; `detail` and `data` are shown to admins only.

    `plugin` is null for the hub's own checks.
    """

    name: str
    plugin: str | None
    instance: str | None
    status: HealthStatus
    age_seconds: float
    latency_ms: float
    detail: str | None = None
    data: dict[str, str | int | float | bool | None] | None = None


class HealthState(BaseModel):
    """The whole in one word; `checks` only for people who are signed in."""

    status: HealthStatus
    checks: list[CheckState] | None = None


@router.get("/api/health/live", public=True)
async def live(parts: HubParts | None, call: Call) -> Alive:
    """Whether the process is alive; always 200."""
    return Alive()


@router.get("/api/health/ready", public=True)
async def ready(parts: HubParts | None, call: Call) -> Ready:
    """Whether requests can be answered: 503 `not_ready` while the database is away or its schema does not fit."""
    if parts is None:
        raise Unavailable("The hub is starting.", code="not_ready", retry_after=1)
    readiness = await parts.health.ready()
    if not readiness.ready:
        raise Unavailable(" ".join(readiness.reasons), code="not_ready", retry_after=1)
    return Ready(reasons=readiness.reasons)


@router.get("/api/health", public=True, limit="api")
async def health(parts: HubParts, call: Call) -> HealthState:
    """How the hub and what it depends on are: `ok`, `degraded` or `down`; signed in, with each check."""
    report = await parts.health.report()
    person = call.person
    if person is None:
        return HealthState(status=report.status)
    now = time.time()
    return HealthState(
        status=report.status, checks=[_check_state(check, now, details=person.is_admin) for check in report.checks]
    )


def _check_state(check: Checked, now: float, *, details: bool) -> CheckState:
    return CheckState(
        name=check.name,
        plugin=check.plugin or None,
        instance=check.instance or None,
        status=check.status,
        age_seconds=round(check.age(now), 3),
        latency_ms=round(check.latency * 1000, 3),
        detail=check.detail if details else None,
        data=check.data if details else None,
    )
