"""What tests of the ways in ask of what was kept, and how they hurry those that ask again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from medianest_hub.infrastructure.http_client.breaker import Breaker
from medianest_hub.testing import make_lease
from medianest_uptime_kuma import store
from medianest_uptime_kuma.ledger.source import Source, read
from medianest_uptime_kuma.models import Monitor, Status
from medianest_uptime_kuma.streams import watch

from .conftest import Ctx

HURRIED = 0.3
"""Seconds between two looks of a hurried way in."""

QUICK = 0.15
"""The same where many faults are tried one after the other."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses between looks be short; for the metrics, `hurried` does the rest."""
    monkeypatch.setattr("medianest_uptime_kuma.ways.polling.TICK_SECONDS", 0.05)
    monkeypatch.setattr("medianest_uptime_kuma.ways.polling.SHORTEST_SECONDS", 0.05)
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("medianest_uptime_kuma.ways.metrics._AGAIN_SECONDS", HURRIED)
    for way in ("metrics", "status_page", "live"):
        monkeypatch.setattr(f"medianest_uptime_kuma.ways.{way}.LOOK_SECONDS", HURRIED)


def be_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines short enough to wait for, caps small enough to send more, and a breaker that tries again at once."""
    hurry(monkeypatch)
    patched = {
        "client.web._DEADLINE": 0.8,
        "client.web._METRICS_CAP": 300_000,
        "client.web._BEATS_CAP": 300_000,
        "client.live._DEADLINE": 0.8,
        "client.live._SILENCE_SECONDS": 0.2,
        "client.socket._CONNECT_SECONDS": 0.8,
        "client.socket.LARGEST_MESSAGE": 300_000,
        "ways.live._LIST_SECONDS": 0.8,
        "ways.live._FLUSH_SECONDS": 0.2,
        "ways.status_page.LOOK_SECONDS": QUICK,
    }
    for name, value in patched.items():
        monkeypatch.setattr(f"medianest_uptime_kuma.{name}", value)
    monkeypatch.setattr(
        "medianest_hub.infrastructure.http_client.clients.Breaker", partial(Breaker, cool_down=0.1, longest=0.2)
    )


def hurried(ctx: Ctx, seconds: float = HURRIED) -> Ctx:
    """The same with so many seconds between two looks at the metrics, fewer than anybody may set."""
    return replace(ctx, settings=ctx.settings.model_copy(update={"poll_seconds": seconds}))


def with_fields(ctx: Ctx, **fields: Any) -> Ctx:
    """The same hub and database with other settings, as after a change of them."""
    given = {**ctx.settings.model_dump(exclude={"poll_seconds"}), **fields}
    return hurried(replace(ctx, settings=type(ctx.settings)(**given)))


@contextlib.asynccontextmanager
async def reading(ctx: Ctx, fence: int = 1) -> AsyncIterator[asyncio.Task[None]]:
    """The stream running once: unlike in a worker it is not begun again should it end."""
    task = asyncio.create_task(watch(ctx, make_lease("watch", fence)))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def monitors(ctx: Ctx, *, everything: bool = True) -> dict[str, Monitor]:
    """Those that are kept, by name."""
    seen = await store.sight(ctx, everything=everything)
    return {one.name: one for one in await store.everything(ctx, seen, 1000)}


async def statuses(ctx: Ctx) -> dict[str, Status]:
    """How each is, by name."""
    return {name: one.status for name, one in (await monitors(ctx)).items()}


async def is_now(ctx: Ctx, name: str, status: Status) -> Monitor | None:
    """The monitor if it is in that status."""
    found = (await monitors(ctx)).get(name)
    return found if found is not None and found.status is status else None


async def is_kept_as(ctx: Ctx, name: str, status: Status) -> bool:
    """Whether it was found to be so last, also while nothing is believed."""
    found = (await monitors(ctx)).get(name)
    return found is not None and found.details is not None and found.details.last_status is status


async def source_of(ctx: Ctx) -> Source:
    """How it stands with Uptime Kuma."""
    return await read(ctx.db, "main")


async def trouble(ctx: Ctx, words: str = "") -> str:
    """What is wrong with Uptime Kuma, once it is, if these words are in it."""
    found = (await source_of(ctx)).trouble
    return found if words in found else ""


async def is_well(ctx: Ctx) -> bool:
    """Whether Uptime Kuma is heard and nothing is wrong."""
    source = await source_of(ctx)
    return source.connected and not source.trouble


def logged(ctx: Ctx, event: str) -> int:
    """How often that was logged."""
    return sum(line.event == event for line in ctx.log.lines)
