"""One search over a hundred thousand items of a Plex library and a service of requests, warm; and with a source that hangs."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from benchmarks.many_plugins import installed
from benchmarks.people import admin_token
from benchmarks.plex_browsing import ITEMS, fill
from benchmarks.rows import Row
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.database import Database
from medianest_hub.testing.distributions import plugin_source, write_distribution
from medianest_hub.testing.hub import HubProcess, run_hub
from tests.simulators.plex.server import PlexSimulator

TEXTS = 60
"""Different searches, each asked once before those that count."""

ASKED = 400
HUNG = 12
DEADLINE = 1.0
"""Seconds the hanging source may take."""

_WISHES = """
import asyncio
import hashlib

async def search(ctx: Context[PluginSettings], viewer: Viewer, text: str) -> list[MediaHit]:
    if ctx.plugin == "hanging":
        await asyncio.sleep(3600)
    await asyncio.sleep(0.2)
    first = int(hashlib.sha256(text.encode()).hexdigest()[:6], 16) % 40000
    return [hit(text, number) for number in range(first, first + 20)]

def hit(text: str, number: int) -> MediaHit:
    ask = Action(id="ask", title="Ask for it", path=f"/api/v1/wishes/requests/{number}", body={"is4k": False})
    return MediaHit(
        id=str(number), kind="movie", title=f"{text} {number}", year=1950 + number % 70, summary="What it is about. " * 12,
        popularity=number % 100 / 100, requestable=True, actions=[ask],
        external_ids={"tmdb": str(number + 1), "imdb": f"tt{number}"},
    )

async def details(ctx: Context[PluginSettings], viewer: Viewer, id: str) -> MediaHit | None:
    return None

@hookimpl
def hub_media_sources():
    return [MediaSource("titles", search, details, deadline={deadline})]
"""


def measure() -> list[Row]:
    """Rows for a search over HTTP, one after another: the 95th percentile, and what a hanging source makes of it."""
    plex = PlexSimulator()
    with plex.running(), _hub(plex) as hub:
        first, warm, hung = asyncio.run(_measure(hub, admin_token(hub)))
    note = f"median {statistics.median(warm):.1f} ms, {max(warm):.0f} ms at worst of {len(warm)}; asked for the first"
    return [
        Row(
            f"one search over {ITEMS:,} items of Plex and a service of requests, warm, p95",
            *(statistics.quantiles(warm, n=20)[-1], 60, "ms"),
            note=f"{note} time: {statistics.median(first):.0f} ms, of which the service of requests takes 200",
        ),
        Row(
            f"the same with a source that hangs, and may take {DEADLINE:g} s",
            *(max(hung), (DEADLINE + 0.15) * 1000, "ms"),
            note=f"the slowest of {len(hung)} searches for something new, each with that source named; "
            f"median {statistics.median(hung):.0f} ms",
        ),
    ]


@contextmanager
def _hub(plex: PlexSimulator) -> Iterator[HubProcess]:
    # Without the owner's token nothing is synced, so the rows stay as they are put there.
    settings = {
        "plugins": {
            "blocked": ["youtube", "uptime_kuma", "hello", "overseerr", "notify"],
            "plex": {"url": plex.server_url, "plex_tv_url": plex.plex_tv_url, "app_url": plex.app_url},
        },
        "limits": {"api": "1000000/minute"},
    }
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as text:
        plugins = Path(text) / "plugins"
        write_distribution(plugins, "wishes", plugin_source(_WISHES.replace("{deadline}", "3.0")))
        write_distribution(plugins, "hanging", plugin_source(_WISHES.replace("{deadline}", str(DEADLINE))))
        with installed(plugins), run_hub(Path(text) / "hub", settings) as hub:
            yield hub


async def _measure(hub: HubProcess, token: str) -> tuple[list[float], list[float], list[float]]:
    db = await Database.connect(DataDir(hub.folder / "data").addresses()["MEDIANEST_DATABASE__URL"])
    try:
        await fill(db)
        rows = await db.fetch("SELECT title FROM plugin_plex.item WHERE kind = 'movie' ORDER BY rating_key")
        chance = random.Random(7)
        typed = (_typed(chance, row["title"]) for row in chance.sample(list(rows), 2 * (TEXTS + HUNG)))
        texts = list(dict.fromkeys(typed))[: TEXTS + HUNG]
        async with aiohttp.ClientSession(
            hub.url, headers={"Authorization": f"Bearer {token}"}, raise_for_status=True
        ) as session:
            await _switch(session, "disable", "disabled")
            first = await _timed(session, texts[:TEXTS], {"ok"})
            warm = await _timed(session, chance.choices(texts[:TEXTS], k=ASKED), {"cached"})
            await _switch(session, "enable", "running")
            hung = await _timed(session, texts[TEXTS:], {"ok", "slow"})
    finally:
        await db.close()
    return first, warm, hung


def _typed(chance: random.Random, title: str) -> str:
    """A whole title, its first letters, or a word of it."""
    return chance.choice((title, title[: chance.randint(3, len(title))], chance.choice(title.split())))


async def _switch(session: aiohttp.ClientSession, verb: str, state: str) -> None:
    """`enable` or `disable` the plugin that hangs, and wait for it to be so."""
    async with session.post(f"/api/v1/plugins/hanging/{verb}"):
        pass
    async with asyncio.timeout(30):
        while True:
            async with session.get("/api/v1/plugins") as answer:
                cards = {card["name"]: card["state"] for card in (await answer.json())["items"]}
            if cards["hanging"] == state:
                return
            await asyncio.sleep(0.1)


async def _timed(session: aiohttp.ClientSession, texts: Iterable[str], states: set[str]) -> list[float]:
    """Milliseconds each search took with reading all of it; checks that all sources are in these states."""
    took: list[float] = []
    for text in texts:
        began = time.perf_counter()
        async with session.get(f"/api/v1/media/search?{urlencode({'q': text})}") as answer:
            found = await answer.json()
        took.append((time.perf_counter() - began) * 1000)
        if {source["state"] for source in found["sources"]} != states:
            raise RuntimeError(f"{text!r}: {found['sources']}")
    return took
