"""Reasons to look at the library soon, kept until a sync has taken them up. Looks at nothing itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from medianest_hub.plugin_api import Context, Queries
from medianest_plex.settings import PlexSettings

SYNC: Final = "sync"
"""How the name of the task begins. Each server has one of its own, so that a long sync of one holds up no other."""

GATHER_SECONDS: Final = 5.0
"""How long after a hint the sync begins: hints come in swarms."""

_LOOK: Final = 0
_LARGEST_KEY: Final = 2**63


def sync_name(place: int) -> str:
    """The name of the task of the server at that place in the settings, counted from 0."""
    return f"{SYNC}_{place + 1}" if place else SYNC


async def hint(ctx: Context[PlexSettings], rating_keys: Collection[int] = (), *, delay: float = GATHER_SECONDS) -> None:
    """The server said that these items came, changed or went; without keys, that something did. A sync begins soon.

    Call it as often as one likes: one sync at most waits, and it looks at everything hinted at until it begins.
    """
    keys = sorted({key for key in rating_keys if 0 < key < _LARGEST_KEY} or {_LOOK})
    async with ctx.db.transaction() as tx:
        hint_round = await tx.fetchval(
            """INSERT INTO plugin_plex.server (instance) VALUES ($1)
               ON CONFLICT (instance) DO UPDATE SET hint_round = plugin_plex.server.hint_round RETURNING hint_round""",
            ctx.instance,
        )
        await tx.execute(
            """INSERT INTO plugin_plex.hint (instance, rating_key, at) SELECT $1, key, $3 FROM unnest($2::bigint[]) AS key
               ON CONFLICT (instance, rating_key) DO UPDATE SET at = excluded.at""",
            *(ctx.instance, keys, ctx.clock.now()),
        )
        # Another text for each round: a hint that comes while a sync runs must not be taken for that sync's own.
        await ctx.jobs.enqueue(sync_name(_place(ctx)), delay=delay, unique=f"hint {hint_round}", tx=tx)


async def begin_round(q: Queries, instance: str) -> None:
    """A sync begins: what is hinted from now on is for the next one."""
    await q.execute(
        """INSERT INTO plugin_plex.server (instance, hint_round) VALUES ($1, 1)
           ON CONFLICT (instance) DO UPDATE SET hint_round = plugin_plex.server.hint_round + 1""",
        instance,
    )


async def hinted(q: Queries, instance: str) -> bool:
    """Whether anything is."""
    return bool(await q.fetchval("SELECT EXISTS (SELECT 1 FROM plugin_plex.hint WHERE instance = $1)", instance))


def _place(ctx: Context[PlexSettings]) -> int:
    return [one.instance for one in ctx.settings.servers].index(ctx.instance)
