"""What a person may choose about a download, and the yt-dlp parameters that follow: the whole typed allow-list.

Nothing a person writes gets into these parameters but validated choices; there is no way to pass an option through.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
"""A language tag (BCP 47). yt-dlp reads its languages as patterns: nothing with a meaning there may pass."""


class Quality(StrEnum):
    """The greatest height wanted. What is not offered that small comes in the least height there is."""

    BEST = "best"
    P2160 = "2160"
    P1440 = "1440"
    P1080 = "1080"
    P720 = "720"
    P480 = "480"
    P360 = "360"
    AUDIO = "audio"


class Container(StrEnum):
    """The kind of file."""

    MP4 = "mp4"
    MKV = "mkv"
    WEBM = "webm"
    MP3 = "mp3"
    M4A = "m4a"

    @property
    def is_audio(self) -> bool:
        """Whether it holds sound alone."""
        return self in (Container.MP3, Container.M4A)

    @property
    def content_type(self) -> str:
        """The media type to serve it as."""
        return {"mp4": "video/mp4", "mkv": "video/x-matroska", "webm": "video/webm", "mp3": "audio/mpeg",
                "m4a": "audio/mp4"}[self.value]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """One valid combination; `ValueError` says what does not go together."""

    quality: Quality
    container: Container
    subtitles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.container.is_audio != (self.quality is Quality.AUDIO):
            if self.container.is_audio:
                raise ValueError(f'{self.container} holds sound alone: choose quality "audio", or mp4, mkv or webm')
            raise ValueError(f'quality "audio" needs mp3 or m4a, not {self.container}')
        if self.subtitles and self.container.is_audio:
            raise ValueError("a file of sound alone holds no subtitles: leave them out, or choose a video")
        for language in self.subtitles:
            # "all" is a word of yt-dlp's that means every language there is.
            if language == "all" or not LANGUAGE.fullmatch(language):
                raise ValueError(f'{language!r} is not a language tag; write for example "en" or "pt-BR"')


# Only what comes over HTTP passes the proxy: rtmp, mms, ftp and the like connect by themselves.
_WEB = r"[protocol~='^(https?|m3u8|m3u8_native|http_dash_segments)$']"
PROTOCOLS: Final = frozenset({"http", "https", "m3u8", "m3u8_native", "http_dash_segments"})


def _format(choice: Choice) -> str:
    if choice.quality is Quality.AUDIO:
        return f"ba{_WEB}/b{_WEB}"
    # A video whose streams are named neither way (a bare file) is `b*`.
    general = f"bv*{_WEB}+ba{_WEB}/b{_WEB}/bv*{_WEB}/b*{_WEB}[vcodec!=none]"
    if choice.container is Container.WEBM:
        return f"bv*[ext=webm]{_WEB}+ba[ext=webm]{_WEB}/b[ext=webm]{_WEB}/{general}"
    return general


def _sort(choice: Choice) -> list[str]:
    order = []
    if choice.quality.isdigit():
        order = [f"res:{choice.quality}", "fps"]
    if choice.container is Container.MP4:
        return [*order, "vext:mp4", "aext:m4a"] if order else ["res", "fps", "vext:mp4", "aext:m4a"]
    if choice.container is Container.M4A:
        return ["aext:m4a"]
    return order


def _processors(choice: Choice) -> list[dict[str, Any]]:
    if choice.container.is_audio:
        return [{"key": "FFmpegExtractAudio", "preferredcodec": choice.container.value, "preferredquality": "192"}]
    if choice.container is Container.WEBM:
        # Recodes only what is not webm already: H.264 does not fit into it.
        steps: list[dict[str, Any]] = [{"key": "FFmpegVideoConvertor", "preferedformat": "webm"}]
    else:
        steps = [{"key": "FFmpegVideoRemuxer", "preferedformat": choice.container.value}]
    if choice.subtitles:
        steps.append({"key": "FFmpegEmbedSubtitle", "already_have_subtitle": False})
    return steps


def format_parameters(choice: Choice, *, automatic_subtitles: bool) -> dict[str, Any]:
    """The yt-dlp parameters for what is to be had (names as in `yt_dlp.YoutubeDL`'s documentation)."""
    merge = {"mp4": "mp4", "mkv": "mkv", "webm": "webm/mkv"}.get(choice.container.value)
    return {
        "format": _format(choice),
        "format_sort": _sort(choice),
        "merge_output_format": merge,
        "writesubtitles": bool(choice.subtitles),
        "writeautomaticsub": bool(choice.subtitles) and automatic_subtitles,
        "subtitleslangs": list(choice.subtitles),
        "subtitlesformat": "vtt/srt/best",
        "postprocessors": _processors(choice),
    }


def network_parameters(*, proxy_url: str, socket_seconds: float) -> dict[str, Any]:
    """The yt-dlp parameters for how it may reach out: through the proxy, patiently but not for ever."""
    return {
        "proxy": proxy_url,
        # Where ffmpeg itself downloads: over the proxy and by nothing else, whatever a playlist names.
        "external_downloader_args": {"ffmpeg_i": ["-protocol_whitelist", "http,https,httpproxy,tcp,tls,crypto,data"]},
        "socket_timeout": socket_seconds,
        "retries": 3,
        "extractor_retries": 2,
        "fragment_retries": 3,
        "file_access_retries": 1,
        "concurrent_fragment_downloads": 3,
        "skip_unavailable_fragments": False,
        "enable_file_urls": False,
        "nocheckcertificate": False,
        "noplaylist": True,
        "geo_bypass": False,
    }


def quiet_parameters() -> dict[str, Any]:
    """The yt-dlp parameters that keep it to itself: no cache, no cookies of its own, nothing remembered or printed."""
    return {
        "quiet": True,
        "noprogress": True,
        "no_color": True,
        "cachedir": False,
        "warn_when_outdated": False,
        "ignoreerrors": False,
        "updatetime": False,
        "continuedl": True,
        "nopart": False,
        "fixup": "force",
        "outtmpl": {"default": "media.%(ext)s"},
        "restrictfilenames": True,
        "allow_unplayable_formats": False,
        "hls_use_mpegts": False,
        "consoletitle": False,
        "compat_opts": [],
    }


def extractor_parameters(url: str) -> dict[str, Any]:
    """The yt-dlp parameters for who reads the address.

    No site's extractor is for a bare IP address; asking all 1,800 of them costs half a second.
    """
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return {}
    return {"allowed_extractors": ["generic", "html5"]}
