"""Sees to it that what is kept is of the service that is asked: users and requests of another one go by the same numbers."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

from medianest_hub.plugin_api import Context, Queries
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_overseerr.client import Overseerr, answers
from medianest_overseerr.client.refusals import SERVICE
from medianest_overseerr.pages import everybody_sees_anew
from medianest_overseerr.settings import OverseerrSettings

Ctx = Context[OverseerrSettings]

_KNOWN: Final = "same_service"
_KEY: Final = "key:"
_URL: Final = "url:"
_KEPT: Final = ("match", "unmatched", "account", "request", "issue")


async def ensure_same(ctx: Ctx) -> None:
    """Return once what is kept is of the service at the address in the settings; what is of another one is forgotten.

    Asks it only where the address is not the one from before. Raises as `settle`, and as the client does where it has to be
    asked and cannot.
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
    """Keep that this is the service we speak to; forget what is kept if it is another one than before.

    Raises `UpstreamError` where it is at a new address and does not tell which one it is, as the one before did.
    """
    seen = fingerprint(ctx, public)
    async with ctx.db.transaction() as tx:
        await tx.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('plugin_overseerr.source' || $1, 0))", ctx.instance
        )
        row = await tx.fetchrow(
            "SELECT url, fingerprint FROM plugin_overseerr.source WHERE instance = $1", ctx.instance
        )
        url, before = ("", "") if row is None else (row["url"], row["fingerprint"])
        verdict = _verdict(before, seen, at_same_address=url == ctx.settings.url)
        if verdict == "cannot_tell":
            raise UpstreamError(
                f"{SERVICE} at its new address does not say whether it is the one from before. Try again later.",
                service=SERVICE,
                field="vapidPublic",
            )
        if (url, before) == (ctx.settings.url, seen) or verdict == "silent":
            return
        if verdict == "another":
            await _forget(ctx, tx)
        await tx.execute(
            "INSERT INTO plugin_overseerr.source (instance, url, fingerprint) VALUES ($1, $2, $3) "
            "ON CONFLICT (instance) DO UPDATE SET url = EXCLUDED.url, fingerprint = EXCLUDED.fingerprint",
            *(ctx.instance, ctx.settings.url, seen),
        )
    if verdict == "another":
        ctx.log.warning("overseerr_is_another_one")
        await everybody_sees_anew(ctx)


def fingerprint(ctx: Ctx, public: answers.Public) -> str:
    """What tells one installation from another, and what that is: `key:` it made for web push when it was set up, else `url:`."""
    kind, of = (_KEY, public.push_key) if public.push_key else (_URL, ctx.settings.url)
    return kind + hashlib.sha256(of.encode()).hexdigest()[:32]


def _verdict(before: str, seen: str, *, at_same_address: bool) -> Literal["same", "another", "silent", "cannot_tell"]:
    """Whether it is the one from before. `silent`: at its address, and for once without the key that it had."""
    if before in ("", seen):
        return "same"
    if before.startswith(_KEY) and seen.startswith(_KEY):
        return "another"
    if before.startswith(_KEY):
        return "silent" if at_same_address else "cannot_tell"
    # Of the one before nothing but its address is known.
    return "same" if at_same_address else "another"


async def _forget(ctx: Ctx, tx: Queries) -> None:
    for table in _KEPT:
        await tx.execute(f"DELETE FROM plugin_overseerr.{table} WHERE instance = $1", ctx.instance)  # nosec B608 # noqa: S608 - constants
    await tx.execute("DELETE FROM plugin_overseerr.source WHERE instance = $1", ctx.instance)
