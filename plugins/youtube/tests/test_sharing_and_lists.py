"""Several people and several links: sharing one file, lists, links that may not be followed, previews."""

from __future__ import annotations

import asyncio
import base64
from uuid import UUID

import pytest

from medianest_hub.plugin_api import PersonRemoved, errors
from medianest_hub.testing import make_call, make_event, make_job, make_person
from medianest_youtube import routes, store, tasks, wishes
from medianest_youtube.events import DownloadFinished
from medianest_youtube.failures import Failure
from medianest_youtube.lifecycle import startup
from medianest_youtube.listeners import person_removed
from medianest_youtube.models import (
    DownloadJob,
    DownloadState,
    LinkIn,
)
from medianest_youtube.settings import YouTubeSettings

from .acting import ADA, ALAN, ask, by_path, file_id_of, files, listed, see, work

# Days that are none in UTC.
LATE = base64.urlsafe_b64encode(f"9999-12-31T23:59:59-23:59 {UUID(int=0)}".encode()).decode()
EARLY = base64.urlsafe_b64encode(f"0001-01-01T00:00:00+23:59 {UUID(int=0)}".encode()).decode()

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
    assert {one.person for one in ctx.notify.told} == {ADA.id, ALAN.id}

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


async def test_the_downloads_of_somebody_who_is_gone_end_and_what_others_wish_for_stays(ctx, media):
    shared, others = await ask(ctx, media.clip(), ADA), await ask(ctx, media.clip(), ALAN)
    alone = await ask(ctx, f"{media.url}/media/other.mp4", ADA)
    done = await ask(ctx, media.clip(), ADA, container="mkv")
    await work(ctx, done)
    for _ in range(2):  # the hub may deliver it twice
        await person_removed(ctx, make_event(PersonRemoved(username="ada"), person=ADA.id))

    assert (await listed(ctx, ADA)).items == []
    for gone in (shared, alone, done):
        assert await store.one(ctx.db, gone.id) is None
    assert (await see(ctx, others)).state is DownloadState.QUEUED
    assert len(ctx.jobs.cancelled) == 1
    assert files(ctx) == []
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_youtube.media_file") == 1


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
    first, second = await ask(ctx, media.clip(), ADA), await ask(ctx, f"{media.clip()}?again", ALAN)
    assert (await file_id_of(ctx, first)) != (await file_id_of(ctx, second))
    await work(ctx, first)
    other = await file_id_of(ctx, second)
    # What the site's own id does for two addresses of one video, done here by hand for a bare file.
    await ctx.db.execute("UPDATE plugin_youtube.media_file SET url = $2 WHERE id = $1", other, media.clip())

    await tasks.download(ctx, make_job(DownloadJob(file_id=other)))

    assert (await file_id_of(ctx, first)) == (await file_id_of(ctx, second))
    assert (await see(ctx, second)).state is DownloadState.DONE
    assert len(files(ctx)) == 1


async def test_those_who_asked_for_a_video_by_another_address_do_not_get_one_that_was_passed_off_as_it(ctx, media):
    mallory = await ask(ctx, media.clip(), ADA)
    victim = await ask(ctx, f"{media.url}/media/other.mp4", ALAN)
    shared, own = await file_id_of(ctx, mallory), await file_id_of(ctx, victim)
    # As if both addresses had claimed the same id before the site was asked.
    await ctx.db.execute("UPDATE plugin_youtube.media_file SET media_key = 'youtube:AAAAAAAAAAA' WHERE id = $1", shared)
    await ctx.db.execute("UPDATE plugin_youtube.download SET file_id = $1 WHERE id = $2", shared, victim.id)
    await ctx.db.execute("DELETE FROM plugin_youtube.media_file WHERE id = $1", own)
    ctx.jobs.queued.clear()

    await work(ctx, mallory)

    assert (await see(ctx, mallory)).state is DownloadState.DONE
    parted = await see(ctx, victim)
    assert (parted.state, parted.url, parted.shared) == (DownloadState.QUEUED, f"{media.url}/media/other.mp4", False)
    assert len(ctx.jobs.queued) == 1
    await work(ctx, victim)
    path, *_ = await wishes.finished_file(ctx, victim.id)
    assert path.read_bytes() == (media.folder / "other.mp4").read_bytes()


def test_a_shared_download_is_not_cancelled_as_a_job():
    assert not tasks.download.cancellable


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


@pytest.mark.parametrize("cursor", ["x", "####", "bm90IGEgY3Vyc29y", LATE, EARLY])
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
