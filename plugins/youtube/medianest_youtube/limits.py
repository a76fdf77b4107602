"""The limits on one download, and the watch that ends it when one is met while it runs; starts nothing itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.proxy import FilterProxy
from medianest_youtube.video import Stage, VideoInfo
from medianest_youtube.workspace import Workspace

_TICK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes and seconds. `min_rate` (bytes a second) is averaged over `slow_seconds`."""

    max_bytes: int = 20 << 30
    max_duration: float = 12 * 3600
    min_free_bytes: int = 2 << 30
    info_seconds: float = 90.0
    stall_seconds: float = 60.0
    processing_seconds: float = 2 * 3600
    min_rate: float = 2048
    slow_seconds: float = 120.0
    socket_seconds: float = 20.0
    max_memory: int = 1 << 30
    """Of yt-dlp and of the JavaScript runtime; ffmpeg may have twice as much."""

    @property
    def traffic_bytes(self) -> int:
        """What one attempt may draw from outside: the file, its pages, and fragments that had to be fetched twice."""
        return self.max_bytes + self.max_bytes // 4 + (64 << 20)

    def check(self, info: VideoInfo, free_bytes: int) -> None:
        """Whether this video may be downloaded at all. Raises `DownloadFailed`."""
        if info.live:
            raise DownloadFailed(Failure.LIVE_STREAM)
        if info.duration is not None and info.duration > self.max_duration:
            raise DownloadFailed(Failure.TOO_LONG, f"{info.duration:.0f} s, {self.max_duration:.0f} s are allowed")
        if info.size is not None and info.size > self.max_bytes:
            raise DownloadFailed(Failure.TOO_LARGE, f"{info.size} bytes, {self.max_bytes} are allowed")
        # Merging and remuxing write the file a second time.
        if info.size is not None and free_bytes - 2 * info.size < self.min_free_bytes:
            raise DownloadFailed(Failure.NO_SPACE, f"{info.size} bytes are to come, {free_bytes} are free")


class Watch:
    """Looks twice a second whether a limit is met: `failure` is set, then the process stopped."""

    def __init__(self, limits: Limits, workspace: Workspace, proxy: FilterProxy) -> None:
        self.failure: DownloadFailed | None = None
        self.stage = Stage.FETCHING_INFO
        self._limits = limits
        self._workspace = workspace
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self._entered = self._loop.time()
        self._moved = (self._entered, 0)
        self._samples: deque[tuple[float, int]] = deque()
        self._downloaded = 0

    def enter(self, stage: Stage) -> None:
        """A stage begins; its time is counted from now."""
        self.stage = stage
        self._entered = self._loop.time()
        self._moved = (self._entered, self._proxy.received)
        self._samples.clear()

    def downloaded(self, size: int) -> None:
        """The process says how many bytes it has; what is on disk counts too after a resume."""
        self._downloaded = size

    async def run(self, stop: Callable[[], Awaitable[None]]) -> None:
        """Until a limit is met; then stop the process and end."""
        while self.failure is None:
            try:
                self._look()
            except DownloadFailed as failure:
                self.failure = failure
            else:
                await asyncio.sleep(_TICK_SECONDS)
        await stop()

    def _look(self) -> None:
        now, limits = self._loop.time(), self._limits
        if self._workspace.free_bytes() < limits.min_free_bytes:
            raise DownloadFailed(Failure.NO_SPACE, "the operator's floor of free space is reached")
        if self._proxy.over_limit or self._downloaded > limits.max_bytes:
            raise DownloadFailed(Failure.TOO_LARGE, f"more than {limits.max_bytes} bytes came")
        if self.stage is Stage.FETCHING_INFO and now - self._entered > limits.info_seconds:
            raise DownloadFailed(Failure.TIMEOUT, "the site took too long to describe the video")
        if self.stage is Stage.PROCESSING and now - self._entered > limits.processing_seconds:
            raise DownloadFailed(Failure.PROCESSING, f"not done after {limits.processing_seconds:.0f} s")
        if self.stage is Stage.DOWNLOADING:
            self._look_at_speed(now)

    def _look_at_speed(self, now: float) -> None:
        received = self._proxy.received
        if received != self._moved[1]:
            self._moved = (now, received)
        elif now - self._moved[0] > self._limits.stall_seconds:
            raise DownloadFailed(Failure.TIMEOUT, f"nothing came for {self._limits.stall_seconds:.0f} s")
        self._samples.append((now, received))
        while len(self._samples) > 2 and now - self._samples[1][0] >= self._limits.slow_seconds:
            self._samples.popleft()
        since, before = self._samples[0]
        if now - since >= self._limits.slow_seconds and (received - before) / (now - since) < self._limits.min_rate:
            raise DownloadFailed(Failure.TOO_SLOW, f"less than {self._limits.min_rate:.0f} bytes a second")
