"""Keeps rows, jobs and the download folder true to each other after crashes; called by the periodic tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, JobState, Record
from medianest_youtube import store, work_store
from medianest_youtube.failures import Failure
from medianest_youtube.models import DownloadJob, DownloadState
from medianest_youtube.settings import YouTubeSettings, workspace_of
from medianest_youtube.telling import tell_changed
from medianest_youtube.workspace import Workspace

_ORPHAN_SECONDS: Final = 3600.0
_PARTS_KEPT: Final = timedelta(days=1)
_SETTLE_AFTER: Final = timedelta(seconds=10)
_SETTLED_AT_ONCE: Final = 200
"""Each costs a query; thousands may be queued, and nearly all of them are well."""


async def settle_orphans(ctx: Context[YouTubeSettings]) -> None:
    """Active files without a living job: cancelled with their job, failed with it, or queued anew when it is unknown."""
    now = ctx.clock.now()
    for row in await work_store.active(ctx.db, now - _SETTLE_AFTER, _SETTLED_AT_ONCE):
        job = None if row["job_id"] is None else await ctx.jobs.get(row["job_id"])
        if job is not None and job.state in (JobState.QUEUED, JobState.RUNNING):
            continue
        if job is None:
            await _queue_anew(ctx, row["id"])
        elif job.state is JobState.CANCELLED:
            await store.set_state(ctx.db, row["id"], DownloadState.CANCELLED, Failure.CANCELLED, now)
        else:
            await store.set_state(ctx.db, row["id"], DownloadState.FAILED, Failure.INTERNAL, now)
        ctx.log.warning("download without a job settled", file=str(row["id"]), job=job and job.state.value)
        await tell_changed(ctx, row["id"])


async def _queue_anew(ctx: Context[YouTubeSettings], file_id: UUID) -> None:
    async with ctx.db.transaction() as tx:
        job_id = await ctx.jobs.enqueue("download", DownloadJob(file_id=file_id), unique=str(file_id), tx=tx)
        await store.set_job(tx, file_id, job_id)


async def tidy_folder(ctx: Context[YouTubeSettings]) -> None:
    """Remove files no row speaks of and parts nobody waits for; mark finished files that are gone."""
    workspace, now = workspace_of(ctx), ctx.clock.now()
    unwished = list(await work_store.remove_unwished(ctx.db))
    # The folder first: a file that appears after is not in the list, a row that appears after is no harm.
    there = await asyncio.to_thread(workspace.known_ids)
    rows = await work_store.states(ctx.db)
    old = await asyncio.to_thread(_older, workspace, there - rows.keys(), _ORPHAN_SECONDS)
    spent = [
        file_id
        for file_id in there & rows.keys()
        if rows[file_id]["state"] == DownloadState.CANCELLED.value
        or (rows[file_id]["state"] == DownloadState.FAILED.value and now - rows[file_id]["updated_at"] > _PARTS_KEPT)
    ]
    await asyncio.to_thread(_discard, workspace, [*unwished, *old, *spent])
    for file_id in await asyncio.to_thread(_lost, workspace, rows):
        await store.set_state(ctx.db, file_id, DownloadState.FAILED, Failure.FILE_LOST, now)
        await tell_changed(ctx, file_id)
        ctx.log.warning("a finished file is gone", file=str(file_id))


def _older(workspace: Workspace, ids: Iterable[UUID], seconds: float) -> list[UUID]:
    return [file_id for file_id in ids if time.time() - workspace.touched(file_id) > seconds]


def _discard(workspace: Workspace, ids: Iterable[UUID]) -> None:
    for file_id in ids:
        workspace.discard(file_id)


def _lost(workspace: Workspace, rows: dict[UUID, Record]) -> list[UUID]:
    return [
        file_id
        for file_id, row in rows.items()
        if row["state"] == DownloadState.DONE.value
        and not workspace.is_whole(workspace.finished(file_id, row["container"]), row["size"])
    ]
