"""The process's own course: read the order, confine, download or look, tell how it ended; decides nothing."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medianest_youtube.yt_dlp_process.channel import Channel
from medianest_youtube.yt_dlp_process.confine import breathe, confine, renounce

if TYPE_CHECKING:
    from medianest_youtube.yt_dlp_process.guarded import GuardedYoutubeDL

_EVERY_SECONDS = 0.25
_SEPARATE_STEPS = ("MoveFiles", "MoveFilesAfterDownload")


class _Reporter:
    """Turns yt-dlp's hooks into lines: progress over all parts of a video, at most four times a second."""

    def __init__(self, channel: Channel, folder: Path) -> None:
        self.ydl: GuardedYoutubeDL | None = None
        self._channel = channel
        self._folder = folder
        self._parts: dict[str, tuple[int, int | None]] = {}
        self._last = 0.0
        self._processing = False

    def progress(self, hook: dict[str, Any]) -> None:
        """A hook of yt-dlp's: `status`, bytes, and for streams which fragment of how many."""
        if self.ydl is None or self.ydl.in_subtitle:
            return
        info = hook.get("info_dict") or {}
        total = hook.get("total_bytes") or hook.get("total_bytes_estimate")
        done = int(hook.get("downloaded_bytes") or 0)
        self._parts[str(info.get("format_id"))] = (done, int(total) if total else None)
        now = time.monotonic()
        if now - self._last < _EVERY_SECONDS and hook.get("status") != "finished":
            return
        self._last = now
        totals = [self._parts.get(name, (0, size))[1] or size for name, size in self.ydl.expected.items()]
        self._channel.send(
            "progress",
            downloaded=sum(part[0] for part in self._parts.values()),
            total=sum(size for size in totals if size) if totals and all(totals) else None,
            speed=hook.get("speed"),
            fragment=hook.get("fragment_index"),
            fragments=hook.get("fragment_count"),
        )

    def processor(self, hook: dict[str, Any]) -> None:
        """A hook of yt-dlp's: a step after the download begins or ends."""
        if hook.get("status") != "started" or hook.get("postprocessor") in _SEPARATE_STEPS:
            return
        if not self._processing:
            # A step killed half-way leaves a file that looks finished: the next attempt keeps only what is listed.
            names = sorted(file.name for file in self._folder.glob("media.*"))
            (self._folder / "complete.json").write_text(json.dumps(names), encoding="utf-8")
            self._processing = True
        self._channel.send("processing", step=hook.get("postprocessor"))


class _Log:
    """What yt-dlp says, for the parent's log; its errors come as exceptions as well."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._left = 20

    def debug(self, message: str) -> None:
        """Not passed on."""

    def info(self, message: str) -> None:
        """Not passed on."""

    def warning(self, message: str) -> None:
        """The first twenty are passed on."""
        if self._left > 0:
            self._left -= 1
            self._channel.send("warning", text=str(message)[:500])

    error = warning


def _tidy(folder: Path) -> None:
    """Throw away what a step after the download had half written when the last attempt ended."""
    listed = folder / "complete.json"
    try:
        names = set(json.loads(listed.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return
    except (ValueError, TypeError):
        names = set()
    for file in folder.glob("media.*"):
        if file.name not in names:
            file.unlink(missing_ok=True)
    listed.unlink(missing_ok=True)


def _run(order: dict[str, Any], channel: Channel) -> None:
    # Only now: importing yt-dlp takes a quarter of a second, and confining must come before.
    from yt_dlp.globals import plugin_dirs

    from medianest_youtube.yt_dlp_process.guarded import GuardedYoutubeDL
    from medianest_youtube.yt_dlp_process.only_media import guard
    from medianest_youtube.yt_dlp_process.summary import summarize

    plugin_dirs.value = []
    guard()
    folder = Path(order["folder"])
    reporter = _Reporter(channel, folder)
    params = {
        **order["params"],
        "logger": _Log(channel),
        "progress_hooks": [reporter.progress],
        "postprocessor_hooks": [reporter.processor],
    }
    look = order["look"]
    if not look:
        _tidy(folder)
    with GuardedYoutubeDL(params, channel, folder) as ydl:
        reporter.ydl = ydl
        channel.send("started")
        info = ydl.extract_info(order["url"], download=not look)
        if look:
            ydl.ask_sizes(info or {})
            channel.send("info", info=summarize(info or {}))
        channel.send("done", path=ydl.path)


def _fail(channel: Channel, error: BaseException) -> None:
    from medianest_youtube.yt_dlp_process.classify import classify
    from medianest_youtube.yt_dlp_process.guarded import Refused

    if isinstance(error, Refused):
        channel.send("failed", failure=str(error.failure), detail=error.detail)
    else:
        channel.send("failed", failure=str(classify(error)), detail=f"{type(error).__name__}: {error}"[:2000])


def main() -> int:
    """The exit status says only whether there was an end at all; how it ended is in the last line sent."""
    renounce()
    channel = Channel()
    channel.listen()
    try:
        order = channel.receive()
        confine(order["parent"], order["max_file_bytes"], order["max_memory"])
        _run(order, channel)
    except (KeyboardInterrupt, EOFError):
        channel.send("failed", failure="cancelled", detail="interrupted")
        return 130
    except Exception as error:
        # Out of memory, there must be enough left to say so.
        breathe()
        traceback.clear_frames(error.__traceback__)
        _fail(channel, error)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    # Not `sys.exit`: threads of yt-dlp's that still wait on a socket must not keep a finished download from ending.
    os._exit(status)
