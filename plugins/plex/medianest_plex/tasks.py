"""What the worker does about the library: syncing it, telling what came in, and having folders scanned."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from medianest_hub.plugin_api import Context, Job, task
from medianest_hub.plugin_api.errors import AuthFailed, HubError, Unavailable, UpstreamError
from medianest_plex.client import PlexServer
from medianest_plex.connection import connection
from medianest_plex.library import arrivals, state
from medianest_plex.library.hints import SYNC, hint
from medianest_plex.library.run import OutOfTime
from medianest_plex.library.sections import Overtaken
from medianest_plex.library.sync import due, synchronise
from medianest_plex.scanning import SCAN, ScanArgs
from medianest_plex.scanning import scan as scan_folder
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


@task(SYNC, every=timedelta(minutes=5), timeout=2400, retries=1, concurrency=1, cancellable=False)
async def sync(ctx: Context[PlexSettings], job: Job[SyncArgs]) -> SyncResult:
    """Bring the library to what the server has, if there is a reason to. A server that is away is no failure of the job."""
    if not job.args.full and not await due(ctx):
        return SyncResult()
    try:
        outcome = await synchronise(ctx, job.progress, full=job.args.full)
    except OutOfTime:
        await hint(ctx, delay=1)
        return SyncResult()
    except Overtaken as error:
        return SyncResult(trouble=error.message)
    except (AuthFailed, UpstreamError, Unavailable) as error:
        await _troubled(ctx, error)
        return SyncResult(trouble=error.message)
    if outcome is None:
        return SyncResult()
    if outcome.fresh or outcome.changed or outcome.removed:
        for tile in ("recently_added", "counts"):
            await ctx.realtime.widget_changed(tile)
    return SyncResult(fresh=outcome.fresh, changed=outcome.changed, removed=outcome.removed)


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
async def announce(ctx: Context[PlexSettings], job: Job) -> None:
    """Tell others what came in, once nothing more of it comes."""
    await arrivals.announce(ctx, of=str(job.id))


@task(SCAN, timeout=60, retries=3, concurrency=1)
async def scan(ctx: Context[PlexSettings], job: Job[ScanArgs]) -> None:
    """Have the server look at one folder."""
    await scan_folder(ctx, job.args)
