"""A stranger's plugin with pictures and webhooks, written with nothing but the contract."""

from __future__ import annotations

from pathlib import Path

from medianest_hub.testing.distributions import plugin_source, write_distribution


def write_station(folder: Path) -> None:
    """Install it."""
    write_distribution(folder, "station", plugin_source(_SOURCE))


_SOURCE = """
import base64

from pydantic import BaseModel

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Played(BaseModel):
    event: str


class Latest(BaseModel):
    event: str | None
    picture: str


async def played(ctx: Context[PluginSettings], payload: Played) -> None:
    if payload.event == "crash":
        raise KeyError("crash")
    await ctx.cache.set("latest", payload.event, 60)


async def photograph(ctx: Context[PluginSettings], ref: str, width: int, height: int) -> bytes:
    if ref != "dot":
        raise errors.NotFound("there is only a dot")
    return DOT


router = Router()


@router.get("/latest", permission="hub.signed_in")
async def latest(ctx: Context[PluginSettings], call: Call) -> Latest:
    return Latest(event=await ctx.cache.get("latest"), picture=ctx.images.link("photograph", "dot", width=100))


@hookimpl
def hub_routes():
    return router


@hookimpl
def hub_webhooks():
    return [Webhook("played", played, Played, secret_in_path=True, multipart_field="payload")]


@hookimpl
def hub_images():
    return [ImageSource("photograph", photograph)]
"""
