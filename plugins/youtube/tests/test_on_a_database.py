"""Routes' rules, tasks and tidying called alone, on real tables, a real folder and real media."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_hub.plugin_api import MediaFileAdded, Page, Viewer, errors
from medianest_hub.testing import MemoryContext, make_call, make_job, make_person
from medianest_youtube import health, routes, store, tasks, tidying, widgets
from medianest_youtube.events import DownloadFailedEvent, DownloadFinished
from medianest_youtube.failures import Failure
from medianest_youtube.folder import MARKER
from medianest_youtube.lifecycle import check_settings, shutdown, startup
from medianest_youtube.models import (
    Download,
    DownloadJob,
    DownloadPath,
    DownloadQuery,
    DownloadState,
    LinkIn,
    NewDownload,
    TokenPath,
)
from medianest_youtube.settings import YouTubeSettings, workspace_of

Ctx = MemoryContext[YouTubeSettings]
ADA, ALAN = make_person("ada"), make_person("alan")


@pytest.fixture
async def ctx(context) -> Ctx:
    settings = YouTubeSettings(
        allowed_hosts=["127.0.0.1"], allow_private_addresses=True, min_free_gb=0, stall_seconds=5
    )
    return await context(settings, database=True)


async def ask(ctx: Ctx, url: str, person=ADA, **fields: Any) -> Download:
    return await routes.request_download(ctx, make_call(body=NewDownload(url=url, **fields), person=person))


async def see(ctx: Ctx, download: Download) -> Download:
    return await routes.get_download(ctx, make_call(path=DownloadPath(id=download.id), person=ADA))


async def listed(ctx: Ctx, person=ADA, **query: Any) -> Page[Download]:
    return await routes.list_downloads(ctx, make_call(query=DownloadQuery(**query), person=person))


async def file_id_of(ctx: Ctx, download: Download) -> UUID:
    file = await store.file_of(ctx.db, download.id)
    assert file is not None
    return file.id


async def work(ctx: Ctx, download: Download, **job: Any) -> None:
    """What the worker does with the queued job."""
    await tasks.download(ctx, make_job(DownloadJob(file_id=await file_id_of(ctx, download)), **job))


async def until(ctx: Ctx, download: Download, wanted: Callable[[Download], bool]) -> None:
    async with asyncio.timeout(20):
        while not wanted(await see(ctx, download)):  # noqa: ASYNC110 - another connection writes the row
            await asyncio.sleep(0.02)


def files(ctx: Ctx) -> list[str]:
    return sorted(file.name for file in workspace_of(ctx).root.glob("*-*.*"))


async def by_path(route: Callable[..., Awaitable[Any]], ctx: Ctx, download: Download, person=ADA) -> Any:
    return await route(ctx, make_call(path=DownloadPath(id=download.id), person=person))


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
    link = await by_path(routes.make_link, ctx, asked)
    token = link.url.removeprefix("http://hub.test/api/v1/youtube/files/")

    answer = await routes.get_linked_file(ctx, make_call(path=TokenPath(token=token)))

    assert answer.inline
    assert answer.path.exists()
    with pytest.raises(errors.Forbidden):
        await routes.get_linked_file(ctx, make_call(path=TokenPath(token=f"{token}x")))
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


# --- sharing ---


async def test_two_people_share_one_download_and_the_last_to_leave_deletes_the_file(ctx, media):
    first, second = await ask(ctx, media.clip(), ADA), await ask(ctx, media.clip(), ALAN)
    assert first.id != second.id
    assert second.shared
    assert len(ctx.jobs.queued) == 1
    assert (await file_id_of(ctx, first)) == (await file_id_of(ctx, second))

    await work(ctx, first)
    assert (await see(ctx, second)).state is DownloadState.DONE
    assert {person for data, person in ctx.events.emitted if isinstance(data, DownloadFinished)} == {
        ADA.id,
        ALAN.id,
    }

    await by_path(routes.delete_download, ctx, first)
    assert len(files(ctx)) == 1
    await by_path(routes.delete_download, ctx, second, ALAN)
    assert files(ctx) == []


async def test_one_of_two_cancelling_does_not_stop_the_others_download(ctx, media):
    first, second = await ask(ctx, media.clip(), ADA), await ask(ctx, media.clip(), ALAN)

    await by_path(routes.delete_download, ctx, first)

    assert (await see(ctx, first)).state is DownloadState.CANCELLED
    assert (await see(ctx, second)).state is DownloadState.QUEUED
    assert ctx.jobs.cancelled == []
    await work(ctx, second)
    assert (await see(ctx, first)).state is DownloadState.CANCELLED
    assert (await by_path(routes.retry_download, ctx, first)).state is DownloadState.DONE


async def test_another_form_of_the_same_video_is_another_download(ctx, media):
    first, second = await ask(ctx, media.clip()), await ask(ctx, media.clip(), container="mkv")

    assert (await file_id_of(ctx, first)) != (await file_id_of(ctx, second))


async def test_asking_twice_is_asking_once(ctx, media):
    first, second = await ask(ctx, media.clip()), await ask(ctx, media.clip())

    assert first.id == second.id
    assert len(ctx.jobs.queued) == 1


async def test_many_asking_at_once_still_share(ctx, media):
    people = [make_person(f"person{number}") for number in range(8)]

    asked = await asyncio.gather(*(ask(ctx, media.clip(), person) for person in people))

    assert len({await file_id_of(ctx, one) for one in asked}) == 1
    assert len(ctx.jobs.queued) == 1


async def test_two_links_that_turn_out_to_be_one_video_end_as_one_file(ctx, media):
    first, second = await ask(ctx, media.clip(), ADA), await ask(ctx, f"{media.clip()}#there", ALAN)
    assert (await file_id_of(ctx, first)) != (await file_id_of(ctx, second))
    await work(ctx, first)
    other = await file_id_of(ctx, second)
    # What the site's own id does for two addresses of one video, done here by hand for a bare file.
    await ctx.db.execute("UPDATE plugin_youtube.media_file SET url = $2 WHERE id = $1", other, media.clip())

    await tasks.download(ctx, make_job(DownloadJob(file_id=other)))

    assert (await file_id_of(ctx, first)) == (await file_id_of(ctx, second))
    assert (await see(ctx, second)).state is DownloadState.DONE
    assert len(files(ctx)) == 1


# --- lists ---


async def test_pages_follow_one_another_without_gaps_or_repeats_while_new_ones_arrive(ctx, media):
    wanted = []
    for number in range(7):
        ctx.clock.advance(1)
        wanted.insert(0, (await ask(ctx, f"{media.url}/media/{number}.mp4")).id)
    page = await listed(ctx, limit=3)
    found = [one.id for one in page.items]
    ctx.clock.advance(1)
    await ask(ctx, f"{media.url}/media/new.mp4")
    while page.next_cursor:
        page = await listed(ctx, limit=3, cursor=page.next_cursor)
        found += [one.id for one in page.items]

    assert found == wanted
    assert (await listed(ctx, person=ALAN)).items == []
    assert len((await listed(ctx, state="queued")).items) == 8
    assert (await listed(ctx, state="done")).items == []


@pytest.mark.parametrize("cursor", ["x", "####", "bm90IGEgY3Vyc29y"])
async def test_a_cursor_that_is_none_is_refused_with_words(ctx, cursor):
    with pytest.raises(errors.BadInput, match="Begin again"):
        await listed(ctx, cursor=cursor)


# --- links ---


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://example.org/video", "not_allowed"),
        ("ftp://127.0.0.1/x", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("ytsearch:cats", "bad_url"),
        ("https://user:word@127.0.0.1/x", "bad_url"),
        ("http://127.0.0.1/x\nHost: evil", "bad_url"),
        ("http://127.0.0.1:99999/", "bad_url"),
        ("nonsense", "bad_url"),
    ],
)
async def test_links_that_may_not_be_followed_are_refused_naming_the_field(ctx, url, code):
    with pytest.raises(errors.BadInput) as refused:
        await ask(ctx, url)

    assert refused.value.error_code == code
    assert [problem.field for problem in refused.value.fields] == ["body.url"]
    assert ctx.jobs.queued == []


# --- looking ---


async def test_a_preview_tells_what_is_there_and_is_remembered(ctx, media):
    await startup(ctx)
    call = make_call(body=LinkIn(url=media.clip(path="media/hls/master.m3u8")), person=ADA)
    first = await routes.preview_link(ctx, call)
    before = len(media.requests)
    second = await routes.preview_link(ctx, call)

    assert first == second
    assert len(media.requests) == before
    assert first.duration == pytest.approx(6, abs=0.2)
    assert [one.quality for one in first.qualities] == ["best", "360", "audio"]
    assert first.estimated_size
    assert first.refused is None


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("status:404", errors.BadInput, "unavailable"),
        ("status:429", errors.Unavailable, "rate_limited"),
        ("status:500", errors.UpstreamError, "upstream_error"),
        ("hang", errors.UpstreamTimeout, "upstream_timeout"),
        ("reset", None, ""),
        ("redirect:10.0.0.1", errors.BadInput, "not_allowed"),
    ],
)
async def test_looking_in_vain_is_a_problem_with_words(ctx, media, fault, error, code):
    await startup(ctx)
    call = make_call(body=LinkIn(url=media.clip(fault, "look")), person=ADA)
    if error is None:
        assert (await routes.preview_link(ctx, call)).title == "clip"
        return
    with pytest.raises(error) as refused:
        await routes.preview_link(ctx, call)
    assert refused.value.error_code == code
    assert refused.value.message.endswith(".")


async def test_a_preview_says_beforehand_what_would_be_refused(ctx, media, context):
    small = YouTubeSettings(allowed_hosts=["127.0.0.1"], allow_private_addresses=True, max_size_gb=0.0001)
    ctx = await context(small, database=True)
    await startup(ctx)

    preview = await routes.preview_link(ctx, make_call(body=LinkIn(url=media.clip()), person=ADA))

    assert preview.refused.code is Failure.TOO_LARGE


# --- the folder ---


async def test_a_folder_that_is_not_the_one_of_the_others_stops_the_plugin_with_words(ctx, monkeypatch):
    await startup(ctx)
    marker = workspace_of(ctx).root / MARKER
    marker.write_text(str(uuid4()))
    with pytest.raises(errors.NotReady, match="mount the same one"):
        await startup(ctx)
    assert (await health.folder(ctx)).status == "down"

    marker.unlink()
    monkeypatch.setattr("platform.node", lambda: "another-machine")
    with pytest.raises(errors.NotReady):
        await startup(ctx)
    monkeypatch.undo()
    await startup(ctx)
    assert (await health.folder(ctx)).status == "ok"


async def test_a_folder_that_cannot_be_made_is_named_in_the_form(context, tmp_path):
    (tmp_path / "file").touch()
    ctx = await context(YouTubeSettings(download_dir=tmp_path / "file" / "downloads"))
    with pytest.raises(errors.ConfigInvalid) as refused:
        await check_settings(ctx)

    assert [problem.field for problem in refused.value.fields] == ["download_dir"]


async def test_testing_settings_leaves_nothing_behind(context, tmp_path):
    ctx = await context(YouTubeSettings(download_dir=tmp_path / "new" / "folder"))
    await check_settings(ctx)

    assert not (tmp_path / "new").exists()


async def test_what_startup_made_is_gone_after_shutdown(ctx):
    await startup(ctx)
    await shutdown(ctx)
    await shutdown(ctx)

    assert ctx.state == {}


async def test_every_check_is_well_here(ctx):
    await startup(ctx)
    for check in (health.ffmpeg, health.javascript, health.free_space, health.folder):
        result = await check(ctx)
        assert result.status == "ok", result.detail
    assert (await health.yt_dlp(ctx)).data["version"]


async def test_an_old_yt_dlp_is_said_to_be(ctx):
    ctx.clock.advance(400 * 86400)

    result = await health.yt_dlp(ctx)

    assert result.status == "degraded"
    assert "upgrade" in result.detail


# --- tidying ---


async def test_tidying_removes_what_no_row_speaks_of_and_nothing_else(ctx, media, monkeypatch):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    workspace = workspace_of(ctx)
    orphan, stranger = workspace.finished(uuid4(), "mp4"), workspace.root / "holiday.mp4"
    orphan.touch()
    stranger.touch()
    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))
    assert orphan.exists()  # young: perhaps its row is just being written

    monkeypatch.setattr(tidying, "_ORPHAN_SECONDS", -1)
    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))

    assert not orphan.exists()
    assert stranger.exists()
    assert (await see(ctx, asked)).state is DownloadState.DONE


async def test_tidying_finds_finished_files_that_are_gone(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    (workspace_of(ctx).root / files(ctx)[0]).unlink()

    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))

    assert (await see(ctx, asked)).failure.code is Failure.FILE_LOST


async def test_tidying_touches_nothing_in_a_folder_that_is_not_ours(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    (workspace_of(ctx).root / MARKER).write_text(str(uuid4()))
    (workspace_of(ctx).root / files(ctx)[0]).unlink()

    await tasks.tidy(ctx, make_job(DownloadJob(file_id=uuid4())))

    assert (await see(ctx, asked)).state is DownloadState.DONE


async def test_a_download_without_a_living_job_gets_a_true_state(ctx, media):
    asked = await ask(ctx, media.clip())
    await ctx.jobs.cancel(asked.job_id)
    ctx.clock.advance(60)
    await tasks.settle(ctx, make_job(DownloadJob(file_id=uuid4())))
    assert (await see(ctx, asked)).state is DownloadState.CANCELLED

    other = await ask(ctx, media.clip(), container="mkv")
    await ctx.db.execute(
        "UPDATE plugin_youtube.media_file SET job_id = NULL WHERE id = $1", await file_id_of(ctx, other)
    )
    ctx.clock.advance(60)
    await tasks.settle(ctx, make_job(DownloadJob(file_id=uuid4())))
    settled = await see(ctx, other)
    assert settled.state is DownloadState.QUEUED
    assert settled.job_id is not None


# --- widgets ---


async def test_the_tile_shows_ones_own_downloads_and_the_disk_is_for_admins(ctx, media):
    asked = await ask(ctx, media.clip())
    await work(ctx, asked)
    mine = await widgets.downloads(ctx, Viewer(person=ADA, role=ADA.role))
    assert [(item.title, item.state, item.fraction) for item in mine.items] == [("clip", "done", 1)]
    assert (await widgets.downloads(ctx, Viewer(person=ALAN, role=ALAN.role))).items == []
    assert widgets.disk.permission == "hub.admin"
    assert "1 video" in (await widgets.disk(ctx, Viewer())).label

    ctx.clock.advance(timedelta(days=2).total_seconds())
    assert (await widgets.downloads(ctx, Viewer(person=ADA, role=ADA.role))).items == []
