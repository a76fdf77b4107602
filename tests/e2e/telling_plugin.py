"""A plugin through whose hands secrets go: webhooks, a sign-in provider that gives a token, pictures; it complains with them."""

from __future__ import annotations

from pathlib import Path

from medianest_hub.testing.distributions import plugin_source, write_distribution

PROVIDERS_TOKEN = "planted-token-of-a-provider-3f90"
STATE = "planted-state-of-a-sign-in-b771"


def write_bell(folder: Path) -> None:
    """Install it."""
    write_distribution(folder, "bell", plugin_source(_SOURCE.replace("TOKEN", PROVIDERS_TOKEN).replace("STATE", STATE)))


_SOURCE = """
import base64

from pydantic import BaseModel
from medianest_hub.plugin_api import Identity, SignInProvider, SignInStart

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

class Rung(BaseModel):
    event: str

class Link(BaseModel):
    link: str

class Secret(BaseModel):
    length: int

async def rung(ctx: Context[PluginSettings], payload: Rung) -> None:
    if payload.event == "crash":
        raise KeyError(payload.event)

async def draw(ctx: Context[PluginSettings], ref: str, width: int, height: int) -> bytes:
    return DOT

async def begin(ctx, return_url):
    return SignInStart(url="https://bell.example/begin", state={"verifier": "STATE"})

async def complete(ctx, state, answer):
    if "fail" in answer:
        raise errors.NotReady("the bell says nothing")
    return Identity(subject="1", username="bella", secret="TOKEN")

router = Router()

@router.get("/link", permission="hub.signed_in")
async def link(ctx: Context[PluginSettings], call: Call) -> Link:
    return Link(link=ctx.images.link("dot", "."))

@router.get("/secret", permission="hub.signed_in")
async def secret(ctx: Context[PluginSettings], call: Call) -> Secret:
    return Secret(length=len(await ctx.people.secret(call.caller.id, "sign_in") or ""))

@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_webhooks():
    return [Webhook("by_header", rung, Rung), Webhook("in_path", rung, Rung, secret_in_path=True)]

@hookimpl
def hub_images():
    return [ImageSource("dot", draw)]

@hookimpl
def hub_sign_in():
    return [SignInProvider("bell", "The bell", begin, complete)]
"""
