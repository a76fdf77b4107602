"""Passes on how far a job is, at most four times a second, and never loses the last word; writes nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from medianest_hub.plugin_api.tasks import Progress

INTERVAL = 0.34
"""Seconds between two reports: three in a second, so that the final one at its own time makes at most four."""


class ProgressReporter:
    """The `job.progress` of one attempt. `send` is awaited with the latest value; what it raises is its own affair."""

    def __init__(self, send: Callable[[Progress], Awaitable[None]]) -> None:
        self._send = send
        self._latest: Progress | None = None
        self._sent_at = float("-inf")
        self._sending: asyncio.Task[None] | None = None
        self._closed = False

    async def __call__(self, fraction: float | None = None, text: str = "", **data: Any) -> None:
        """Report; returns at once."""
        if self._closed:
            return
        if fraction is not None:
            fraction = min(max(float(fraction), 0.0), 1.0) if fraction == fraction else None
        self._latest = Progress(fraction=fraction, text=text, data=data)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_latest(), name="job-progress")
        await asyncio.sleep(0)  # a handler that only reports still lets others run

    async def close(self) -> None:
        """Send what has not been sent; later reports are ignored."""
        self._closed = True
        if self._sending is not None and not self._sending.done():
            if self._latest is not None:
                self._sending.cancel()  # it is resting before the next report
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._latest is not None:
            value, self._latest = self._latest, None
            await self._send(value)

    async def _send_latest(self) -> None:
        loop = asyncio.get_running_loop()
        while self._latest is not None:
            wait = self._sent_at + INTERVAL - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            value, self._latest = self._latest, None
            self._sent_at = loop.time()
            await self._send(value)
