"""Lets monitors beat by themselves, each at its interval and spread over it; what a beat says is the script's business."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .world import Monitor, World

Said = tuple[int, str | None, float | None]
"""Status, message (None: the usual one) and ping in milliseconds."""
Script = Callable[[Monitor, float], Said | None]
"""Called with the monitor and the time in seconds since 1970; None is no beat this time."""
Record = Callable[[Monitor, int, str | None, float | None], Awaitable[None]]

TICK = 0.05
_SPREAD = 0.618


async def beating(world: World, script: Script, speed: float, record: Record) -> None:
    """Until it is cancelled."""
    loop = asyncio.get_running_loop()
    due: dict[int, float] = {}
    while True:
        now = loop.time()
        for monitor in list(world.monitors.values()):
            pause = monitor.interval / speed
            if now < due.setdefault(monitor.id, now + (monitor.id * _SPREAD % 1) * pause):
                continue
            due[monitor.id] = now + pause
            if monitor.active and not world.parent_inactive(monitor):
                said = script(monitor, world.now())
                if said is not None:
                    await record(monitor, *said)
        await asyncio.sleep(TICK)
