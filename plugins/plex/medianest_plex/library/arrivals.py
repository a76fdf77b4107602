"""Tells others what came into the library, gathered: a season is one piece of news however many episodes came."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel

from medianest_hub.plugin_api import Context, Queries, Record
from medianest_plex.events import ItemAdded, Kind
from medianest_plex.notifications import notify_added
from medianest_plex.settings import FIRST, PlexSettings

ANNOUNCE: Final = "announce"
"""The name of the task."""

QUIET: Final = timedelta(seconds=60)
"""So long nothing more of it must have come before it is told of."""

PATIENCE: Final = timedelta(minutes=30)
"""After so long it is told of although more keeps coming."""

_LOST: Final = timedelta(minutes=10)
"""A look that should have been so long ago is not coming any more."""

AT_ONCE: Final = 200
"""So many pieces of news are told of in one transaction."""

_STRETCH_SECONDS: Final = 15.0
"""After so long the rest is left to another look, which begins at once."""

_ROOTED: Final = """
    WITH came AS (
        SELECT a.rating_key, a.at, a.held, i.kind, i.leaves, CASE
                   WHEN i.kind = 'episode' THEN CASE WHEN g.rating_key IS NULL THEN i.parent_key ELSE g.rating_key END
                   WHEN i.kind IN ('season', 'album') AND p.rating_key IS NOT NULL THEN p.rating_key
                   ELSE a.rating_key
               END AS root
          FROM plugin_plex.arrival a JOIN plugin_plex.item i USING (instance, rating_key)
          LEFT JOIN plugin_plex.arrival p ON p.instance = a.instance AND p.rating_key = i.parent_key
          LEFT JOIN plugin_plex.arrival g ON g.instance = a.instance AND g.rating_key = i.grandparent_key
         WHERE a.instance = $1
    ), rooted AS (
        SELECT root, max(at) AS last_at, least(max(at) + $2, min(at) + $3) AS ripe_at, bool_or(held) AS held,
               array_agg(rating_key) AS keys, count(*) FILTER (WHERE kind = 'episode') AS episodes,
               coalesce(sum(leaves) FILTER (WHERE kind = 'album'), 0) AS tracks
          FROM came GROUP BY root
    )
"""
_RIPE: Final = f"""{_ROOTED}
    SELECT r.*, i.id, i.kind, i.title, i.parent_title, i.year, i.leaves, i.tmdb, i.tvdb, i.imdb, i.musicbrainz,
           s.title AS section
      FROM rooted r
      LEFT JOIN plugin_plex.item i ON i.instance = $1 AND i.rating_key = r.root
      LEFT JOIN plugin_plex.section s ON s.instance = $1 AND s.section_key = i.section_key
     WHERE NOT r.held AND r.ripe_at <= $4 ORDER BY r.last_at, r.root LIMIT {AT_ONCE}
"""  # nosec B608 # noqa: S608 - every part is written here
_NEXT: Final = f"{_ROOTED} SELECT min(ripe_at) FILTER (WHERE NOT held) AS at, bool_or(held) AS held FROM rooted"  # nosec B608 # noqa: S608 - likewise


class AnnounceArgs(BaseModel):
    """Of which server."""

    instance: str = FIRST


async def release(ctx: Context[PlexSettings]) -> None:
    """A sync is through: what came in has not merely moved. Have it told of when it is quiet."""
    async with ctx.db.transaction() as tx:
        await tx.execute("UPDATE plugin_plex.arrival SET held = false WHERE instance = $1 AND held", ctx.instance)
        await plan(ctx, tx, QUIET)


async def plan(ctx: Context[PlexSettings], tx: Queries, after: timedelta, *, of: str = "") -> None:
    """Have a look taken at what came in, if there is anything and no look is planned. `of`: who plans."""
    now = ctx.clock.now()
    planned = await tx.execute(
        """UPDATE plugin_plex.server SET announce_at = $2
            WHERE instance = $1 AND (announce_at IS NULL OR announce_at < $3)
              AND EXISTS (SELECT FROM plugin_plex.arrival WHERE instance = $1)""",
        *(ctx.instance, now + after, now - _LOST),
    )
    if planned == "UPDATE 1":
        unique = f"{ctx.instance} after {of}"
        await ctx.jobs.enqueue(
            *(ANNOUNCE, AnnounceArgs(instance=ctx.instance)), delay=after.total_seconds(), unique=unique, tx=tx
        )


async def announce(ctx: Context[PlexSettings], *, of: str = "") -> None:
    """Emit `plex:item.added` for what is complete; plan another look where something is not. `of`: whose look it is."""
    ends = ctx.clock.monotonic() + _STRETCH_SECONDS
    while await _tell_some(ctx, ends, of):
        pass


async def _tell_some(ctx: Context[PlexSettings], ends: float, of: str) -> bool:
    """Tell of what is ripe, `AT_ONCE` at most; whether this look should go on."""
    now = ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await tx.fetchval("SELECT 1 FROM plugin_plex.server WHERE instance = $1 FOR UPDATE", ctx.instance)
        ripe = await tx.fetch(_RIPE, ctx.instance, QUIET, PATIENCE, now)
        await tx.execute(
            "DELETE FROM plugin_plex.arrival WHERE instance = $1 AND rating_key = ANY($2)",
            *(ctx.instance, [key for root in ripe for key in root["keys"]]),
        )
        for root in ripe:
            if root["id"] is not None and root["kind"] in tuple(Kind) and root["kind"] != Kind.EPISODE:
                event = _event(ctx.instance, root, now)
                await ctx.events.emit(event, tx=tx)
                await notify_added(ctx, tx, event)
        is_full = len(ripe) == AT_ONCE
        if is_full and ctx.clock.monotonic() < ends:
            return True
        await tx.execute(
            """DELETE FROM plugin_plex.arrival a WHERE a.instance = $1 AND NOT EXISTS (
                   SELECT FROM plugin_plex.item i WHERE i.instance = a.instance AND i.rating_key = a.rating_key)""",
            ctx.instance,
        )
        await tx.execute("UPDATE plugin_plex.server SET announce_at = NULL WHERE instance = $1", ctx.instance)
        if is_full:
            await plan(ctx, tx, timedelta(0), of=of)
        elif (wait := await _wait(ctx, tx, now)) is not None:
            await plan(ctx, tx, wait, of=of)
        return False


async def _wait(ctx: Context[PlexSettings], tx: Queries, now: datetime) -> timedelta | None:
    """How long until something else is ripe; None where nothing is left."""
    left = await tx.fetchrow(_NEXT, ctx.instance, QUIET, PATIENCE)
    if left is None or (left["at"] is None and not left["held"]):
        return None
    waits: list[timedelta] = ([left["at"] - now] if left["at"] is not None else []) + ([QUIET] if left["held"] else [])
    return max(min(waits), timedelta(0))


def _event(instance: str, root: Record, now: datetime) -> ItemAdded:
    kind = Kind(root["kind"])
    title = root["title"]
    if kind in (Kind.SEASON, Kind.ALBUM) and root["parent_title"]:
        title = f"{root['parent_title']} · {title}"
    count = 1
    if kind in (Kind.SHOW, Kind.SEASON):
        count = root["episodes"] or root["leaves"] or 1
    elif kind is Kind.ALBUM:
        count = root["leaves"] or 1
    elif kind is Kind.ARTIST:
        count = root["tracks"] or 1
    services = ("tmdb", "tvdb", "imdb", "musicbrainz")
    return ItemAdded(
        item_id=root["id"],
        section=root["section"] or "",
        kind=kind,
        title=title,
        year=root["year"],
        count=count,
        external_ids={name: root[name] for name in services if root[name]},
        at=now,
        instance=instance,
    )
