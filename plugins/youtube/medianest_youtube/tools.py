"""Finds the programs downloads need: ffmpeg, ffprobe, a JavaScript runtime, and how old yt-dlp is; runs none of them."""

from __future__ import annotations

import datetime
import functools
import os
import re
import shutil
from importlib import metadata


@functools.cache
def find_ffmpeg() -> str | None:
    """The system's ffmpeg, else the one that comes as a package (without ffprobe), else None."""
    if found := shutil.which("ffmpeg"):
        return found
    import imageio_ffmpeg

    try:
        found = str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None
    return found if os.access(found, os.X_OK) else None


@functools.cache
def find_ffprobe() -> str | None:
    """The system's ffprobe, or None."""
    return shutil.which("ffprobe")


@functools.cache
def find_deno() -> str | None:
    """Deno, which solves YouTube's JavaScript challenges: from its package, else the system's, else None."""
    import deno  # type: ignore[import-untyped]

    try:
        return str(deno.find_deno_bin())
    except (FileNotFoundError, OSError):
        return shutil.which("deno")


def yt_dlp_version() -> str:
    """The installed version, read without importing it (that takes a quarter of a second and 60 MB)."""
    return metadata.version("yt-dlp")


def yt_dlp_age(version: str, today: datetime.date) -> int | None:
    """Days since that version came out; its versions are dates. None if this one is not."""
    found = re.match(r"(\d{4})\.(\d{1,2})\.(\d{1,2})", version)
    if found is None:
        return None
    try:
        return (today - datetime.date(*map(int, found.groups()))).days
    except ValueError:
        return None
