"""One download or one look at a link from beginning to end: process, proxy, limits, and what came of it.

Knows no database and no people. What it may not do: leave a process behind, or let a file out that was not looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

from medianest_youtube import options, tools
from medianest_youtube.addresses import HostRules
from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.limits import Limits, Watch
from medianest_youtube.options import Choice
from medianest_youtube.probe import probe
from medianest_youtube.process import YtDlpProcess, program_parameters
from medianest_youtube.proxy import FilterProxy, Resolve, system_resolve
from medianest_youtube.video import Progress, Stage, VideoInfo
from medianest_youtube.words import clean
from medianest_youtube.workspace import Workspace

OnInfo: TypeAlias = Callable[[VideoInfo], Awaitable[None]]
OnProgress: TypeAlias = Callable[[Progress], Awaitable[None]]

_LOOK_BYTES: Final = 64 << 20
# What our own refusal looks like from inside yt-dlp.
_AS_REFUSED = frozenset(
    {Failure.NETWORK, Failure.REFUSED, Failure.INTERNAL, Failure.UPSTREAM, Failure.BAD_MEDIA, Failure.UNAVAILABLE}
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A file that is there, whole and playable. `size` in bytes, `duration` in seconds."""

    path: Path
    size: int
    duration: float | None
    height: int | None
    subtitles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runner:
    """How downloads are done here. `resolve` is replaced in tests of names that lie."""

    workspace: Workspace
    rules: HostRules
    limits: Limits
    automatic_subtitles: bool = True
    resolve: Resolve = field(default=system_resolve)

    async def look(self, url: str) -> VideoInfo:
        """What is behind a link, without downloading it. Raises `DownloadFailed`."""
        with tempfile.TemporaryDirectory(prefix="medianest-look-") as name:
            folder = Path(name)
            (folder / "home").mkdir()
            proxy = self._proxy(_LOOK_BYTES)
            async with proxy:
                params = self._params(url, proxy, {"format": "bv*+ba/b/bv*/ba", "simulate": True})
                starting = YtDlpProcess.start(
                    folder=folder, url=url, look=True, params=params,
                    max_file_bytes=_LOOK_BYTES, max_memory=self.limits.max_memory,
                )  # fmt: skip
                try:
                    async with asyncio.timeout(self.limits.info_seconds), starting as process:
                        return await self._look(process, proxy)
                except TimeoutError:
                    raise DownloadFailed(Failure.TIMEOUT, "the site took too long to describe the video") from None

    async def _look(self, process: YtDlpProcess, proxy: FilterProxy) -> VideoInfo:
        info = None
        async for message in process.messages():
            if message["type"] == "info":
                info = VideoInfo.parse(message["info"], self.rules)
            elif message["type"] == "failed":
                raise self._failed(message, proxy)
        if info is None:
            raise _ended(process)
        return info

    async def download(
        self, file_id: UUID, url: str, choice: Choice, *, on_info: OnInfo, on_progress: OnProgress
    ) -> tuple[VideoInfo, Finished]:
        """Download, or go on where an earlier attempt ended. Raises `DownloadFailed`, and whatever the callbacks raise.

        `on_info` is called once, before the first byte, and may raise to stop it; `on_progress` a few times a second.
        Cancelling it ends the process and keeps what is there for another attempt.
        """
        if tools.find_ffmpeg() is None:
            raise DownloadFailed(Failure.NO_FFMPEG)
        if self.workspace.free_bytes() < self.limits.min_free_bytes:
            raise DownloadFailed(Failure.NO_SPACE, "less is free than the operator wants to keep free")
        async with self.workspace.working_on(file_id) as (folder, lock):
            proxy = self._proxy(self.limits.traffic_bytes)
            async with proxy:
                params = self._params(
                    url, proxy, options.format_parameters(choice, automatic_subtitles=self.automatic_subtitles)
                )
                starting = YtDlpProcess.start(
                    folder=folder, url=url, look=False, params=params, lock=lock,
                    max_file_bytes=self.limits.max_bytes + (1 << 20), max_memory=self.limits.max_memory,
                )  # fmt: skip
                async with starting as process:
                    run = _Run(self, proxy, process, folder, on_info, on_progress)
                    reported = await run.through()
            if run.info is None:
                raise DownloadFailed(Failure.INTERNAL, "a download without a description")
            return run.info, await self._accept(reported, file_id, choice, run.info, folder)

    async def _accept(self, reported: str, file_id: UUID, choice: Choice, info: VideoInfo, folder: Path) -> Finished:
        try:
            found = await probe(folder / reported, expected_duration=info.duration)
        except DownloadFailed as error:
            if error.failure is Failure.BAD_MEDIA:
                # What is on disk is of no use to the next attempt.
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise
        if not choice.container.is_audio and not found.has_video:
            raise DownloadFailed(Failure.NO_SUCH_FORMAT, "there is only sound")
        if (size := (folder / reported).stat().st_size) > self.limits.max_bytes:
            raise DownloadFailed(Failure.TOO_LARGE, f"{size} bytes, {self.limits.max_bytes} are allowed")
        target = await asyncio.to_thread(self.workspace.accept, reported, file_id, choice.container.value)
        return Finished(target, size, found.duration, found.height, info.subtitles)

    def _proxy(self, max_bytes: int) -> FilterProxy:
        return FilterProxy(
            self.rules, max_bytes=max_bytes, idle_seconds=self.limits.stall_seconds, resolve=self.resolve
        )

    def _params(self, url: str, proxy: FilterProxy, own: dict[str, Any]) -> dict[str, Any]:
        return {
            **options.quiet_parameters(),
            **options.network_parameters(proxy_url=proxy.url, socket_seconds=self.limits.socket_seconds),
            **options.extractor_parameters(url),
            **program_parameters(),
            **own,
        }

    def _failed(self, message: dict[str, Any], proxy: FilterProxy) -> DownloadFailed:
        """The failure the process told of, seen with what the proxy knows."""
        try:
            failure = Failure(message.get("failure", ""))
        except ValueError:
            failure = Failure.INTERNAL
        detail = clean(str(message.get("detail", "")))
        if proxy.over_limit:
            return DownloadFailed(Failure.TOO_LARGE, "more came than is allowed")
        if proxy.refusals and failure in _AS_REFUSED:
            last = proxy.refusals[-1]
            return DownloadFailed(Failure.NOT_ALLOWED, f"{last.host}:{last.port} ({last.reason})")
        return DownloadFailed(failure, detail)


def _ended(process: YtDlpProcess) -> DownloadFailed:
    """It ended without a word."""
    if process.status is not None and process.status < 0:
        return DownloadFailed(Failure.KILLED, f"signal {-process.status}")
    return DownloadFailed(Failure.INTERNAL, f"exit status {process.status}: {process.stderr[-500:]}")


class _Run:
    """The talk with one downloading process."""

    def __init__(
        self,
        runner: Runner,
        proxy: FilterProxy,
        process: YtDlpProcess,
        folder: Path,
        on_info: OnInfo,
        on_progress: OnProgress,
    ) -> None:
        self.info: VideoInfo | None = None
        self._runner = runner
        self._proxy = proxy
        self._process = process
        self._folder = folder
        self._on_info = on_info
        self._on_progress = on_progress
        self._watch = Watch(runner.limits, runner.workspace, proxy)

    async def through(self) -> str:
        """Until it has ended; returns the name of the file it reports."""
        reported: str | None = None
        async with self._watching():
            async for message in self._process.messages():
                if (path := await self._take(message)) is not None:
                    reported = path
        if self._watch.failure is not None:
            raise self._watch.failure
        if reported is None:
            raise _ended(self._process)
        return reported

    @contextlib.asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        watching = asyncio.ensure_future(self._watch.run(self._process.stop))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _take(self, message: dict[str, Any]) -> str | None:
        kind = message.get("type")
        if kind == "info":
            await self._begin(VideoInfo.parse(message["info"], self._runner.rules))
        elif kind == "progress":
            progress = Progress.parse(message)
            self._watch.downloaded(progress.downloaded)
            await self._on_progress(progress)
        elif kind == "processing":
            if self._watch.stage is not Stage.PROCESSING:
                self._watch.enter(Stage.PROCESSING)
                await self._on_progress(Progress(stage=Stage.PROCESSING, text=str(message.get("step") or "")))
        elif kind == "failed":
            raise self._watch.failure or self._runner._failed(message, self._proxy)
        elif kind == "done":
            return str(message.get("path") or "") or None
        return None

    async def _begin(self, info: VideoInfo) -> None:
        """Check the limits, ask the caller, and say whether what lies in the folder may be continued."""
        self.info = info
        self._runner.limits.check(info, self._runner.workspace.free_bytes())
        await self._on_info(info)
        fresh = await asyncio.to_thread(_is_another_video, self._folder / "video.json", info)
        self._watch.enter(Stage.DOWNLOADING)
        await self._process.send({"go": True, "fresh": fresh})


def _is_another_video(path: Path, info: VideoInfo) -> bool:
    """Whether the folder holds parts of something else than `info`; remembers it for the next attempt."""
    identity = info.identity
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if known == identity:
        return False
    path.write_text(json.dumps(identity), encoding="utf-8")
    return True
