"""Uptime Kuma simulated, in both its versions, and contexts of this plugin pointed at it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.plugin_api.errors import HubError
from medianest_hub.testing import ContextMaker, MemoryContext, make_lease
from medianest_uptime_kuma.settings import UptimeKumaSettings
from medianest_uptime_kuma.streams import watch

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.uptime_kuma.server import KumaSimulator

VERSIONS = ("1.23.17", "2.5.3")
USERNAME, PASSWORD = "admin", "Passw0rd123"
Ctx = MemoryContext[UptimeKumaSettings]
Make = Callable[..., Awaitable[Ctx]]


class RunningClock:
    """The machine's own time, for what runs by itself; `ahead` seconds are added to the time of day."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.ahead, UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.fixture(scope="session")
def medianest_plugin() -> str:
    return "uptime_kuma"


@pytest.fixture(params=VERSIONS)
def kuma(request: pytest.FixtureRequest) -> Iterator[KumaSimulator]:
    with KumaSimulator(request.param).running() as simulator:
        yield simulator


@pytest.fixture
def kuma2() -> Iterator[KumaSimulator]:
    """The newer one alone, where the version makes no difference."""
    with KumaSimulator().running() as simulator:
        yield simulator


@pytest.fixture
def make(context: ContextMaker) -> Make:
    """`await make(url, …)`: a context with a database; keyword arguments are fields of the settings."""

    async def make(url: str, **fields: Any) -> Ctx:
        made = await context(UptimeKumaSettings(url=url, **fields), database=True)
        return replace(made, clock=RunningClock())

    return make


@contextlib.asynccontextmanager
async def watching(ctx: Ctx, fence: int = 1) -> AsyncIterator[asyncio.Task[None]]:
    """The stream running as in a worker, begun again whenever it ends, until the block does."""

    async def keep() -> None:
        while True:
            with contextlib.suppress(HubError):  # anything else is a mistake of ours
                await watch(ctx, make_lease("watch", fence))
            await asyncio.sleep(0.2)

    task = asyncio.create_task(keep())
    try:
        yield task
    finally:
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome


async def until(check: Callable[[], Any | Awaitable[Any]], within: float = 10.0) -> Any:
    """What `check` answers, once that is something; it is asked again and again."""
    ends = time.monotonic() + within
    while True:
        found = check()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {within:g} s")
        await asyncio.sleep(0.02)


def sent(ctx: Ctx, event: str) -> list[dict[str, Any]]:
    """What open pages were told under that name."""
    return [dict(one.data) for one in ctx.realtime.sent if one.event == event]
