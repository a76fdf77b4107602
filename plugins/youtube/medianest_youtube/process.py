"""Starts yt-dlp's process, talks with it in lines of JSON, and makes sure nothing of it is left; judges nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

from medianest_youtube import tools

STOP_SECONDS: Final = 2.5
_LINE_BYTES = 4 << 20
_STDERR_BYTES = 8 << 10


class YtDlpProcess:
    """One run of `medianest_youtube.yt_dlp_process`, in a session of its own. Use `async with YtDlpProcess.start(…)`.

    `pid` is also the id of its process group, in which ffmpeg and the JavaScript runtime are too.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stderr = b""
        self._draining = asyncio.ensure_future(self._drain())

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls,
        *,
        folder: Path,
        url: str,
        look: bool,
        params: Mapping[str, Any],
        max_file_bytes: int,
        max_memory: int,
        lock: int | None = None,
    ) -> AsyncIterator[YtDlpProcess]:
        """Run it in `folder`; with `look` nothing is downloaded. `lock` is a file descriptor it shall hold open."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "medianest_youtube.yt_dlp_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
            limit=_LINE_BYTES,
        )
        running = cls(process)
        try:
            order = {"url": url, "look": look, "folder": str(folder), "params": params, "parent": os.getpid()}
            await running.send({**order, "max_file_bytes": max_file_bytes, "max_memory": max_memory})
            yield running
        finally:
            await asyncio.shield(running.stop())

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal, None while it runs."""
        return self._process.returncode

    @property
    def stderr(self) -> str:
        """The end of what it and its children printed."""
        return self._stderr.decode("utf-8", "replace").strip()

    async def send(self, message: Mapping[str, Any]) -> None:
        """Say something to it; if it has ended, that shows in `messages`."""
        if self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, OSError):
                self._process.stdin.write(json.dumps(message).encode() + b"\n")
                await self._process.stdin.drain()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What it says, until it has ended. Anything that is not a message is left out."""
        if self._process.stdout is None:
            return
        while line := await self._process.stdout.readline():
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    yield message
        await self._process.wait()

    async def stop(self) -> None:
        """End the whole group: asked first, then made to. Returns when none of it is left."""
        if self._process.returncode is None:
            self._signal(signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
        # Also after a good end: a child that outlived yt-dlp has nothing left to do.
        while self._signal(signal.SIGKILL):  # noqa: ASYNC110 - the kernel tells nobody when a group is empty
            await asyncio.sleep(0.02)
        await self._process.wait()
        self._draining.cancel()
        await asyncio.gather(self._draining, return_exceptions=True)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> bool:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    async def _drain(self) -> None:
        if self._process.stderr is not None:
            while piece := await self._process.stderr.read(_STDERR_BYTES):
                self._stderr = (self._stderr + piece)[-_STDERR_BYTES:]


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no proxies, no certificates, no home with configuration in it, no plugins."""
    home = str(folder / "home")
    return {
        "LC_ALL": "C.UTF-8",
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_CACHE_HOME": home,
        "TMPDIR": str(folder),
        "DENO_DIR": home,
        "DENO_NO_UPDATE_CHECK": "1",
        "YTDLP_NO_PLUGINS": "1",
        "PATH": "",
    }


def program_parameters() -> dict[str, Any]:
    """The yt-dlp parameters that name the programs it may start."""
    deno = tools.find_deno()
    return {
        "ffmpeg_location": tools.find_ffmpeg() or "",
        "js_runtimes": {"deno": {"path": deno}} if deno else {},
    }
