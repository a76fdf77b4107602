"""Lets one person at a time decide on a request, over all replicas: kept in Postgres, so that a crash ends by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from medianest_hub.plugin_api.errors import Conflict
from medianest_overseerr.connection import Ctx

_SECONDS: Final = 120
"""Longer than all calls of one decision may take together."""


@asynccontextmanager
async def claimed(ctx: Ctx, number: int) -> AsyncIterator[None]:
    """For `async with`, around what is decided on a request that is kept: until it ends nobody else decides.

    Raises `Conflict` (`overseerr_being_decided`) while somebody else does. What is known from before may be out of date.
    """
    until = await ctx.db.fetchval(
        "UPDATE plugin_overseerr.request SET deciding_until = clock_timestamp() + $3 * interval '1 second' "
        "WHERE instance = $1 AND request_id = $2 AND (deciding_until IS NULL OR deciding_until < clock_timestamp()) "
        "RETURNING deciding_until",
        *(ctx.instance, number, _SECONDS),
    )
    if until is None:
        raise Conflict(
            "Somebody is deciding on this request at this moment. Look again to see what became of it.",
            code="overseerr_being_decided",
        )
    try:
        yield
    finally:
        await ctx.db.execute(
            "UPDATE plugin_overseerr.request SET deciding_until = NULL "
            "WHERE instance = $1 AND request_id = $2 AND deciding_until = $3",
            *(ctx.instance, number, until),
        )
