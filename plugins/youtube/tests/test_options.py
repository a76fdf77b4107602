"""What a person may choose, and what yt-dlp makes of it: its own selector decides, on formats such as YouTube's."""

from __future__ import annotations

from typing import Any

import pytest
from yt_dlp import YoutubeDL

from medianest_youtube.options import Choice, Container, Quality, extractor_parameters, format_parameters


def video(height: int, ext: str, codec: str, **more: Any) -> dict[str, Any]:
    name = f"{ext}{height}{more.get('protocol', '')}"
    return {"format_id": name, "url": f"https://x.example/{name}", "ext": ext, "height": height, "vcodec": codec,
            "acodec": "none", "protocol": "https", "tbr": height, **more}  # fmt: skip


def sound(ext: str, codec: str) -> dict[str, Any]:
    return {"format_id": ext, "url": f"https://x.example/{ext}", "ext": ext, "vcodec": "none", "acodec": codec,
            "protocol": "https", "tbr": 128}  # fmt: skip


LIKE_YOUTUBE = [
    sound("m4a", "mp4a.40.2"),
    sound("webm", "opus"),
    *(video(height, "mp4", "avc1.64001f") for height in (144, 360, 720, 1080)),
    *(video(height, "webm", "vp9") for height in (144, 360, 720, 1080, 1440, 2160)),
]


def chosen(formats: list[dict[str, Any]], choice: Choice) -> tuple[list[str], str]:
    """The ids of the formats yt-dlp picks, and the extension they are merged into."""
    params = {
        **format_parameters(choice, automatic_subtitles=True),
        "postprocessors": [],
        "quiet": True,
        "simulate": True,
    }
    with YoutubeDL(params) as ydl:
        info = ydl.process_ie_result(
            {"id": "x", "title": "x", "extractor": "x", "formats": [dict(one) for one in formats]}, download=False
        )
    return [one["format_id"] for one in info.get("requested_formats") or [info]], info["ext"]


@pytest.mark.parametrize(
    ("quality", "container", "ids"),
    [
        (Quality.BEST, Container.MKV, ["webm2160", "webm"]),
        (Quality.BEST, Container.MP4, ["webm2160", "m4a"]),
        (Quality.P2160, Container.WEBM, ["webm2160", "webm"]),
        (Quality.P1080, Container.MP4, ["mp41080", "m4a"]),
        (Quality.P720, Container.MP4, ["mp4720", "m4a"]),
        (Quality.P720, Container.WEBM, ["webm720", "webm"]),
        (Quality.P480, Container.MP4, ["mp4360", "m4a"]),
        (Quality.P360, Container.MKV, ["webm360", "webm"]),
        (Quality.AUDIO, Container.M4A, ["m4a"]),
    ],
)
def test_the_greatest_height_that_was_asked_for_in_the_fitting_container(quality, container, ids):
    assert chosen(LIKE_YOUTUBE, Choice(quality, container))[0] == ids


def test_what_is_only_offered_larger_comes_in_its_least_height():
    formats = [video(1080, "mp4", "avc1"), video(2160, "mp4", "avc1"), sound("m4a", "mp4a")]

    assert chosen(formats, Choice(Quality.P360, Container.MP4))[0] == ["mp41080", "m4a"]


def test_webm_is_merged_to_something_that_holds_other_codecs_before_it_is_recoded():
    formats = [video(720, "mp4", "avc1"), sound("m4a", "mp4a.40.2")]

    assert chosen(formats, Choice(Quality.BEST, Container.WEBM))[1] == "mkv"


@pytest.mark.parametrize("protocol", ["rtmp", "rtsp", "mms", "ftp", "websocket_frag", "f4m"])
def test_ways_that_do_not_pass_the_proxy_are_not_chosen(protocol):
    formats = [video(2160, "mp4", "avc1", protocol=protocol, acodec="mp4a"), video(360, "mp4", "avc1", acodec="mp4a")]

    assert chosen(formats, Choice(Quality.BEST, Container.MP4))[0] == ["mp4360"]


@pytest.mark.parametrize(
    ("quality", "container", "subtitles"),
    [
        (Quality.AUDIO, Container.MP4, ()),
        (Quality.P720, Container.MP3, ()),
        (Quality.AUDIO, Container.MP3, ("en",)),
        (Quality.BEST, Container.MKV, ("all",)),
        (Quality.BEST, Container.MKV, (".*",)),
        (Quality.BEST, Container.MKV, ("en,de",)),
        (Quality.BEST, Container.MKV, ("-en",)),
        (Quality.BEST, Container.MKV, ("",)),
    ],
)
def test_what_does_not_go_together_is_refused(quality, container, subtitles):
    with pytest.raises(ValueError, match=r"choose|needs|leave|write"):
        Choice(quality, container, subtitles)


@pytest.mark.parametrize("language", ["en", "pt-BR", "zh-Hans", "gsw", "es-419"])
def test_language_tags_are_taken(language):
    assert Choice(Quality.BEST, Container.MKV, (language,)).subtitles == (language,)


def test_a_bare_address_is_not_held_against_every_site_there_is():
    assert extractor_parameters("http://127.0.0.1:8000/x") == {"allowed_extractors": ["generic", "html5"]}
    assert extractor_parameters("https://[::1]/x") == {"allowed_extractors": ["generic", "html5"]}
    assert extractor_parameters("https://www.youtube.com/watch?v=x") == {}
