"""Runs a stranger's coroutine for a limited time, whatever it does about being cancelled; knows no plugin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

ResultT = TypeVar("ResultT")

UNHEEDING_SECONDS = 1.0
"""How long something cancelled may take to end before it is left to itself."""


class StillRunning(TimeoutError):
    """It did not end in time; it was cancelled, and if it ignores that, it is left to itself."""


class PluginExited(Exception):
    """The plugin's code asked the process to exit; only its own call ends."""


async def contained(call: Awaitable[ResultT]) -> ResultT:
    """Await a plugin's coroutine; `sys.exit()` in it becomes `PluginExited`, as it would end the event loop."""
    try:
        return await call
    except (SystemExit, KeyboardInterrupt) as error:
        raise PluginExited(f"it raised {type(error).__name__}") from error


async def within(limit: float, step: Awaitable[None]) -> None:
    """Await `step` for at most `limit` seconds. Raises what it raises, or `StillRunning`.

    Unlike `asyncio.timeout`, this ends also when `step` swallows its cancellation.
    """
    task = asyncio.ensure_future(contained(step))
    try:
        done, _ = await asyncio.wait({task}, timeout=limit)
    except asyncio.CancelledError:
        await _give_up(task)
        raise
    if not done:
        await _give_up(task)
        raise StillRunning
    task.result()


async def _give_up(task: asyncio.Future[None]) -> None:
    task.cancel()
    task.add_done_callback(_forget)
    await asyncio.wait({task}, timeout=UNHEEDING_SECONDS)


def _forget(task: asyncio.Future[None]) -> None:
    if not task.cancelled():
        task.exception()  # taken, so that nothing complains of it later
