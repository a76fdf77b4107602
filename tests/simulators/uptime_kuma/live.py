"""Lets monitors beat by themselves, each at its interval and spread over it; what a check finds is the script's business."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .world import GROUP, Monitor, Status, World

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
                said = _said(world, script, monitor)
                if said is not None:
                    await record(monitor, *said)
        await asyncio.sleep(TICK)


def _said(world: World, script: Script, monitor: Monitor) -> Said | None:
    """Maintenance and groups are not checked: Kuma knows."""
    if world.in_maintenance(monitor):
        return Status.MAINTENANCE, None, None
    if monitor.type == GROUP:
        return _of_group(world, monitor)
    return script(monitor, world.now())


def _of_group(world: World, monitor: Monitor) -> Said:
    children = [world.monitors[number] for number in world.children(monitor)]
    lasts = [(one.name, one.last) for one in children if one.active]
    down = [name for name, last in lasts if last is not None and last.status is Status.DOWN]
    if not lasts:
        return Status.PENDING, "Group empty", None
    if down:
        return Status.DOWN, f"Child monitors down: {', '.join(down)}" if world.v2 else "Child inaccessible", None
    if any(last is None or last.status is Status.PENDING for _, last in lasts):
        return Status.PENDING, "Pending child monitors" if world.v2 else "Pending child inaccessible", None
    return Status.UP, None, 1 if world.v2 else None
