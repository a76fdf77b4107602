"""A plugin whose stream is refused as its settings say, while its routes would do without."""

from __future__ import annotations

from pathlib import Path

from medianest_hub.testing.distributions import plugin_source, write_distribution


def write_listening(folder: Path) -> None:
    """Install it."""
    write_distribution(folder, "listening", plugin_source(_SOURCE))


_SOURCE = """
import asyncio

from pydantic import BaseModel, SecretStr


class Settings(PluginSettings):
    token: SecretStr = SecretStr("the-good-token")
    host: str = "station.lan"


class Heard(BaseModel):
    begun: dict[int, int]


@stream("ear", max_backoff=0.05)
async def ear(ctx: Context[Settings], lease: Lease) -> None:
    begun = await ctx.cache.get("begun") or {}
    mine = str(ctx.generation)
    await ctx.cache.set("begun", {**begun, mine: begun.get(mine, 0) + 1}, 600)
    token = ctx.settings.token.get_secret_value()
    if token != "the-good-token":
        raise errors.AuthFailed(f"The station refuses {token}.")
    if ctx.settings.host == "printer.lan":
        raise errors.ConfigInvalid(
            "That is no station.", fields=[errors.FieldProblem(field="host", code="odd", message="a printer")]
        )
    await asyncio.Event().wait()


router = Router()


@router.get("/heard", permission="hub.signed_in")
async def heard(ctx: Context[Settings], call: Call) -> Heard:
    return Heard(begun=await ctx.cache.get("begun") or {})


@hookimpl
def hub_plugin():
    return PluginInfo(title="Listening", api_version=1, settings=Settings)


@hookimpl
def hub_routes():
    return router


@hookimpl
def hub_streams():
    return [ear]
"""
