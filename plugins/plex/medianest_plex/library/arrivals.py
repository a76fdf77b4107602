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

_ROOTS: Final = """
    WITH came AS (
        SELECT a.rating_key, a.at, a.held, i.kind, i.parent_key, i.grandparent_key, i.leaves
          FROM plugin_plex.arrival a JOIN plugin_plex.item i USING (instance, rating_key)
         WHERE a.instance = $1
    ), rooted AS (
        SELECT c.*, CASE
                   WHEN c.kind = 'episode' AND EXISTS (SELECT FROM came s WHERE s.rating_key = c.grandparent_key)
                       THEN c.grandparent_key
                   WHEN c.kind = 'episode' THEN c.parent_key
                   WHEN c.kind IN ('season', 'album') AND EXISTS (SELECT FROM came s WHERE s.rating_key = c.parent_key)
                       THEN c.parent_key
                   ELSE c.rating_key
               END AS root
          FROM came c
    )
    SELECT r.root, max(r.at) AS last_at, min(r.at) AS first_at, bool_or(r.held) AS held, array_agg(r.rating_key) AS keys,
           count(*) FILTER (WHERE r.kind = 'episode') AS episodes,
           coalesce(sum(r.leaves) FILTER (WHERE r.kind = 'album'), 0) AS tracks,
           i.id, i.kind, i.title, i.parent_title, i.year, i.leaves, i.tmdb, i.tvdb, i.imdb, i.musicbrainz,
           s.title AS section
      FROM rooted r
      LEFT JOIN plugin_plex.item i ON i.instance = $1 AND i.rating_key = r.root
      LEFT JOIN plugin_plex.section s ON s.instance = $1 AND s.section_key = i.section_key
     GROUP BY r.root, i.id, s.id ORDER BY max(r.at), r.root
"""


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
    now = ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await tx.fetchval("SELECT 1 FROM plugin_plex.server WHERE instance = $1 FOR UPDATE", ctx.instance)
        waits: list[timedelta] = []
        for root in await tx.fetch(_ROOTS, ctx.instance):
            wait = _wait(root, now)
            if wait > timedelta(0):
                waits.append(wait)
                continue
            await tx.execute(
                "DELETE FROM plugin_plex.arrival WHERE instance = $1 AND rating_key = ANY($2)",
                *(ctx.instance, root["keys"]),
            )
            if root["id"] is not None and root["kind"] in tuple(Kind) and root["kind"] != Kind.EPISODE:
                event = _event(ctx.instance, root, now)
                await ctx.events.emit(event, tx=tx)
                await notify_added(ctx, tx, event)
        await tx.execute(
            """DELETE FROM plugin_plex.arrival a WHERE a.instance = $1 AND NOT EXISTS (
                   SELECT FROM plugin_plex.item i WHERE i.instance = a.instance AND i.rating_key = a.rating_key)""",
            ctx.instance,
        )
        await tx.execute("UPDATE plugin_plex.server SET announce_at = NULL WHERE instance = $1", ctx.instance)
        if waits:
            await plan(ctx, tx, min(waits), of=of)


def _wait(root: Record, now: datetime) -> timedelta:
    if root["held"]:
        return QUIET
    ripe: datetime = min(root["last_at"] + QUIET, root["first_at"] + PATIENCE)
    return ripe - now


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
