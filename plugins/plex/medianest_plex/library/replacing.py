"""Lets go of what is kept of a server in whose place the settings have another one. Asks neither anything."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, Queries
from medianest_plex.browsing.sight import NEVER
from medianest_plex.library.leaving import empty
from medianest_plex.settings import PlexSettings

LIBRARY_TAG: Final = "library"
"""The tag of cached answers that a change of the library puts out of date (`AnswerCache(tags=[LIBRARY_TAG])`)."""

_AT_ONCE: Final = ("arrival", "hint", "grouping", "playing", "ended")
_IN_PARTS: Final = ("seen", "arrival", "hint", "grouping", "item", "section")


async def hide_replaced(ctx: Context[PlexSettings], machine_identifier: str) -> bool:
    """Show nothing any more of what is kept, if that is of another server than this one. Whether it is.

    That lasts until `empty_replaced`: keys and numbers of one server mean something else at another.
    """
    async with ctx.db.transaction() as tx:
        was = await tx.fetchrow(
            "SELECT machine_identifier, synced_at FROM plugin_plex.server WHERE instance = $1 FOR UPDATE", ctx.instance
        )
        if was is None or was["machine_identifier"] in ("", machine_identifier):
            return False
        gone = await tx.execute("DELETE FROM plugin_plex.section WHERE instance = $1", ctx.instance)
        is_first = was["synced_at"] is not None or gone != "DELETE 0"
        if is_first:
            await _hide(ctx, tx)
    if is_first:
        ctx.log.warning(
            "plex_server_replaced", server=ctx.instance, was=was["machine_identifier"], now=machine_identifier
        )
        await ctx.cache.bump(LIBRARY_TAG)
    return True


async def _hide(ctx: Context[PlexSettings], tx: Queries) -> None:
    for table in _AT_ONCE:
        await tx.execute(f"DELETE FROM plugin_plex.{table} WHERE instance = $1", ctx.instance)  # nosec B608 # noqa: S608 - names of tables written here
    await _unshare(ctx, tx)
    await tx.execute(
        "UPDATE plugin_plex.server SET synced_at = NULL, name = '', version = '' WHERE instance = $1", ctx.instance
    )


async def empty_replaced(ctx: Context[PlexSettings], machine_identifier: str) -> None:
    """Let go of what is kept, a little at a time, if it is of another server than this one; from then on, this is the one.

    Cut short, it goes on the next time. Call it before anything of this server is written.
    """
    if not await hide_replaced(ctx, machine_identifier):
        return
    for table in _IN_PARTS:
        await empty(ctx, table, ctx.instance)
    async with ctx.db.transaction() as tx:
        await _unshare(ctx, tx)  # somebody may have been asking the server of before still
        await tx.execute(
            "UPDATE plugin_plex.server SET machine_identifier = $2 WHERE instance = $1",
            *(ctx.instance, machine_identifier),
        )
    await ctx.cache.bump(LIBRARY_TAG)


async def _unshare(ctx: Context[PlexSettings], tx: Queries) -> None:
    await tx.execute(
        "UPDATE plugin_plex.seen_state SET sections = ARRAY[]::integer[], refreshed_at = $2 WHERE instance = $1",
        *(ctx.instance, NEVER),
    )
