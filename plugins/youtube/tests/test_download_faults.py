"""What the outside can do wrong, and the class of failure a person is told for each."""

from __future__ import annotations

import pytest

from medianest_youtube.failures import MEANINGS, DownloadFailed, Failure
from medianest_youtube.options import Choice, Container, Quality

FAULTS = [
    ("hang", Failure.TIMEOUT),
    ("stall", Failure.TIMEOUT),
    ("drip", Failure.TOO_SLOW),
    ("reset", Failure.NETWORK),
    ("short", Failure.BAD_MEDIA),
    ("long", Failure.BAD_MEDIA),
    ("huge", Failure.TOO_LARGE),
    ("endless", Failure.TOO_LARGE),
    ("status:401", Failure.NEEDS_SIGN_IN),
    ("status:403", Failure.REFUSED),
    ("status:404", Failure.UNAVAILABLE),
    ("status:429", Failure.RATE_LIMITED),
    ("status:451", Failure.GEO),
    ("status:500", Failure.UPSTREAM),
    ("html", Failure.UNSUPPORTED_URL),
    ("html-as-video", Failure.BAD_MEDIA),
    ("redirect:10.0.0.1", Failure.NOT_ALLOWED),
]


@pytest.mark.parametrize(("fault", "failure"), FAULTS, ids=[fault for fault, _ in FAULTS])
async def test_each_fault_has_its_class_and_leaves_no_file(download, media, fault, failure):
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip(fault, "fault"))

    assert caught.value.failure is failure, caught.value.detail
    assert caught.value.words == MEANINGS[failure].words
    assert not [file for file in download.runner.workspace.root.iterdir() if file.is_file()]


@pytest.mark.parametrize(
    "fault", ["reset@1", "stall@1", "etag", "reset@1+no-range", "reset@1+no-validators", "status:503@1"]
)
async def test_a_passing_fault_ends_with_the_whole_file(download, media, fault):
    finished = await download(media.clip(fault, "passing"))

    assert finished.path.read_bytes() == (media.folder / "clip.mp4").read_bytes()


@pytest.mark.parametrize("fault", ["status:404", "reset"])
async def test_a_stream_with_a_missing_fragment_is_no_finished_file(download, media, fault):
    url = media.clip(fault, "fragments", "media/hls/v144.m3u8")

    with pytest.raises(DownloadFailed) as caught:
        await download(url)

    assert caught.value.failure in (Failure.UNAVAILABLE, Failure.NETWORK)


async def test_a_list_of_videos_is_refused_with_words(download, media):
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip(path="feed/parts"))

    assert caught.value.failure is Failure.PLAYLIST


async def test_too_long_is_refused_before_the_first_byte(make_runner, media, download):
    download.runner = make_runner(max_duration=5)
    before = len(media.requests)
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip(path="media/hls/master.m3u8"))

    assert caught.value.failure is Failure.TOO_LONG
    assert not any(request["path"].endswith(".ts") for request in media.requests[before:])


async def test_sound_alone_asked_for_as_a_video_is_refused(download, media):
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip(path="media/sound.m4a"), Choice(Quality.BEST, Container.MP4))

    assert caught.value.failure is Failure.NO_SUCH_FORMAT


async def test_too_little_free_space_is_said_before_anything_starts(make_runner, media, download):
    download.runner = make_runner(min_free_bytes=1 << 60)
    before = len(media.requests)
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip())

    assert caught.value.failure is Failure.NO_SPACE
    assert len(media.requests) == before
