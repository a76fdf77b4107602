"""What a media server that means harm gets out of yt-dlp and ffmpeg: nothing of ours, and no more than its share."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.options import Choice, Container, Quality

from .hostile import Answer, HostileServer


@pytest.fixture
def evil() -> Iterator[HostileServer]:
    with HostileServer().running() as server:
        yield server


def playlist(private: Path) -> bytes:
    return (
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:7.0,\nfile://{private}\n"
        "#EXT-X-ENDLIST\n"
    ).encode()


def manifest(private: Path) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT6S" minBufferTime="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="100000" width="640" height="360" '
        f'codecs="avc1.42c00d"><BaseURL>file://{private}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    ).encode()


def concat(private: Path) -> bytes:
    return f"ffconcat version 1.0\nfile 'file:{private}'\n".encode()


@pytest.mark.parametrize(
    "choice",
    [
        Choice(Quality.BEST, Container.MKV),
        Choice(Quality.BEST, Container.WEBM),
        Choice(Quality.AUDIO, Container.MP3),
        Choice(Quality.AUDIO, Container.M4A),
    ],
    ids=lambda choice: str(choice.container),
)
@pytest.mark.parametrize("bait", [playlist, manifest, concat])
async def test_a_playlist_in_a_videos_clothes_does_not_open_files_of_this_machine(
    download, media, evil, tmp_path, bait, choice
):
    film = (media.folder / "clip.mp4").read_bytes()
    private = tmp_path / ("private.mp4" if bait is manifest else "private.ts")
    private.write_bytes(film if bait is manifest else next(media.folder.glob("hls/*.ts")).read_bytes())

    def page(method: str, before: int) -> Answer:
        looking = method == "HEAD" or before == 0
        return 200, {"Content-Type": "video/mp4"}, film if looking else bait(private).ljust(len(film), b"\n")

    evil.pages["/bait.mp4"] = page
    with pytest.raises(DownloadFailed) as caught:
        await download(f"{evil.url}/bait.mp4", choice)

    assert caught.value.failure is Failure.BAD_MEDIA, caught.value
    assert not [file for file in download.runner.workspace.root.iterdir() if file.is_file()]


async def test_subtitles_that_are_a_playlist_do_not_open_files_either(download, media, evil, tmp_path):
    private = tmp_path / "private.ts"
    private.write_bytes(next(media.folder.glob("hls/*.ts")).read_bytes())
    evil.serve("/clip.mp4", (media.folder / "clip.mp4").read_bytes(), "video/mp4")
    evil.serve("/en.vtt", playlist(private), "text/vtt")
    page = evil.serve(
        "/page.html",
        b"<html><title>Film</title><video src='/clip.mp4'><track kind='subtitles' srclang='en' src='/en.vtt'></video>",
        "text/html",
    )

    with pytest.raises(DownloadFailed) as caught:
        await download(page, Choice(Quality.BEST, Container.MKV, ("en",)))

    assert "/en.vtt" in evil.seen
    assert caught.value.failure is Failure.BAD_MEDIA, caught.value


# --- memory ---


def packed(megabytes: int) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [squeeze.compress(b"<html><title>x</title>")]
    pieces += [squeeze.compress(b" " * (1 << 20)) for _ in range(megabytes)]
    return b"".join([*pieces, squeeze.flush()])


@pytest.mark.parametrize("look", [False, True])
async def test_a_page_that_unpacks_to_more_than_the_memory_allowed_fails_once_and_for_all(
    make_runner, download, evil, look
):
    bomb = evil.serve("/bomb.html", packed(400), "text/html", Content_Encoding="gzip")
    download.runner = make_runner(max_memory=256 << 20)

    with pytest.raises(DownloadFailed) as caught:
        await (download.runner.look(bomb) if look else download(bomb))

    assert caught.value.failure is Failure.OUT_OF_MEMORY, caught.value
    assert caught.value.wait_before(1) is None


async def test_a_manifest_that_unfolds_into_millions_of_fragments_ends_at_the_limit(make_runner, evil):
    timeline = (
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT7S" '
        b'minBufferTime="PT1S"><Period><AdaptationSet mimeType="video/mp4"><SegmentTemplate timescale="1" '
        b'media="/x-$Number$.m4s" initialization="/i.mp4" startNumber="1"><SegmentTimeline><S t="0" d="1" r="10000000"/>'
        b'</SegmentTimeline></SegmentTemplate><Representation id="1" bandwidth="1000" width="64" height="36" '
        b'codecs="avc1.42c00d"/></AdaptationSet></Period></MPD>'
    )
    bomb = evil.serve("/bomb.mpd", timeline, "application/dash+xml")

    with pytest.raises(DownloadFailed) as caught:
        await make_runner(max_memory=256 << 20).look(bomb)

    assert caught.value.failure is Failure.OUT_OF_MEMORY, caught.value


# --- words ---


async def test_words_from_a_page_that_no_database_takes_are_cleaned(make_runner, media, evil):
    evil.serve("/v.mp4", (media.folder / "clip.mp4").read_bytes(), "video/mp4")
    page = evil.serve(
        "/nul.html",
        b'<html><head><script type="application/ld+json">{"@context":"https://schema.org","@type":"VideoObject",'
        b'"name":"a\\u0000b\\ud800c","contentUrl":"%b/v.mp4","thumbnailUrl":"http://192.168.1.1/reboot\\u0000",'
        b'"uploadDate":"2020-01-01","description":"x"}</script></head></html>' % evil.url.encode(),
        "text/html",
    )

    info = await make_runner().look(page)

    assert info.title == "ab\N{REPLACEMENT CHARACTER}c"
    assert info.thumbnail is None
    assert "\0" not in f"{info}"
    f"{info}".encode()


# --- places ---


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/film.mp4", "data:video/mp4,x"])
async def test_a_redirect_away_from_the_web_is_final(make_runner, evil, target):
    link = evil.serve("/away.mp4", b"", "text/plain", 302, Location=target)

    with pytest.raises(DownloadFailed) as caught:
        await make_runner().look(link)

    assert caught.value.failure is Failure.NOT_ALLOWED, caught.value
    assert caught.value.wait_before(1) is None
