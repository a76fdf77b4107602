"""Sees to it that what is kept is of the service that is asked: users and requests of another one go by the same numbers."""

from __future__ import annotations

import hashlib
from typing import Final

from medianest_hub.plugin_api import Context, Queries
from medianest_overseerr.client import Overseerr, answers
from medianest_overseerr.settings import OverseerrSettings

Ctx = Context[OverseerrSettings]

_KNOWN: Final = "same_service"
_KEPT: Final = ("match", "unmatched", "account", "request", "issue")


async def ensure_same(ctx: Ctx) -> None:
    """Return once what is kept is of the service at the address in the settings; what is of another one is forgotten.

    Asks it only where the address is not the one from before. Raises as the client does where it has to be asked and cannot.
    """
    if ctx.state.get(_KNOWN):
        return
    row = await ctx.db.fetchrow(
        "SELECT url, fingerprint FROM plugin_overseerr.source WHERE instance = $1", ctx.instance
    )
    if row is None or row["url"] != ctx.settings.url or not row["fingerprint"]:
        settings = ctx.settings
        asked = Overseerr(ctx.http, settings.url, settings.api_key.get_secret_value(), settings.tls)
        await settle(ctx, await asked.public())
    ctx.state[_KNOWN] = True


async def settle(ctx: Ctx, public: answers.Public) -> None:
    """Keep that this is the service we speak to; forget what is kept if it is another one than before."""
    seen = fingerprint(ctx, public)
    async with ctx.db.transaction() as tx:
        await tx.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('plugin_overseerr.source' || $1, 0))", ctx.instance
        )
        before = await tx.fetchrow(
            "SELECT url, fingerprint FROM plugin_overseerr.source WHERE instance = $1", ctx.instance
        )
        if before is not None and (before["url"], before["fingerprint"]) == (ctx.settings.url, seen):
            return
        if before is not None and before["fingerprint"] not in ("", seen):
            await _forget(ctx, tx)
            ctx.log.warning("overseerr_is_another_one")
        await tx.execute(
            "INSERT INTO plugin_overseerr.source (instance, url, fingerprint) VALUES ($1, $2, $3) "
            "ON CONFLICT (instance) DO UPDATE SET url = EXCLUDED.url, fingerprint = EXCLUDED.fingerprint",
            *(ctx.instance, ctx.settings.url, seen),
        )


def fingerprint(ctx: Ctx, public: answers.Public) -> str:
    """What tells one installation from another: the key it made for web push when it was set up, else its address."""
    return hashlib.sha256((public.push_key or ctx.settings.url).encode()).hexdigest()[:32]


async def _forget(ctx: Ctx, tx: Queries) -> None:
    for table in _KEPT:
        await tx.execute(f"DELETE FROM plugin_overseerr.{table} WHERE instance = $1", ctx.instance)  # nosec B608 # noqa: S608 - constants
    await tx.execute("DELETE FROM plugin_overseerr.source WHERE instance = $1", ctx.instance)
