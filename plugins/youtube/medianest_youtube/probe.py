"""Asks ffprobe (or ffmpeg) whether a file is a whole, playable video or sound; changes nothing."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from medianest_youtube import tools
from medianest_youtube.failures import DownloadFailed, Failure

SECONDS: Final = 60.0
# Read as nothing but what we make: a playlist in a video's clothes would have ffmpeg open what it names.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3"
_SAFE = ("-protocol_whitelist", "file", "-format_whitelist", _FORMATS)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file holds; `duration` in seconds, None where unknown."""

    duration: float | None
    has_video: bool
    has_audio: bool
    height: int | None


async def _run(*command: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "", "LC_ALL": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, words = await process.communicate()
    except TimeoutError:
        raise DownloadFailed(Failure.BAD_MEDIA, f"the file could not be read within {SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode("utf-8", "replace"), words.decode("utf-8", "replace")


async def probe(path: Path, *, expected_duration: float | None = None) -> Probe:
    """Look at it. Raises `DownloadFailed`: `bad_media` if it cannot be played or is shorter than it should be."""
    found = await (_with_ffprobe(path) if tools.find_ffprobe() else _with_ffmpeg(path))
    if not (found.has_video or found.has_audio):
        raise DownloadFailed(Failure.BAD_MEDIA, "neither video nor sound in it")
    if expected_duration and found.duration and found.duration < expected_duration * 0.9 - 5:
        raise DownloadFailed(
            Failure.BAD_MEDIA, f"{found.duration:.0f} s long, where {expected_duration:.0f} s were announced"
        )
    return found


async def _with_ffprobe(path: Path) -> Probe:
    program = tools.find_ffprobe() or "ffprobe"
    show = ("-show_entries", "format=duration:stream=codec_type,height:packet=pts_time", "-of", "json")
    # Packets of the very end: an index at the beginning says nothing about whether the rest is there.
    status, out, words = await _run(program, "-v", "error", *_SAFE, *show, "-read_intervals", "999999%", f"file:{path}")
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        answer = {}
    streams = answer.get("streams") or []
    if status != 0 or not streams or "partial file" in words:
        raise DownloadFailed(Failure.BAD_MEDIA, words.strip()[-500:])
    duration = _seconds(answer.get("format", {}).get("duration"))
    times = [_seconds(packet.get("pts_time")) or 0.0 for packet in answer.get("packets") or []]
    if not times:
        await _read_through(path)
    elif duration and max(times) < duration * 0.9 - 2:
        raise DownloadFailed(Failure.BAD_MEDIA, f"it ends after {max(times):.0f} of {duration:.0f} s")
    kinds = {stream.get("codec_type") for stream in streams}
    heights = [stream["height"] for stream in streams if isinstance(stream.get("height"), int)]
    return Probe(duration, "video" in kinds, "audio" in kinds, max(heights, default=None))


def _seconds(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


async def _with_ffmpeg(path: Path) -> Probe:
    words = await _read_through(path)
    length = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", words)
    duration = int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]) if length else None
    size = re.search(r"Stream #0.*: Video: .*?, \d+x(\d+)", words)
    return Probe(duration, ": Video:" in words, ": Audio:" in words, int(size[1]) if size else None)


async def _read_through(path: Path) -> str:
    """Read every packet with ffmpeg, decoding none; returns what it says about the file."""
    program = tools.find_ffmpeg()
    if program is None:
        raise DownloadFailed(Failure.NO_FFMPEG)
    command = (program, "-hide_banner", "-nostdin", *_SAFE, "-i", f"file:{path}", "-c", "copy", "-f", "null", "-")
    status, _, words = await _run(*command)
    if status != 0 or "Input #0" not in words or "partial file" in words or "ended prematurely" in words:
        raise DownloadFailed(Failure.BAD_MEDIA, words.strip()[-500:])
    return words
