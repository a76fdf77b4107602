"""A stranger's coroutine is waited for so long and no longer, whatever it does."""

from __future__ import annotations

import asyncio
import sys

import pytest

from medianest_hub.plugin_host import bounded
from medianest_hub.plugin_host.bounded import PluginExited, StillRunning, contained, within


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "UNHEEDING_SECONDS", 0.05)


async def unheeding(until: asyncio.Event) -> None:
    while not until.is_set():
        try:
            await until.wait()
        except asyncio.CancelledError:
            continue


async def test_what_ends_in_time_ends_as_it_wants_to() -> None:
    async def fails() -> None:
        raise LookupError("mine")

    await within(1, asyncio.sleep(0))
    with pytest.raises(LookupError):
        await within(1, fails())


async def test_what_takes_too_long_is_cancelled_and_may_clean_up() -> None:
    cleaned = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.set()

    with pytest.raises(StillRunning):
        await within(0.01, slow())
    assert cleaned.is_set()


async def test_what_ignores_being_cancelled_is_left_behind() -> None:
    release = asyncio.Event()
    async with asyncio.timeout(1):
        with pytest.raises(StillRunning):
            await within(0.01, unheeding(release))
    release.set()


async def test_cancelling_the_waiter_cancels_what_it_waits_for_and_waits_no_longer() -> None:
    release = asyncio.Event()
    waiter = asyncio.create_task(within(60, unheeding(release)))
    await asyncio.sleep(0)
    waiter.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await waiter
    release.set()


async def test_leaving_the_process_is_an_error_like_any_other() -> None:
    async def leaves() -> None:
        sys.exit(3)

    with pytest.raises(PluginExited):
        await within(1, leaves())
    with pytest.raises(PluginExited):
        await contained(leaves())
