"""The programs downloads need: what is found, what is made do with, and that yt-dlp finds them too."""

from __future__ import annotations

import asyncio
import datetime
import os
import sys
from collections.abc import Iterator

import pytest
from yt_dlp import YoutubeDL

from medianest_youtube import tools
from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.options import Choice, Container, Quality
from medianest_youtube.process import program_parameters
from medianest_youtube.settings import YouTubeSettings


@pytest.fixture
def empty_path(monkeypatch, tmp_path) -> Iterator[None]:
    """A machine without ffmpeg and ffprobe of its own."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for find in (tools.find_ffmpeg, tools.find_ffprobe):
        find.cache_clear()
    yield
    for find in (tools.find_ffmpeg, tools.find_ffprobe):
        find.cache_clear()


@pytest.mark.usefixtures("empty_path")
async def test_the_packaged_ffmpeg_does_where_the_system_has_none(download, media):
    assert tools.find_ffprobe() is None
    assert tools.find_ffmpeg() != "/usr/bin/ffmpeg"

    finished = await download(media.clip(path="media/dash/manifest.mpd"), Choice(Quality.BEST, Container.MP4))

    assert finished.height == 360
    assert finished.duration == pytest.approx(6, abs=0.3)


@pytest.mark.usefixtures("empty_path")
async def test_the_packaged_ffmpeg_makes_mp3_as_well(download, media):
    finished = await download(media.clip(), Choice(Quality.AUDIO, Container.MP3))

    assert finished.path.suffix == ".mp3"


async def test_without_any_ffmpeg_that_is_said(download, media, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    tools.find_ffmpeg.cache_clear()
    try:
        with pytest.raises(DownloadFailed) as caught:
            await download(media.clip())
    finally:
        tools.find_ffmpeg.cache_clear()

    assert caught.value.failure is Failure.NO_FFMPEG


def test_yt_dlp_finds_the_javascript_runtime_in_an_empty_environment(monkeypatch):
    parameters = program_parameters()
    for name in list(os.environ):
        if name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    with YoutubeDL({"quiet": True, **parameters}) as ydl:
        runtime = ydl._js_runtimes["deno"]
        assert runtime.info is not None
        assert runtime.info.supported


@pytest.mark.parametrize(
    ("version", "days"),
    [("2026.8.19", 95), ("2026.08.19", 95), ("2026.11.22.4", 0), ("nightly", None), ("2026.13.40", None)],
)
def test_the_age_of_yt_dlp_is_read_from_its_version(version, days):
    assert tools.yt_dlp_age(version, datetime.date(2026, 11, 22)) == days


async def test_the_javascript_runtime_starts_within_the_least_memory_that_can_be_set():
    least = next(one.ge for one in YouTubeSettings.model_fields["max_memory_gb"].metadata if hasattr(one, "ge"))
    limit = int(least * (1 << 30))
    limited = (
        f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_DATA, ({limit}, {limit})); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    script = "const kept = []; while (kept.length < 3e6) kept.push({n: kept.length}); console.log(kept.length)"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", limited, tools.find_deno() or "deno", "eval", script),
        env={"PATH": "", "DENO_NO_UPDATE_CHECK": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, words = await process.communicate()

    assert out.strip() == b"3000000", words
