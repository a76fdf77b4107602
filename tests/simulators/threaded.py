"""Runs a simulator's server on a loop in a thread of its own, beside whoever tests or tries something with it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator


@contextlib.contextmanager
def in_a_thread(
    name: str, serve: Callable[[threading.Event], Awaitable[None]], end: Callable[[], object]
) -> Iterator[asyncio.AbstractEventLoop]:
    """Yields the loop on which `serve` runs, from when it has set its event; then `end` is called there, to have it return.

    Tasks it leaves behind are cancelled. What it raises before its event is raised here; later, it fails the test.
    """
    started, failed = threading.Event(), []
    loop = asyncio.new_event_loop()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(_served(serve, started))
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    started.wait()
    if failed:
        raise failed[0]
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(end)
        thread.join()
    assert failed == []


async def _served(serve: Callable[[threading.Event], Awaitable[None]], started: threading.Event) -> None:
    try:
        await serve(started)
    finally:
        leftover = asyncio.all_tasks() - {asyncio.current_task()}
        for task in leftover:
            task.cancel()
        await asyncio.gather(*leftover, return_exceptions=True)
