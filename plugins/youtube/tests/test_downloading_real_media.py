"""Real yt-dlp and ffmpeg on real media: every way a video is served ends as one whole file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from medianest_youtube.options import Choice, Container, Quality
from medianest_youtube.video import Stage


def ffprobe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def streams(path: Path) -> dict[str, dict[str, Any]]:
    return {stream["codec_type"]: stream for stream in ffprobe(path)["streams"]}


@pytest.mark.parametrize(
    ("path", "quality", "container", "height"),
    [
        ("media/clip.mp4", Quality.BEST, Container.MP4, 240),
        ("media/hls/master.m3u8", Quality.BEST, Container.MP4, 360),
        ("media/hls/master.m3u8", Quality.P360, Container.MKV, 360),
        ("media/dash/manifest.mpd", Quality.BEST, Container.MP4, 360),
        ("page/film.html", Quality.BEST, Container.MKV, 240),
    ],
)
async def test_a_video_becomes_one_whole_file(download, media, path, quality, container, height):
    finished = await download(media.clip(path=path), Choice(quality, container))

    found = streams(finished.path)
    assert found["video"]["height"] == finished.height == height
    assert "audio" in found
    assert float(ffprobe(finished.path)["format"]["duration"]) == pytest.approx(6, abs=0.3)
    assert finished.path.suffix == f".{container}"
    assert finished.size == finished.path.stat().st_size
    assert [file.name for file in finished.path.parent.iterdir() if file.is_file()] == [finished.path.name]
    assert not download.folder.exists()


@pytest.mark.parametrize(("container", "codec"), [(Container.MP3, "mp3"), (Container.M4A, "aac")])
async def test_sound_alone_comes_out_of_streams_with_sound_apart(download, media, container, codec):
    finished = await download(media.clip(path="media/dash/manifest.mpd"), Choice(Quality.AUDIO, container))

    found = streams(finished.path)
    assert found["audio"]["codec_name"] == codec
    assert "video" not in found


async def test_webm_is_made_where_the_site_has_none(download, media):
    finished = await download(media.clip(path="media/hls/v144.m3u8"), Choice(Quality.BEST, Container.WEBM))

    assert streams(finished.path)["video"]["codec_name"] in ("vp8", "vp9", "av1")


async def test_subtitles_are_inside_the_file_and_missing_languages_are_no_error(download, media):
    choice = Choice(Quality.BEST, Container.MKV, ("de", "fr"))
    finished = await download(media.clip(path="media/hls/master.m3u8"), choice)

    assert finished.subtitles == ("de",)
    subtitle = streams(finished.path)["subtitle"]
    assert subtitle["tags"]["language"] in ("ger", "deu", "de")


async def test_subtitles_that_cannot_be_had_do_not_cost_the_video(download, media):
    choice = Choice(Quality.BEST, Container.MKV, ("de", "en"))
    finished = await download(media.clip("status:429~de.vtt", "subtitles", "media/hls/master.m3u8"), choice)

    found = [stream for stream in ffprobe(finished.path)["streams"] if stream["codec_type"] == "subtitle"]
    assert [stream["tags"]["language"] for stream in found] == ["eng"]


async def test_a_file_of_unknown_length_is_downloaded(download, media):
    finished = await download(media.clip("chunked", "unknown"))

    assert finished.path.read_bytes() == (media.folder / "clip.mp4").read_bytes()


async def test_progress_grows_to_the_whole_and_ends_with_processing(download, media):
    await download(media.clip("slow:600000", "progress"))

    downloading = [one for one in download.progress if one.stage is Stage.DOWNLOADING]
    sizes = [one.downloaded for one in downloading]
    assert sizes == sorted(sizes)
    assert len(sizes) > 2
    assert downloading[-1].fraction == 1
    assert any(one.speed and one.eta for one in downloading)
    assert download.progress[-1].stage is Stage.PROCESSING


async def test_progress_of_sound_and_picture_apart_is_counted_together(download, media):
    await download(media.clip("slow:400000", "together", "media/dash/manifest.mpd"))

    sizes = [one.downloaded for one in download.progress if one.stage is Stage.DOWNLOADING]
    assert sizes == sorted(sizes)


async def test_the_description_comes_before_the_first_byte(download, media):
    await download(media.clip(path="media/hls/master.m3u8"))

    (info,) = download.infos
    assert info.duration == pytest.approx(6, abs=0.2)
    assert info.size
    assert info.title == "master"


async def test_looking_tells_qualities_and_sizes_and_leaves_nothing(make_runner, media, tmp_path):
    info = await make_runner().look(media.clip(path="media/hls/master.m3u8"))

    assert [offer.quality for offer in info.qualities] == ["best", "360", "audio"]
    assert info.qualities[0].estimated_size
    assert list((tmp_path / "downloads").iterdir()) == []


async def test_looking_at_a_bare_file_asks_the_server_for_its_size(make_runner, media):
    info = await make_runner().look(media.clip())

    assert info.size == (media.folder / "clip.mp4").stat().st_size


async def test_two_bare_files_of_one_name_are_not_the_same_video(make_runner, media):
    runner = make_runner()
    one, other = await runner.look(media.clip()), await runner.look(media.clip("changed:0", "elsewhere"))

    assert one.id == other.id
    assert one.key != other.key
