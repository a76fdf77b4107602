"""What the worker does about the libraries: syncing them, telling what came in, and having folders scanned."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import BaseModel

from medianest_hub.plugin_api import Context, Job, task
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, Unavailable, UpstreamError
from medianest_plex.client import PlexServer
from medianest_plex.connection import connection
from medianest_plex.library import arrivals, state
from medianest_plex.library.hints import hint, sync_name
from medianest_plex.library.leaving import forget_removed
from medianest_plex.library.run import OutOfTime
from medianest_plex.library.sections import Overtaken
from medianest_plex.library.sync import due, synchronise
from medianest_plex.scanning import SCAN, ScanArgs
from medianest_plex.scanning import scan as scan_folder
from medianest_plex.servers import at, of_instance
from medianest_plex.settings import PlexSettings


class SyncArgs(BaseModel):
    """`full`: compare everything, also when nothing seems to have changed."""

    full: bool = False


class SyncResult(BaseModel):
    """What a sync did, in items; `trouble` says what kept it from its end."""

    fresh: int = 0
    changed: int = 0
    removed: int = 0
    trouble: str = ""


@task(sync_name(0), every=timedelta(minutes=5), timeout=2400, retries=1, concurrency=1, cancellable=False)
async def sync(ctx: Context[PlexSettings], job: Job[SyncArgs]) -> SyncResult:
    """Bring the first server's libraries to what it has, and let go of what is kept of servers that were taken away."""
    if await forget_removed(ctx):
        await _tell_tiles(ctx)
    return await _sync(ctx, 0, job)


@task(sync_name(1), every=timedelta(minutes=5), timeout=2400, retries=1, concurrency=1, cancellable=False)
async def sync_second(ctx: Context[PlexSettings], job: Job[SyncArgs]) -> SyncResult:
    """The same for the second server, where there is one."""
    return await _sync(ctx, 1, job)


syncs: Final = (sync, sync_second)
"""One for each server there may be, side by side: one that is slow or away holds up no other."""


async def _sync(ctx: Context[PlexSettings], place: int, job: Job[SyncArgs]) -> SyncResult:
    """Sync the server at that place in the settings, if there is a reason to. That it is away is no failure of the job."""
    if place >= len(ctx.settings.servers):
        return SyncResult()
    ctx = at(ctx, ctx.settings.servers[place])
    if not job.args.full and not await due(ctx):
        return SyncResult()
    try:
        outcome = await synchronise(ctx, job.progress, full=job.args.full)
    except OutOfTime:
        await hint(ctx, delay=1)
        return SyncResult()
    except Overtaken as error:
        return SyncResult(trouble=error.message)
    except (AuthFailed, ConfigInvalid, UpstreamError, Unavailable) as error:
        await _troubled(ctx, error)
        return SyncResult(trouble=error.message)
    if outcome is None:
        return SyncResult()
    if outcome.fresh or outcome.changed or outcome.removed:
        await _tell_tiles(ctx)
    return SyncResult(fresh=outcome.fresh, changed=outcome.changed, removed=outcome.removed)


async def _tell_tiles(ctx: Context[PlexSettings]) -> None:
    for tile in ("recently_added", "counts"):
        await ctx.realtime.widget_changed(tile)


async def _troubled(ctx: Context[PlexSettings], error: HubError) -> None:
    """Find out whether the server is away, or only answers oddly, and note it. Raises it again if it is about us."""
    if isinstance(error, Unavailable) and error.error_code != "service_down":
        raise error
    try:
        link = await connection(ctx)
        server: PlexServer = link.server
        identity = await server.identity()
    except HubError as away:
        await state.lost(ctx, away.message)
        return
    if identity.machine_identifier != link.machine_identifier:
        await state.lost(ctx, error.message)
    else:
        await state.heard(ctx)
        await state.note_sync(ctx, error.message)


@task(arrivals.ANNOUNCE, timeout=60, retries=3, concurrency=1, cancellable=False)
async def announce(ctx: Context[PlexSettings], job: Job[arrivals.AnnounceArgs]) -> None:
    """Tell others what came into one server's libraries, once nothing more of it comes."""
    server = of_instance(ctx, job.args.instance)
    if server is not None:
        await arrivals.announce(server, of=str(job.id))


@task(SCAN, timeout=60, retries=3, concurrency=1)
async def scan(ctx: Context[PlexSettings], job: Job[ScanArgs]) -> None:
    """Have a server look at one folder."""
    await scan_folder(ctx, job.args)
