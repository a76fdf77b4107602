"""Lets go of what is kept of servers the settings no longer have, a little at a time. Of people it keeps what protects them."""

from __future__ import annotations

import asyncio
from typing import Final

from medianest_hub.plugin_api import Context
from medianest_plex.browsing.sight import NEVER, STALE_AFTER
from medianest_plex.settings import PlexSettings

AT_ONCE: Final = 2000
"""So many rows go in one transaction."""

_PAUSE_SECONDS: Final = 0.05
_TABLES: Final = ("seen", "arrival", "hint", "grouping", "item", "playing", "ended", "section", "server")
"""What is kept of one server; what is in a grouping goes with it. The identifiers it was known by stay: should it come back,
it must be the same one."""


async def forget_removed(ctx: Context[PlexSettings]) -> list[str]:
    """The instances of which something was kept, and nothing is any more: those not heard for five minutes, either.

    For this may be the last job under settings of before, and the server one that was just added.

    Whoever had a Plex account linked stays noted (`seen_state`), with nothing shared: should the server come back, nobody
    sees more of it by having taken their account away meanwhile.
    """
    kept = [one.instance for one in ctx.settings.servers]
    known = await ctx.db.fetch(
        """SELECT instance FROM (
               SELECT instance FROM plugin_plex.server UNION SELECT instance FROM plugin_plex.section
               UNION SELECT instance FROM plugin_plex.playing
           ) kept
            WHERE NOT EXISTS (SELECT FROM plugin_plex.server s WHERE s.instance = kept.instance AND s.heard_at > $1)""",
        ctx.clock.now() - STALE_AFTER,
    )
    gone = sorted({row["instance"] for row in known} - set(kept))
    for instance in gone:
        ctx.log.info("plex_server_removed", server=instance)
        for table in _TABLES:
            await empty(ctx, table, instance)
        await ctx.db.execute(
            """UPDATE plugin_plex.seen_state SET sections = ARRAY[]::integer[], refreshed_at = $2
                WHERE instance = $1""",
            *(instance, NEVER),
        )
        await ctx.db.execute("UPDATE plugin_plex.listener SET looked_at = NULL WHERE instance = $1", instance)
    return gone


async def empty(ctx: Context[PlexSettings], table: str, instance: str) -> None:
    """Delete the instance's rows of one of the plugin's tables, a little at a time."""
    while True:
        done = await ctx.db.execute(
            f"""DELETE FROM plugin_plex.{table} WHERE ctid = ANY(ARRAY(
                    SELECT ctid FROM plugin_plex.{table} WHERE instance = $1 LIMIT {AT_ONCE}))""",  # nosec B608 # noqa: S608 - names of tables written here
            instance,
        )
        if int(done.rpartition(" ")[2]) < AT_ONCE:
            return
        await asyncio.sleep(_PAUSE_SECONDS)
