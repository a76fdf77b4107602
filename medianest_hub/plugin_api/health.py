"""Health checks: a plugin's own word on whether what it depends on is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import BaseModel


class HealthStatus(StrEnum):
    """`degraded` still serves; `down` does not. An outside service that is down only degrades the hub."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class CheckResult(BaseModel):
    """The outcome of one check, with words a person can act on. `data` must hold no secrets: admins see it."""

    status: HealthStatus = HealthStatus.OK
    detail: str = ""
    data: dict[str, str | int | float | bool | None] = {}


Check: TypeAlias = Callable[[Any], Awaitable[CheckResult]]


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """`async def check(ctx: Context[S]) -> CheckResult`; raising or exceeding `timeout` seconds counts as down.

    Run once per `ttl` seconds over all replicas, whoever asks.
    """

    name: str
    check: Check
    timeout: float = 5.0
    ttl: float = 30.0

    async def __call__(self, ctx: Any) -> CheckResult:
        """Run it directly, as a test does."""
        return await self.check(ctx)


def health_check(name: str, **options: Any) -> Callable[[Check], HealthCheck]:
    """Declare the decorated function as a health check; `options` are those of `HealthCheck`."""

    def declare(check: Check) -> HealthCheck:
        return HealthCheck(name=name, check=check, **options)

    return declare
