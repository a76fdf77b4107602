"""What the parts of one sync share: the client, the pace, how much changed, and when to stop. Does no part itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import UpstreamTimeout
from medianest_hub.plugin_api.tasks import ReportProgress
from medianest_plex.client.library import PlexLibrary
from medianest_plex.library.rows import Written
from medianest_plex.settings import PlexSettings

LONGEST_PAUSE: Final = 10.0
SMALLEST_PAGE: Final = 20

ResultT = TypeVar("ResultT")


class OutOfTime(Exception):
    """The sync has worked for long enough at a stretch; another one goes on where it stopped."""


def pause_after(took: float) -> float:
    """Seconds to leave the server in peace after a call that took so long: half as long, so that it grows with its load."""
    return min(took / 2, LONGEST_PAUSE)


def chunks(keys: Collection[int], size: int) -> Iterator[list[int]]:
    """The keys in order, so many at a time."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


@dataclass(slots=True)
class Run:
    """One attempt of one sync. `ends` is by the context's monotonic clock."""

    ctx: Context[PlexSettings]
    client: PlexLibrary
    report: ReportProgress
    ends: float
    page_size: int
    fresh: int = 0
    changed: int = 0
    removed: int = 0
    left_out: int = 0
    """Entries of lists that did not fit, counted each time they came."""
    hinted_gone: set[int] = field(default_factory=set)
    """What the server was said to have deleted, and does not find."""

    async def ask(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """The answer, and then a pause. Raises `OutOfTime` instead of asking when time is up."""
        clock = self.ctx.clock
        if clock.monotonic() >= self.ends:
            raise OutOfTime
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await call()
        finally:
            await asyncio.sleep(pause_after(loop.time() - began))

    async def ask_page(self, call: Callable[[int], Awaitable[ResultT]]) -> ResultT:
        """The same for a page: `call` is given how many to ask for, which is halved while the server is too slow for it."""
        while True:
            try:
                return await self.ask(lambda: call(self.page_size))
            except UpstreamTimeout:
                if self.page_size <= SMALLEST_PAGE:
                    raise
                self.page_size = max(self.page_size // 2, SMALLEST_PAGE)

    def note(self, written: Written) -> None:
        """Count what was written."""
        self.fresh += written.fresh
        self.changed += written.changed

    @property
    def has_changed(self) -> bool:
        """Whether lists look any different now."""
        return bool(self.fresh or self.changed or self.removed)
