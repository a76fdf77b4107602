"""Who may write what is being played, and which look at the server is the latest. SQL only."""

from __future__ import annotations

from datetime import datetime

from medianest_hub.plugin_api import Queries
from medianest_hub.plugin_api.errors import Unavailable


class Overtaken(Unavailable):
    """Another worker listens to the Plex server by now; whatever this one still has to say comes too late."""

    code = "overtaken"


def _overtaken() -> Overtaken:
    return Overtaken("Another worker listens to the Plex server by now.")


async def claim(q: Queries, instance: str, fence: int) -> None:
    """From now on only the holder of this fence, or of a higher one, writes. Raises `Overtaken`."""
    claimed = await q.fetchval(
        """INSERT INTO plugin_plex.listener AS l (instance, fence) VALUES ($1, $2)
           ON CONFLICT (instance) DO UPDATE SET fence = $2 WHERE l.fence <= $2 RETURNING fence""",
        *(instance, fence),
    )
    if claimed is None:
        raise _overtaken()


async def hold(tx: Queries, instance: str, fence: int | None) -> datetime | None:
    """Until the transaction ends nobody else writes. When the last look that counts was begun.

    Without a fence whoever is next may write: what a webhook brings is as new as anything. Raises `Overtaken`.
    """
    await tx.execute("INSERT INTO plugin_plex.listener (instance) VALUES ($1) ON CONFLICT DO NOTHING", instance)
    row = await tx.fetchrow(
        "SELECT fence, look_began FROM plugin_plex.listener WHERE instance = $1 FOR UPDATE", instance
    )
    if row is None or (fence is not None and row["fence"] != fence):
        raise _overtaken()
    began: datetime | None = row["look_began"]
    return began


async def begin_look(q: Queries) -> datetime:
    """The time by the clock all workers share, to be noted before the server is asked."""
    began: datetime = await q.fetchval("SELECT clock_timestamp()")
    return began


async def note_look(tx: Queries, instance: str, began: datetime, now: datetime) -> None:
    """A look that was begun then has come in."""
    await tx.execute(
        "UPDATE plugin_plex.listener SET look_began = $2, looked_at = $3 WHERE instance = $1", *(instance, began, now)
    )
