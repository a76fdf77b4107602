"""How it stands with a Plex server itself: whether it is heard, since when, and what is wrong. Asks it nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from medianest_hub.plugin_api import Context, Queries
from medianest_plex.events import ServerDown, ServerUp
from medianest_plex.settings import PlexSettings

_LONGEST_TROUBLE = 500
_UNNAMED = "Plex"
_HEARD = """
    UPDATE plugin_plex.server s
       SET heard_at = $2, trouble = coalesce($3, s.trouble), name = coalesce(nullif($4, ''), s.name),
           version = coalesce(nullif($5, ''), s.version),
           machine_identifier = coalesce(nullif(s.machine_identifier, ''), $6)
      FROM (SELECT trouble FROM plugin_plex.server WHERE instance = $1) AS was
     WHERE s.instance = $1 AND s.connected RETURNING was.trouble
"""


@dataclass(frozen=True, slots=True)
class Server:
    """As it is kept. `since` is when `connected` last changed; `synced_at` when the index was last brought up to date.

    `trouble` is in words for an admin: what whoever listens says, else what kept the last sync from its end.
    """

    machine_identifier: str
    name: str
    version: str
    connected: bool
    since: datetime | None
    heard_at: datetime | None
    trouble: str
    run: int
    synced_at: datetime | None


NEVER = Server("", "", "", False, None, None, "", 0, None)


async def read_server(q: Queries, instance: str) -> Server:
    """How it stands; `NEVER` before the server was ever heard or missed."""
    row = await q.fetchrow(
        """SELECT machine_identifier, name, version, connected, since, heard_at, coalesce(nullif(trouble, ''), sync_trouble),
                  run, synced_at
             FROM plugin_plex.server WHERE instance = $1""",
        instance,
    )
    return NEVER if row is None else Server(*(row[at] for at in range(9)))


async def heard(
    ctx: Context[PlexSettings],
    *,
    name: str = "",
    version: str = "",
    machine_identifier: str = "",
    remark: str | None = None,
) -> bool:
    """The server has just answered, or spoken by itself; what is empty stays as it was known. Whether it was away before.

    `remark` is what an admin should look at all the same, a token it refuses for instance; "" says that all is well, None
    leaves it as it was. Which server it is stays as it was first heard until what is kept of that one is let go of
    (`empty_replaced`). After a `lost` this emits `plex:server.up`, once. May be called as often as one likes.
    """
    now, given = ctx.clock.now(), (name[:200], version[:200], machine_identifier[:200])
    if remark is not None:
        remark = remark[:_LONGEST_TROUBLE]
    before = await ctx.db.fetchval(_HEARD, ctx.instance, now, remark, *given)
    if before is None:
        async with ctx.db.transaction() as tx:
            was = await _locked(ctx, tx)
            if was.connected:  # somebody else has just noticed, and knows less of it, perhaps
                await tx.fetchval(_HEARD, ctx.instance, now, remark, *given)
            else:
                await _came_back(ctx, tx, was, given, remark or "", now)
        before = was.trouble
        if not was.connected:
            ctx.log.info("plex_server_heard", server=ctx.instance, version=version or was.version)
            _gauge(ctx, True)
    else:
        was = None
    if remark and remark != before:
        ctx.log.warning("plex_server_troubled", server=ctx.instance, reason=remark)
    return was is not None and not was.connected


async def lost(ctx: Context[PlexSettings], reason: str) -> bool:
    """The server does not answer, `reason` says how in words for people. Whether it was there, or unknown, before.

    Then this emits `plex:server.down`, once. May be called as often as one likes.
    """
    reason, now = reason[:_LONGEST_TROUBLE], ctx.clock.now()
    async with ctx.db.transaction() as tx:
        was = await _locked(ctx, tx)
        is_news = was.connected or was.since is None
        await tx.execute(
            "UPDATE plugin_plex.server SET connected = false, since = $2, trouble = $3 WHERE instance = $1",
            *(ctx.instance, now if is_news else was.since, reason),
        )
        if is_news:
            await ctx.events.emit(
                ServerDown(name=was.name or _UNNAMED, reason=reason, at=now, instance=ctx.instance), tx=tx
            )
    if is_news:
        ctx.log.warning("plex_server_lost", server=ctx.instance, reason=reason)
        _gauge(ctx, False)
    return is_news


async def note_sync(ctx: Context[PlexSettings], trouble: str) -> None:
    """What kept a sync from its end, of a server that is there; "" when it went through. Logged once."""
    trouble = trouble[:_LONGEST_TROUBLE]
    changed = await ctx.db.execute(
        "UPDATE plugin_plex.server SET sync_trouble = $2 WHERE instance = $1 AND sync_trouble <> $2",
        ctx.instance,
        trouble,
    )
    if trouble and changed == "UPDATE 1":
        ctx.log.warning("plex_sync_troubled", server=ctx.instance, reason=trouble)


async def _locked(ctx: Context[PlexSettings], tx: Queries) -> Server:
    """The row, which is nobody else's to change until the transaction ends."""
    await tx.execute("INSERT INTO plugin_plex.server (instance) VALUES ($1) ON CONFLICT DO NOTHING", ctx.instance)
    await tx.fetchval("SELECT 1 FROM plugin_plex.server WHERE instance = $1 FOR UPDATE", ctx.instance)
    return await read_server(tx, ctx.instance)


async def _came_back(
    ctx: Context[PlexSettings], tx: Queries, was: Server, given: tuple[str, str, str], remark: str, now: datetime
) -> None:
    name, version, machine_identifier = given
    await tx.execute(
        """UPDATE plugin_plex.server
              SET connected = true, since = $2, heard_at = $2, trouble = $3, name = $4, version = $5,
                  machine_identifier = $6
            WHERE instance = $1""",
        *(ctx.instance, now, remark, name or was.name, version or was.version),
        was.machine_identifier or machine_identifier,
    )
    if was.since is not None:
        away = (now - was.since).total_seconds()
        back = ServerUp(name=name or was.name or _UNNAMED, at=now, seconds=away, instance=ctx.instance)
        await ctx.events.emit(back, tx=tx)


def _gauge(ctx: Context[PlexSettings], connected: bool) -> None:
    gauge = ctx.metrics.gauge(
        "connected", "Whether a Plex server is heard, in the process that last noticed.", ["server"]
    )
    gauge.set(connected, server=ctx.instance)
