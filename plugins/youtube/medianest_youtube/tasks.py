"""The work in the worker: fetching one file, and keeping rows and folder true to each other."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Job, MediaFileAdded, NotificationKind, Queries, Record, errors, task
from medianest_youtube import store, wishes, work_store
from medianest_youtube.events import DownloadFailedEvent, DownloadFinished
from medianest_youtube.failures import MEANINGS, DownloadFailed
from medianest_youtube.folder import ensure_folder
from medianest_youtube.models import DownloadJob, DownloadState
from medianest_youtube.notifications import DOWNLOAD_DONE, DOWNLOAD_FAILED
from medianest_youtube.options import Choice, Container, Quality
from medianest_youtube.probe import probe
from medianest_youtube.runner import Finished
from medianest_youtube.settings import YouTubeSettings, runner_of, workspace_of
from medianest_youtube.telling import tell_changed, tell_progress
from medianest_youtube.tidying import settle_orphans, tidy_folder
from medianest_youtube.video import Progress, Stage, VideoInfo
from medianest_youtube.work_store import NotMine

_WRITE_SECONDS: Final = 1.0
_WIDGET_SECONDS: Final = 2.0


class _Joined(Exception):
    """Another file is the same video; every wish for this one has moved there."""

    def __init__(self, other: UUID) -> None:
        super().__init__(str(other))
        self.other = other


# Not to be cancelled as a job: others may wait for the same file. `DELETE /downloads/{id}` takes one's own wish back.
@task("download", timeout=12 * 3600, retries=6, concurrency=3, cancellable=False)
async def download(ctx: Context[YouTubeSettings], job: Job[DownloadJob]) -> None:
    """Fetch one file for everyone who asked for it."""
    row = await work_store.begin(ctx.db, job.args.file_id, job.attempt_token, ctx.clock.now())
    if row is None:
        ctx.log.info("nothing left to download", file=str(job.args.file_id))
        return
    work = _Attempt(ctx, job, row)
    try:
        await work.run()
    except _Joined as joined:
        await asyncio.to_thread(workspace_of(ctx).discard, work.file_id)
        await tell_changed(ctx, joined.other)
    except NotMine:
        await work.leave()
    except DownloadFailed as error:
        await work.failed(error)
    except asyncio.CancelledError:
        await asyncio.shield(work.stopped())
        raise


class _Attempt:
    """One attempt at one file."""

    def __init__(self, ctx: Context[YouTubeSettings], job: Job[DownloadJob], row: Record) -> None:
        self.file_id: UUID = row["id"]
        self._ctx = ctx
        self._job = job
        self._url: str = row["url"]
        self._title: str = row["title"] or row["url"]
        languages = tuple(row["subtitles"].split(",")) if row["subtitles"] else ()
        self._choice = Choice(Quality(row["quality"]), Container(row["container"]), languages)
        self._expected: float | None = row["duration"]
        self._people: list[tuple[UUID, UUID]] = []
        self._written = self._shown = float("-inf")
        self._stage = Stage.FETCHING_INFO

    async def run(self) -> None:
        """Raises `DownloadFailed`, `NotMine`, `_Joined`."""
        ctx = self._ctx
        await ensure_folder(ctx)
        await self._tell()
        began = ctx.clock.monotonic()
        finished = await self._already_there()
        if finished is None:
            _, finished = await runner_of(ctx).download(
                self.file_id, self._url, self._choice, on_info=self._info, on_progress=self._progress
            )
        await self._finish(finished)
        ctx.metrics.histogram("download_seconds", "How long downloads took.").observe(ctx.clock.monotonic() - began)

    async def _tell(self) -> None:
        self._people = list(await store.people_of(self._ctx.db, self.file_id))
        await tell_changed(self._ctx, self.file_id)

    async def _already_there(self) -> Finished | None:
        """The file of an attempt that ended between moving it into place and saying so."""
        path = workspace_of(self._ctx).finished(self.file_id, self._choice.container.value)
        if not await asyncio.to_thread(path.is_file):
            return None
        try:
            found = await probe(path, expected_duration=self._expected)
        except DownloadFailed:
            await asyncio.to_thread(path.unlink)
            return None
        return Finished(path, path.stat().st_size, found.duration, found.height, ())

    async def _info(self, info: VideoInfo) -> None:
        ctx = self._ctx
        self._title = info.title
        parted: list[UUID] = []

        async def queue(tx: Queries, file_id: UUID, person: UUID) -> None:
            await wishes.queue(ctx, tx, file_id, person)
            parted.append(file_id)

        other = await work_store.describe(ctx.db, self.file_id, self._job.attempt_token, info, ctx.clock.now(), queue)
        for file_id in parted:
            await tell_changed(ctx, file_id)
        if other is not None:
            raise _Joined(other)
        await self._tell()

    async def _progress(self, progress: Progress) -> None:
        now = self._ctx.clock.monotonic()
        await self._job.progress(
            progress.fraction,
            progress.stage.value,
            downloaded_bytes=progress.downloaded,
            total_bytes=progress.total,
            speed=progress.speed,
            eta=progress.eta,
        )
        changed, self._stage = progress.stage is not self._stage, progress.stage
        if changed or now - self._written >= _WRITE_SECONDS:
            self._written = now
            await self._report(progress, widget=changed or now - self._shown >= _WIDGET_SECONDS)

    async def _report(self, progress: Progress, *, widget: bool) -> None:
        ctx = self._ctx
        try:
            await work_store.report(ctx.db, self.file_id, self._job.attempt_token, progress, ctx.clock.now())
            if widget:
                self._shown = ctx.clock.monotonic()
                self._people = list(await store.people_of(ctx.db, self.file_id))
        except NotMine:
            raise
        except Exception as error:
            # A database that restarts must not cost the bytes that came meanwhile; the next report tells more.
            ctx.log.info("progress not written", file=str(self.file_id), error=str(error))
            return
        await tell_progress(ctx, self._people, progress, widget=widget)

    async def _finish(self, finished: Finished) -> None:
        ctx = self._ctx
        async with ctx.db.transaction() as tx:
            await work_store.finish(tx, self.file_id, self._job.attempt_token, finished, ctx.clock.now())
            path = str(finished.path)
            await ctx.events.emit(MediaFileAdded(path=path, title=self._title, source=ctx.plugin), tx=tx)
            for download_id, person in await store.people_of(tx, self.file_id):
                done = DownloadFinished(download_id=download_id, title=self._title, path=path, size=finished.size)
                await ctx.events.emit(done, person=person, tx=tx)
                await self._notify(tx, DOWNLOAD_DONE, download_id, person)
        self._count("done")
        ctx.metrics.counter("downloaded_bytes", "Bytes of finished files.").inc(finished.size)
        await ctx.realtime.widget_changed("disk")
        await tell_changed(ctx, self.file_id)

    async def failed(self, error: DownloadFailed) -> None:
        """Write it down, and tell the hub whether to try again. Raises `RetryLater` or `GiveUp`."""
        ctx, job = self._ctx, self._job
        wait = None if job.last_attempt else error.wait_before(job.attempt)
        ctx.log.warning(
            "download failed", file=str(self.file_id), failure=error.failure.value, detail=error.detail, again=wait
        )
        try:
            async with ctx.db.transaction() as tx:
                await work_store.fail(tx, self.file_id, job.attempt_token, error, ctx.clock.now(), final=wait is None)
                if wait is None:
                    await self._emit_failed(tx, error)
        except NotMine:
            await self.leave()
            return
        await tell_changed(ctx, self.file_id)
        if wait is not None:
            raise errors.RetryLater(error.words, code=error.failure.value, retry_after=wait) from error
        self._count(error.failure.value)
        if not MEANINGS[error.failure].tries:
            # Asked for again or not, what is there of it will be of no use.
            await asyncio.to_thread(workspace_of(ctx).discard, self.file_id)
        raise errors.GiveUp(error.words, code=error.failure.value) from error

    async def _emit_failed(self, tx: Queries, error: DownloadFailed) -> None:
        for download_id, person in await store.people_of(tx, self.file_id):
            event = DownloadFailedEvent(
                download_id=download_id, title=self._title, code=error.failure.value, message=error.words
            )
            await self._ctx.events.emit(event, person=person, tx=tx)
            await self._notify(tx, DOWNLOAD_FAILED, download_id, person, reason=error.words)

    async def _notify(self, tx: Queries, kind: NotificationKind, download_id: UUID, person: UUID, **more: str) -> None:
        """Tell who asked for it; asked for again, it is news again."""
        key = f"{download_id}:{self._job.id}"
        await self._ctx.notify.tell(kind, {"title": self._title, **more}, key=key, person=person, tx=tx)

    async def stopped(self) -> None:
        """Cancelled from outside: handed back for another attempt, or, if nobody wants it any more, cleared away."""
        with contextlib.suppress(Exception):  # without a database the job's own state is enough for the next attempt
            await work_store.hand_back(self._ctx.db, self.file_id, self._job.attempt_token, self._ctx.clock.now())
            await self.leave()

    async def leave(self) -> None:
        """The file is not ours any more. Was it cancelled or removed, nothing of it stays on disk."""
        state = await self._ctx.db.fetchval("SELECT state FROM plugin_youtube.media_file WHERE id = $1", self.file_id)
        if state in (None, DownloadState.CANCELLED.value):
            await asyncio.to_thread(workspace_of(self._ctx).discard, self.file_id)
        self._ctx.log.info("download given up to another attempt or to nobody", file=str(self.file_id), state=state)

    def _count(self, result: str) -> None:
        self._ctx.metrics.counter("downloads", "Downloads that ended, by how.", ["result"]).inc(result=result)


@task("settle", every=timedelta(seconds=30), timeout=50, retries=0)
async def settle(ctx: Context[YouTubeSettings], job: Job) -> None:
    """Downloads whose job ended without them get a state that is true."""
    await settle_orphans(ctx)


@task("tidy", every=timedelta(minutes=15), timeout=600, retries=0)
async def tidy(ctx: Context[YouTubeSettings], job: Job) -> None:
    """Remove what no row speaks of, and find finished files that are gone."""
    try:
        await ensure_folder(ctx)
    except DownloadFailed as error:
        # In another folder everything would look like an orphan.
        ctx.log.warning("the download folder is not tidied", detail=error.detail)
        return
    await tidy_folder(ctx)
