"""One download from the wish to the file, and all the ways it is cut short: handlers called alone on real tables."""

from __future__ import annotations

import asyncio

import pytest

from medianest_hub.plugin_api import MediaFileAdded, Role, errors
from medianest_hub.testing import make_call, make_job, make_person
from medianest_youtube import routes, store, tasks
from medianest_youtube.events import DownloadFailedEvent, DownloadFinished
from medianest_youtube.failures import Failure
from medianest_youtube.models import (
    DownloadJob,
    DownloadState,
    TokenPath,
)
from medianest_youtube.settings import workspace_of

from .acting import ADA, ask, by_path, file_id_of, files, listed, see, until, work

# --- one download ---


async def test_a_wish_is_queued_fetched_and_served(ctx, media):
    asked = await ask(ctx, media.clip(), quality="720")
    assert (asked.state, asked.container) == (DownloadState.QUEUED, "mp4")
    assert [job.args for job in ctx.jobs.queued] == [DownloadJob(file_id=await file_id_of(ctx, asked))]

    await work(ctx, asked)

    done = await see(ctx, asked)
    assert (done.state, done.title, done.progress.fraction) == (DownloadState.DONE, "clip", 1)
    assert done.size == (media.folder / "clip.mp4").stat().st_size
    answer = await by_path(routes.get_file, ctx, done)
    assert answer.path.read_bytes() == (media.folder / "clip.mp4").read_bytes()
    assert (answer.filename, answer.content_type) == ("clip.mp4", "video/mp4")
    kinds = [type(data) for data, _ in ctx.events.emitted]
    assert kinds == [MediaFileAdded, DownloadFinished]
    assert [(one.kind, one.title) for one in ctx.notify.told] == [("youtube.download_done", "Downloaded: clip")]


async def test_no_file_is_offered_before_it_is_whole(ctx, media):
    asked = await ask(ctx, media.clip("slow:500000", "offered"))
    running = asyncio.ensure_future(work(ctx, asked))
    seen = set()
    while not running.done():
        seen.add((await see(ctx, asked)).state)
        for route in (routes.get_file, routes.make_link):
            try:
                await by_path(route, ctx, asked)
            except errors.Conflict:
                continue
            assert (await see(ctx, asked)).state is DownloadState.DONE
        await asyncio.sleep(0.05)
    await running

    assert DownloadState.DOWNLOADING in seen
    assert (await by_path(routes.get_file, ctx, asked)).path.exists()


async def test_a_link_works_without_signing_in_until_it_expires(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    ctx.people.add(make_person("ada", Role.MEMBER, "youtube.download", person_id=ADA.id))
    link = await by_path(routes.make_link, ctx, asked)
    token = link.url.removeprefix("/api/v1/youtube/files/")

    answer = await routes.get_linked_file(ctx, make_call(path=TokenPath(token=token)))

    assert answer.inline
    assert answer.path.exists()
    with pytest.raises(errors.Forbidden):
        await routes.get_linked_file(ctx, make_call(path=TokenPath(token=f"{token}x")))
    ctx.people.add(make_person("ada", Role.GUEST, person_id=ADA.id))
    with pytest.raises(errors.Forbidden):
        await routes.get_linked_file(ctx, make_call(path=TokenPath(token=token)))
    ctx.people.add(make_person("ada", Role.MEMBER, "youtube.download", person_id=ADA.id))
    await by_path(routes.delete_download, ctx, asked)
    with pytest.raises(errors.NotFound):
        await routes.get_linked_file(ctx, make_call(path=TokenPath(token=token)))


async def test_progress_is_told_to_the_job_the_row_and_the_page(ctx, media):
    asked = await ask(ctx, media.clip("slow:250000", "told"))
    job = make_job(DownloadJob(file_id=await file_id_of(ctx, asked)))
    await tasks.download(ctx, job)

    assert {text for _, text, _ in job.progress.reports} == {"downloading", "processing"}
    assert any(data["speed"] for _, _, data in job.progress.reports)
    names = [sent.event for sent in ctx.realtime.sent]
    assert "progress" in names
    assert "download" in names
    assert all(sent.person == ADA.id for sent in ctx.realtime.sent)
    assert not any(sent.keep for sent in ctx.realtime.sent if sent.event == "progress")


# --- failing ---


async def test_a_failure_that_lasts_ends_the_download_with_its_class_and_words(ctx, media):
    asked = await ask(ctx, media.clip("status:404", "lasting"))
    with pytest.raises(errors.GiveUp):
        await work(ctx, asked)

    failed = await see(ctx, asked)
    assert failed.state is DownloadState.FAILED
    assert failed.failure.code is Failure.UNAVAILABLE
    assert failed.failure.message
    assert [type(data) for data, _ in ctx.events.emitted] == [DownloadFailedEvent]
    ((kind, words),) = [(one.kind, one.body) for one in ctx.notify.told]
    assert (kind, words) == ("youtube.download_failed", failed.failure.message)


async def test_a_failure_that_may_pass_waits_for_another_attempt_and_then_ends(ctx, media):
    asked = await ask(ctx, media.clip("status:500", "passing"))
    with pytest.raises(errors.RetryLater) as later:
        await work(ctx, asked)
    waiting = await see(ctx, asked)
    assert (waiting.state, waiting.failure.code) == (DownloadState.QUEUED, Failure.UPSTREAM)
    assert later.value.retry_after > 0

    with pytest.raises(errors.GiveUp):
        await work(ctx, asked, attempt=6, last_attempt=True)
    assert (await see(ctx, asked)).state is DownloadState.FAILED


async def test_a_failed_download_is_tried_again_and_forgets_why_it_failed(ctx, media):
    asked = await ask(ctx, media.clip("status:404@1", "again"))
    with pytest.raises(errors.GiveUp):
        await work(ctx, asked)

    again = await by_path(routes.retry_download, ctx, asked)
    assert (again.id, again.state, again.failure) == (asked.id, DownloadState.QUEUED, None)
    await work(ctx, again)
    assert (await see(ctx, asked)).state is DownloadState.DONE


async def test_there_is_nothing_to_retry_while_it_is_under_way_or_done(ctx, media):
    asked = await ask(ctx, media.clip())
    with pytest.raises(errors.Conflict):
        await by_path(routes.retry_download, ctx, asked)
    await work(ctx, asked)
    with pytest.raises(errors.Conflict):
        await by_path(routes.retry_download, ctx, asked)


async def test_a_file_gone_from_the_folder_is_said_to_be_and_can_be_fetched_anew(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    (await by_path(routes.get_file, ctx, asked)).path.write_bytes(b"shorter")

    with pytest.raises(errors.Gone):
        await by_path(routes.get_file, ctx, asked)
    lost = await see(ctx, asked)
    assert (lost.state, lost.failure.code) == (DownloadState.FAILED, Failure.FILE_LOST)

    await work(ctx, await by_path(routes.retry_download, ctx, asked))
    assert (await by_path(routes.get_file, ctx, asked)).path.stat().st_size > 100_000


# --- attempts ---


async def test_an_attempt_that_lost_its_job_writes_nothing_more(ctx, media):
    asked = await ask(ctx, media.clip("slow:400000", "lost"))
    first = asyncio.ensure_future(work(ctx, asked))
    await until(ctx, asked, lambda row: row.state is DownloadState.DOWNLOADING)
    second = asyncio.ensure_future(work(ctx, asked))

    await asyncio.gather(first, second)

    assert (await see(ctx, asked)).state is DownloadState.DONE
    assert len(files(ctx)) == 1
    assert [type(data) for data, _ in ctx.events.emitted].count(DownloadFinished) == 1


async def test_a_file_moved_into_place_just_before_a_crash_is_not_fetched_twice(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    await store.requeue_file(ctx.db, await file_id_of(ctx, asked), ctx.clock.now())
    before = len(media.requests)

    await work(ctx, asked)

    assert (await see(ctx, asked)).state is DownloadState.DONE
    assert len(media.requests) == before


async def test_a_half_file_in_its_place_is_not_taken_for_it(ctx, media):
    asked = await ask(ctx, media.clip())
    workspace = workspace_of(ctx)
    workspace.root.mkdir(exist_ok=True)
    whole = (media.folder / "clip.mp4").read_bytes()
    workspace.finished(await file_id_of(ctx, asked), "mp4").write_bytes(whole[: len(whole) // 2])

    await work(ctx, asked)

    assert (await see(ctx, asked)).size == len(whole)


async def test_a_stopped_worker_hands_the_download_back(ctx, media):
    asked = await ask(ctx, media.clip("slow:300000", "stopped"))
    running = asyncio.ensure_future(work(ctx, asked))
    await until(ctx, asked, lambda row: row.progress.downloaded_bytes > 0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert (await see(ctx, asked)).state is DownloadState.QUEUED
    await work(ctx, asked)
    assert (await see(ctx, asked)).state is DownloadState.DONE


# --- cancelling and removing ---


async def test_cancelling_stops_the_job_and_leaves_nothing_on_disk(ctx, media):
    asked = await ask(ctx, media.clip("slow:300000", "cancelling"))
    file_id = await file_id_of(ctx, asked)
    running = asyncio.ensure_future(work(ctx, asked))
    await until(ctx, asked, lambda row: row.progress.downloaded_bytes > 0)

    await by_path(routes.delete_download, ctx, asked)
    assert [job.id for job in ctx.jobs.cancelled] == [asked.job_id]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    cancelled = await see(ctx, asked)
    assert (cancelled.state, cancelled.failure.code) == (DownloadState.CANCELLED, Failure.CANCELLED)
    assert not workspace_of(ctx).folder(file_id).exists()
    assert (await listed(ctx, state="cancelled")).items == [cancelled]
    await by_path(routes.delete_download, ctx, asked)
    assert (await listed(ctx)).items == []


async def test_a_cancelled_attempt_that_was_not_stopped_in_time_leaves_no_file(ctx, media):
    asked = await ask(ctx, media.clip("slow:600000", "late"))
    running = asyncio.ensure_future(work(ctx, asked))
    await until(ctx, asked, lambda row: row.progress.downloaded_bytes > 0)
    await by_path(routes.delete_download, ctx, asked)
    await running

    assert (await see(ctx, asked)).state is DownloadState.CANCELLED
    assert files(ctx) == []


async def test_removing_deletes_the_file(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    assert len(files(ctx)) == 1

    await by_path(routes.delete_download, ctx, asked)

    assert files(ctx) == []
    with pytest.raises(errors.NotFound):
        await see(ctx, asked)
