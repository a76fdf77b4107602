"""Half files, foreign files and lists in a video's clothes are told from whole ones."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from medianest_youtube import tools
from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.probe import probe


@pytest.fixture(params=["ffprobe", "ffmpeg alone"])
def with_and_without_ffprobe(request, monkeypatch, tmp_path):
    if request.param == "ffmpeg alone":
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "ffmpeg").symlink_to(shutil.which("ffmpeg"))
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for find in (tools.find_ffmpeg, tools.find_ffprobe):
        find.cache_clear()
    yield
    for find in (tools.find_ffmpeg, tools.find_ffprobe):
        find.cache_clear()


pytestmark = pytest.mark.usefixtures("with_and_without_ffprobe")


@pytest.fixture
def remuxed(media, tmp_path):
    def make(name: str):
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(media.folder / "clip.mp4"), str(tmp_path / name)]
        subprocess.run([*command[:-1], "-c", "copy", command[-1]], check=True)
        return tmp_path / name

    return make


async def test_a_whole_file_is_told_with_its_length_and_height(media, remuxed):
    for path in (media.folder / "clip.mp4", remuxed("clip.mkv")):
        found = await probe(path, expected_duration=6)
        assert found.duration == pytest.approx(6, abs=0.1)
        assert (found.has_video, found.has_audio, found.height) == (True, True, 240)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
async def test_a_file_cut_off_anywhere_is_not_whole(media, tmp_path, part):
    whole = (media.folder / "clip.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: int(len(whole) * part)])

    with pytest.raises(DownloadFailed) as caught:
        await probe(tmp_path / "cut.mp4")
    assert caught.value.failure is Failure.BAD_MEDIA


async def test_a_file_shorter_than_announced_is_not_whole(media):
    with pytest.raises(DownloadFailed, match="announced"):
        await probe(media.folder / "clip.mp4", expected_duration=60)


@pytest.mark.parametrize("content", [b"", b"<!doctype html>" * 100, bytes(5000)])
async def test_what_is_no_media_is_refused(tmp_path, content):
    (tmp_path / "x.mp4").write_bytes(content)

    with pytest.raises(DownloadFailed):
        await probe(tmp_path / "x.mp4")


async def test_a_playlist_in_a_videos_clothes_opens_nothing(media, tmp_path):
    shutil.copy(media.folder / "hls" / "v144_000.ts", tmp_path / "v144_000.ts")
    (tmp_path / "x.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\nv144_000.ts\n#EXTINF:1.0,\n{media.url}/media/hls/v144_001.ts\n"
        "#EXT-X-ENDLIST\n"
    )
    before = len(media.requests)

    with pytest.raises(DownloadFailed):
        await probe(tmp_path / "x.mp4")
    assert len(media.requests) == before
