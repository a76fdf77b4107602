"""One step done again and again: when woken, after the pause it asked for, and with growing pauses while Postgres is away."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import structlog

from medianest_hub.infrastructure.database import is_transient

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 5.0


class Loop:
    """Calls `step`, which returns after how many seconds it wants to be called again at the latest. `run` never returns."""

    def __init__(self, name: str, step: Callable[[], Awaitable[float]]) -> None:
        self.name = name
        self.healthy = True
        """Whether the last step went well."""
        self._step = step
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Do the next step now; during a step: right after it."""
        self._woken.set()

    async def run(self) -> None:
        """Go on for ever; cancel it to end it."""
        failures = 0
        while True:
            self._woken.clear()
            try:
                pause = await self._step()
                failures, self.healthy = 0, True
            except Exception as error:
                failures += 1
                self._report(error, failures)
                self.healthy = False
                # Not even a wake-up shortens this: in an outage hints may come thick and fast.
                await asyncio.sleep(min(LONGEST_PAUSE, 0.25 * 2.0**failures) * (0.5 + 0.5 * random.random()))  # nosec B311 # noqa: S311
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    def _report(self, error: Exception, failures: int) -> None:
        if not is_transient(error):
            log.error("background_step_failed", loop=self.name, exc_info=error)
        elif failures == 1:
            log.warning("background_step_waits", loop=self.name, error=str(error))
