"""Has ffmpeg and ffprobe, as yt-dlp calls them on what it downloaded, read media files and nothing those files name."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

from yt_dlp.postprocessor import ffmpeg
from yt_dlp.utils import Popen

from medianest_youtube.yt_dlp_process.confine import twice_the_memory

# A playlist, a manifest or a list of files in a video's clothes would have ffmpeg open what it names: our own files.
_FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,flv,avi,aac,mp3,ogg,flac,wav,webvtt,srt,ass"
SAFE: Final = ("-protocol_whitelist", "file", "-format_whitelist", _FORMATS)


def guarded(command: list[str]) -> list[str]:
    """The command with the options before each of its inputs; for ffprobe the input is the last word."""
    if PurePath(command[0]).name.startswith("ffprobe"):
        return [*command[:-1], *SAFE, command[-1]]
    return [word for one in command for word in ((*SAFE, one) if one == "-i" else (one,))]


class _GuardedPopen(Popen):  # type: ignore[misc]  # yt-dlp has no types
    @classmethod
    def run(cls, command: list[str], *args: Any, **options: Any) -> Any:
        with twice_the_memory():
            return Popen.run(guarded(command), *args, **options)


def guard() -> None:
    """From now on, in this process. Every step of yt-dlp's starts its programs by this one name."""
    ffmpeg.Popen = _GuardedPopen
