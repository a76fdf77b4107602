"""Whether what downloads depend on is well: yt-dlp's age, ffmpeg, the JavaScript runtime, the disk, the folder."""

from __future__ import annotations

import asyncio
from typing import Final

from medianest_hub.plugin_api import CheckResult, Context, HealthStatus, health_check
from medianest_youtube import tools
from medianest_youtube.failures import DownloadFailed
from medianest_youtube.folder import ensure_folder
from medianest_youtube.settings import YouTubeSettings, workspace_of

OLD_DAYS: Final = 120
"""YouTube changes about monthly; a yt-dlp older than this has mostly stopped working there."""

_GB = 1 << 30


async def _first_line(*command: str) -> str:
    """The first line a program prints. Raises `OSError` when it does not run."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise OSError(f"it ended with status {process.returncode}")
    return out.decode("utf-8", "replace").partition("\n")[0][:200]


@health_check("yt_dlp", ttl=3600)
async def yt_dlp(ctx: Context[YouTubeSettings]) -> CheckResult:
    """Which yt-dlp, and how old it is."""
    version = tools.yt_dlp_version()
    days = tools.yt_dlp_age(version, ctx.clock.now().date())
    data: dict[str, str | int | float | bool | None] = {"version": version, "age_days": days}
    if days is not None and days > OLD_DAYS:
        words = f"yt-dlp {version} is {days} days old: upgrade it (pip install --upgrade yt-dlp) and restart the worker"
        return CheckResult(status=HealthStatus.DEGRADED, detail=words, data=data)
    return CheckResult(detail=f"yt-dlp {version}", data=data)


@health_check("ffmpeg", ttl=600, timeout=10)
async def ffmpeg(ctx: Context[YouTubeSettings]) -> CheckResult:
    """Whether ffmpeg runs; without it nothing can be put together."""
    program = tools.find_ffmpeg()
    if program is None:
        return CheckResult(
            status=HealthStatus.DOWN, detail="ffmpeg is missing: install it, or the package imageio-ffmpeg"
        )
    try:
        line = await _first_line(program, "-version")
    except OSError as error:
        return CheckResult(status=HealthStatus.DOWN, detail=f"ffmpeg does not run: {error}")
    return CheckResult(detail=line, data={"ffprobe": tools.find_ffprobe() is not None})


@health_check("javascript", ttl=3600, timeout=15)
async def javascript(ctx: Context[YouTubeSettings]) -> CheckResult:
    """Whether Deno runs; without it YouTube hands out few formats or none."""
    program = tools.find_deno()
    if program is None:
        words = "no JavaScript runtime: install the package deno, or YouTube offers few formats or none"
        return CheckResult(status=HealthStatus.DEGRADED, detail=words)
    try:
        return CheckResult(detail=await _first_line(program, "--version"))
    except OSError as error:
        return CheckResult(status=HealthStatus.DEGRADED, detail=f"Deno does not run: {error}")


@health_check("free_space", ttl=30)
async def free_space(ctx: Context[YouTubeSettings]) -> CheckResult:
    """What is left on the download disk."""
    try:
        free = await asyncio.to_thread(workspace_of(ctx).free_bytes)
    except DownloadFailed as error:
        return CheckResult(status=HealthStatus.DOWN, detail=error.detail)
    floor = ctx.settings.limits.min_free_bytes
    data: dict[str, str | int | float | bool | None] = {"free_bytes": free, "floor_bytes": floor}
    if free < floor:
        words = f"{free / _GB:.1f} GB are free, less than the {floor / _GB:.1f} GB to be kept: downloads wait"
        return CheckResult(status=HealthStatus.DEGRADED, detail=words, data=data)
    return CheckResult(detail=f"{free / _GB:.1f} GB free", data=data)


@health_check("folder", ttl=60)
async def folder(ctx: Context[YouTubeSettings]) -> CheckResult:
    """Whether the download folder here is the one the workers use."""
    try:
        found = await ensure_folder(ctx)
    except DownloadFailed as error:
        return CheckResult(status=HealthStatus.DOWN, detail=error.detail)
    return CheckResult(detail=str(found))
