"""What a person does with downloads: asking, cancelling, removing, asking again. The rules, between routes and tables."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

from medianest_hub.plugin_api import Context, Queries, errors
from medianest_youtube import store
from medianest_youtube.failures import Failure
from medianest_youtube.links import check_link, media_key
from medianest_youtube.models import ACTIVE, Download, DownloadJob, DownloadState, NewDownload
from medianest_youtube.options import Container
from medianest_youtube.settings import YouTubeSettings, workspace_of
from medianest_youtube.telling import tell_changed, tell_person


def _missing(download_id: UUID) -> errors.NotFound:
    return errors.NotFound(f"There is no download {download_id}; it may have been removed.")


async def queue(ctx: Context[YouTubeSettings], tx: Queries, file_id: UUID, person: UUID) -> None:
    """Have the worker fetch a file, once the transaction is through."""
    job_id = await ctx.jobs.enqueue("download", DownloadJob(file_id=file_id), person=person, unique=str(file_id), tx=tx)
    await store.set_job(tx, file_id, job_id)


async def _living(
    ctx: Context[YouTubeSettings], tx: Queries, key: str, form: tuple[str, str, str]
) -> tuple[UUID, DownloadState] | None:
    """The file to share, if it is on its way or really there; one that is gone from the disk is marked so."""
    row = await store.living_file(tx, ctx.instance, key, form)
    if row is None:
        return None
    file_id, state = row["id"], DownloadState(row["state"])
    if state is DownloadState.DONE:
        workspace = workspace_of(ctx)
        path = workspace.finished(file_id, row["container"])
        if not await asyncio.to_thread(workspace.is_whole, path, row["size"]):
            await store.set_state(tx, file_id, DownloadState.FAILED, Failure.FILE_LOST, ctx.clock.now())
            return None
    return file_id, state


async def ask(ctx: Context[YouTubeSettings], person: UUID, new: NewDownload) -> Download:
    """A wish for a video: for the file that is there or on its way if there is one, else for a new one.

    Asking twice is asking once. Raises `BadInput` for a link that may not be followed.
    """
    url = check_link(new.url, ctx.settings.rules)
    key, form, now = media_key(url), store.form_of(new.choice), ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await store.hold_key(tx, key)
        living = await _living(ctx, tx, key, form)
        if living is None:
            file_id = await store.add_file(tx, ctx.instance, key, form, url, now)
            await queue(ctx, tx, file_id, person)
        else:
            file_id = living[0]
        download_id = await store.add_wish(tx, person, file_id, url, now)
    await tell_person(ctx, download_id, person)
    return await see(ctx, download_id)


async def see(ctx: Context[YouTubeSettings], download_id: UUID) -> Download:
    """One wish. Raises `NotFound`."""
    found = await store.one(ctx.db, download_id)
    if found is None:
        raise _missing(download_id)
    return found


async def drop(ctx: Context[YouTubeSettings], download_id: UUID) -> None:
    """Cancel what is under way; remove what has ended, and its file with the last wish for it. Raises `NotFound`."""
    job_to_cancel: UUID | None = None
    discard = False
    async with ctx.db.transaction() as tx:
        file = await store.file_of(tx, download_id, lock=True)
        if file is None:
            raise _missing(download_id)
        person = await store.person_of(tx, download_id)
        if file.state in ACTIVE and not file.cancelled:
            await store.cancel_wish(tx, download_id, ctx.clock.now())
            if not file.others:
                await store.set_state(tx, file.id, DownloadState.CANCELLED, Failure.CANCELLED, ctx.clock.now())
                job_to_cancel = file.job_id
        else:
            discard = await store.remove_wish(tx, download_id, file.id)
    if job_to_cancel is not None:
        await ctx.jobs.cancel(job_to_cancel)
    if discard:
        await asyncio.to_thread(workspace_of(ctx).discard, file.id)
        await ctx.realtime.widget_changed("disk")
    if person is not None:
        await tell_person(ctx, download_id, person)


async def ask_again(ctx: Context[YouTubeSettings], download_id: UUID, person: UUID) -> Download:
    """Try a failed, cancelled or lost one again. Raises `NotFound`, and `Conflict` where there is nothing to retry."""
    now = ctx.clock.now()
    known = await store.file_of(ctx.db, download_id)
    if known is None:
        raise _missing(download_id)
    async with ctx.db.transaction() as tx:
        await store.hold_key(tx, known.media_key)
        file = await store.file_of(tx, download_id, lock=True)
        if file is None:
            raise _missing(download_id)
        living = await _living(ctx, tx, file.media_key, file.choice)
        if living is None:
            await store.requeue_file(tx, file.id, now)
            await queue(ctx, tx, file.id, person)
            file_id = file.id
        else:
            file_id = living[0]
            if file_id == file.id and not file.cancelled:
                raise errors.Conflict("This download is done or under way: there is nothing to try again.")
        stays = await store.move_wish(tx, download_id, file_id)
    await tell_changed(ctx, file_id)
    return await see(ctx, stays)


async def finished_file(ctx: Context[YouTubeSettings], download_id: UUID) -> tuple[Path, Container, str]:
    """The finished file: where, what kind, and its title. Raises `NotFound`, `Conflict` (not there yet), `Gone`."""
    file = await store.file_of(ctx.db, download_id)
    if file is None:
        raise _missing(download_id)
    if file.cancelled or file.state is not DownloadState.DONE:
        raise errors.Conflict("This download is not finished, so there is no file yet.", code="not_finished")
    workspace, container = workspace_of(ctx), Container(file.choice[1])
    path = workspace.finished(file.id, container.value)
    if not await asyncio.to_thread(workspace.is_whole, path, file.size):
        await store.set_state(ctx.db, file.id, DownloadState.FAILED, Failure.FILE_LOST, ctx.clock.now())
        await tell_changed(ctx, file.id)
        raise errors.Gone("The file is no longer in the download folder. Retry to fetch it anew.", code="file_lost")
    return path, container, file.title or "video"
