"""What is needed to try what is played: a household with something to play, the stream running, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import EventData, LinkedIdentity, Person, Role
from medianest_hub.plugin_api.errors import AuthFailed, HubError
from medianest_hub.testing import MemoryContext, make_lease, make_person
from medianest_plex.client.sessions import Item, Playing
from medianest_plex.events import PlayingStarted, PlayingStopped
from medianest_plex.library.state import read_server
from medianest_plex.playing import listening
from medianest_plex.settings import PlexSettings
from medianest_plex.streams import listen
from tests.simulators.plex.server import PlexSimulator

Ctx = MemoryContext[PlexSettings]
EventT = TypeVar("EventT", bound=EventData)


class RunningClock:
    """The machine's own time, for what runs by itself; `ahead` seconds are added to the time of day."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.ahead, UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def running(ctx: Ctx) -> Ctx:
    """The context on a clock that runs."""
    return replace(ctx, clock=RunningClock())


@contextlib.asynccontextmanager
async def watching(ctx: Ctx, fence: int = 1) -> AsyncIterator[asyncio.Task[None]]:
    """The stream running as in a worker, begun again whenever it ends, until the block does. Refused, it stays ended."""

    async def keep() -> None:
        while True:
            try:
                await listen(ctx, make_lease("listen", fence))
            except AuthFailed:
                raise
            except HubError:
                await asyncio.sleep(0.2)  # anything else is a mistake of ours

    task = asyncio.create_task(keep())
    try:
        yield task
    finally:
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, Exception) and not isinstance(outcome, AuthFailed):
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


def told(ctx: Ctx) -> list[tuple[str, str]]:
    """The events of playing, in their order: began or ended, and what."""
    names = {PlayingStarted: "started", PlayingStopped: "stopped"}
    return [
        (names[type(data)], data.played.title)
        for data, _ in ctx.events.emitted
        if isinstance(data, PlayingStarted | PlayingStopped)
    ]


def sent(ctx: Ctx, *, complete: bool) -> list[dict[str, Any]]:
    """What open pages were sent as `plex:playing`, to those who may see others or to everybody."""
    return [dict(one.data) for one in ctx.realtime.sent if one.event == "playing" and one.data["complete"] is complete]


async def rows(ctx: Ctx) -> dict[str, dict[str, Any]]:
    """What is kept, by key."""
    found = await ctx.db.fetch("SELECT * FROM plugin_plex.playing ORDER BY started_at, id")
    return {row["session_key"]: dict(row) for row in found}


async def shelve(ctx: Ctx, *sections: int) -> None:
    """These libraries have been synced."""
    for key in sections:
        await ctx.db.execute(
            "INSERT INTO plugin_plex.section (id, instance, section_key, kind, title) VALUES ($1, $2, $3, 'movie', $4)",
            *(uuid4(), ctx.instance, key, f"Library {key}"),
        )


def linked(ctx: Ctx, account: int, name: str, role: Role = Role.MEMBER, *rights: str) -> Person:
    """Somebody of the hub who has that Plex account."""
    person = ctx.people.add(make_person(name, role, *(rights or ("plex.browse",))))
    ctx.people.link(person.id, LinkedIdentity(provider="plex", subject=str(account), username=name))
    return person


def film(title: str = "Metropolis", key: int = 10, **fields: Any) -> Item:
    """A film, as a session has it."""
    given = {
        "rating_key": key, "section_key": 1, "kind": "movie", "title": title, "parent_title": "", "grandparent_title": "",
        "number": None, "parent_number": None, "year": 1927, "thumb": f"/library/metadata/{key}/thumb/1",
        "duration_ms": 9_000_000,
    }  # fmt: skip
    return Item(**{**given, **fields})


def session(key: str = "1", item: Item | None = None, **fields: Any) -> Playing:
    """A session of account 501 on a television."""
    given = {
        "account_id": 501, "account_name": "Fred", "player": "Apple TV", "player_id": "tv-1", "product": "Plex for Apple TV",
        "address": "192.0.2.11", "is_local": True, "state": "playing", "progress_ms": 0, "decision": "direct",
        "video_decision": None, "audio_decision": None, "resolution": "1080p", "bandwidth_kbps": 8000,
    }  # fmt: skip
    return Playing(session_key=key, item=item or film(), **{**given, **fields})


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses short enough to wait for; those between looks stay long, so that what is seen was told of."""
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr(listening, "_SHORTEST_PAUSE", 0.05)
    monkeypatch.setattr(listening, "_LONGEST_PAUSE", 0.2)
    monkeypatch.setattr(listening, "_MISSING_SECONDS", 0.1)
    monkeypatch.setattr("medianest_plex.playing.writing.MISSING_SECONDS", 0.05)


@contextlib.asynccontextmanager
async def settled(ctx: Ctx, plex: PlexSimulator, fence: int = 1) -> AsyncIterator[asyncio.Task[None]]:
    """The stream, with its connection open and the first looks done."""
    async with watching(ctx, fence) as task:
        await plex.reached(lambda: plex.listeners == 1 and len(plex.asked_of("sessions")) >= 2)
        await until(lambda: heard(ctx))
        yield task


async def heard(ctx: Ctx) -> bool:
    """Whether the server is."""
    return (await read_server(ctx.db, ctx.instance)).connected


async def trouble(ctx: Ctx) -> str:
    """What is said to be wrong."""
    return (await read_server(ctx.db, ctx.instance)).trouble


def news(ctx: Ctx, of: type[EventT]) -> list[EventT]:
    """The events of that type."""
    return [data for data, _ in ctx.events.emitted if isinstance(data, of)]


async def is_well(ctx: Ctx) -> bool:
    """Heard, and nothing is wrong."""
    return await heard(ctx) and not await trouble(ctx)


async def gone(ctx: Ctx) -> bool:
    """Whether nothing is played."""
    return not await rows(ctx)
