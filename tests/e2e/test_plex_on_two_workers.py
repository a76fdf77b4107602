"""Two workers listen to Plex by one connection; whatever becomes of its holder, what is played and what comes in is told once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.e2e.two_workers import Workers, two_workers, until
from tests.simulators.plex.server import PlexSimulator

STREAM = "plex:main:listen"
TAKE_OVER_SECONDS = 15.0


@pytest.fixture
def plex() -> Iterator[PlexSimulator]:
    with PlexSimulator().running() as simulator:
        yield simulator


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
def workers(tmp_path: Path, postgres_url: str, redis_url: str, plex: PlexSimulator) -> Iterator[Workers]:
    settings = {
        "MEDIANEST_PLUGINS__BLOCKED": '["youtube", "uptime_kuma", "hello"]',
        "MEDIANEST_PLUGINS__PLEX__URL": plex.server_url,
        "MEDIANEST_PLUGINS__PLEX__PLEX_TV_URL": plex.plex_tv_url,
        "MEDIANEST_PLUGINS__PLEX__APP_URL": plex.app_url,
        "MEDIANEST_PLUGINS__PLEX__TOKEN": plex.world.token(plex.world.owner),
    }
    with two_workers(tmp_path, postgres_url, redis_url, settings) as made:
        yield made


async def told(db: asyncpg.Connection[Any]) -> Counter[tuple[str, str]]:
    """How often other plugins were told of what, by the event and the title."""
    rows = await db.fetch("SELECT type, data FROM medianest.outbox WHERE source = 'plex'")
    told: Counter[tuple[str, str]] = Counter()
    for row in rows:
        data = json.loads(row["data"])
        told[row["type"].removeprefix("plex:"), data["played"]["title"] if "played" in data else data["title"]] += 1
    return told


async def titles(db: asyncpg.Connection[Any]) -> set[str]:
    return {row["title"] for row in await db.fetch("SELECT title FROM plugin_plex.item")}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_the_other_worker_listens_on_and_nothing_is_told_twice(db, plex, workers, end, record_property):
    metropolis, nosferatu = plex.add_movie("Metropolis"), plex.add_movie("Nosferatu")
    show = plex.add_show("Salt Road", seasons=1, episodes=2)

    async def is_read() -> bool:
        is_through = await db.fetchval("SELECT synced_at IS NOT NULL FROM plugin_plex.server")  # what comes now is news
        return plex.listeners == 1 and is_through and {"Metropolis", "Nosferatu", "Salt Road"} <= await titles(db)

    await until(is_read, 60)
    friend, owner = plex.world.friend("friend"), plex.world.owner
    first_play = plex.play(friend, metropolis)

    async def heard(event: str, title: str) -> bool:
        return (await told(db))[event, title] == 1

    await until(lambda: heard("playing.started", "Metropolis"))
    first = await workers.holder(db, STREAM)
    ended = time.monotonic()
    os.kill(first, end)
    plex.play(owner, nosferatu)
    await until(lambda: heard("playing.started", "Nosferatu"))  # by the stream, or by looking, which any worker does

    async def another_holds_it() -> bool:
        return await workers.holder(db, STREAM) != first

    await until(another_holds_it)
    took = time.monotonic() - ended
    record_property("shown", f"Plex's stream, its holder {end.name}: the other had it after {took:.1f} s")
    assert took < TAKE_OVER_SECONDS
    if end is signal.SIGSTOP:
        os.kill(first, signal.SIGCONT)
    await until(lambda: plex.listeners == 1)

    plex.end(first_play)
    await until(lambda: heard("playing.stopped", "Metropolis"))
    plex.add_season(show, episodes=6)
    expected = {
        ("playing.started", "Metropolis"): 1,
        ("playing.started", "Nosferatu"): 1,
        ("playing.stopped", "Metropolis"): 1,
    }
    if end is signal.SIGKILL:  # it takes a minute of quiet until what came in is told of; once is enough
        await until(lambda: heard("item.added", "Salt Road · Season 2"), 150)
        expected["item.added", "Salt Road · Season 2"] = 1
    assert await told(db) == expected
