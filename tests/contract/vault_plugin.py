"""A plugin with secrets, a test of its settings that ends as its address says, and every way of letting a secret slip."""

from __future__ import annotations

from pathlib import Path

from medianest_hub.testing.distributions import plugin_source, write_distribution

NAMES = ("vault", "vault_pinned", "vault_leaky", "vault_typed")


def write_vault(folder: Path) -> None:
    """Install it under each of its names, so that tests do not meet each other's settings."""
    for name in NAMES:
        write_distribution(folder, name, plugin_source(_SOURCE))


_SOURCE = """
import asyncio
from uuid import UUID

from pydantic import BaseModel, SecretStr


class Settings(PluginSettings):
    address: str
    token: SecretStr
    second: SecretStr | None = None
    retries: int = 3
    tls: TlsTrust = TlsTrust()


class Seen(BaseModel):
    address: str
    token_length: int
    has_second: bool


class Queued(BaseModel):
    id: UUID


async def check_settings(ctx: Context[Settings]) -> None:
    token = ctx.settings.token.get_secret_value()
    if "auth" in ctx.settings.address:
        raise errors.AuthFailed(f"the vault refuses the token {token}")
    if "away" in ctx.settings.address:
        raise errors.NotReady("the vault does not answer")
    if "odd" in ctx.settings.address:
        raise errors.ConfigInvalid("no vault there", fields=[errors.FieldProblem(field="address", code="odd", message=token)])
    if "crash" in ctx.settings.address:
        raise ValueError(token)
    if "hang" in ctx.settings.address:
        await asyncio.sleep(3600)


router = Router()


@router.get("/seen", permission="hub.admin")
async def seen(ctx: Context[Settings], call: Call) -> Seen:
    settings = ctx.settings
    return Seen(
        address=settings.address,
        token_length=len(settings.token.get_secret_value()),
        has_second=settings.second is not None,
    )


@router.post("/leaks", permission="hub.admin")
async def leak(ctx: Context[Settings], call: Call) -> Queued:
    token = ctx.settings.token.get_secret_value()
    ctx.metrics.counter("calls", "Calls.", ["key"]).inc(key=token)
    return Queued(id=await ctx.jobs.enqueue("leak"))


@task("leak", retries=0)
async def leak_task(ctx: Context[Settings], job: Job) -> None:
    raise errors.GiveUp(f"GET http://me:{ctx.settings.token.get_secret_value()}@vault/ failed")


@health_check("leak", ttl=1)
async def leak_check(ctx: Context[Settings]) -> CheckResult:
    token = ctx.settings.token.get_secret_value()
    return CheckResult(status=HealthStatus.DEGRADED, detail=f"refused: {token}", data={"api_key": token, "raw": token})


@hookimpl
def hub_plugin():
    return PluginInfo(title="Vault", api_version=1, settings=Settings)

@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_tasks():
    return [leak_task]

@hookimpl
def hub_health_checks():
    return [leak_check]

@hookimpl
def hub_lifecycle():
    return Lifecycle(check_settings=check_settings, start_limit=1.0)
"""
