"""A hundred thousand items of a Plex library: how long a page of a list and a search take over HTTP, when all is warm."""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from benchmarks.people import admin_token
from benchmarks.rows import Row
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.database import Database
from medianest_hub.testing.hub import HubProcess, run_hub
from tests.simulators.plex.server import PlexSimulator

ITEMS = 100_000
ASKED = 400
WARM = 80
"""Requests before those that count: Postgres makes its plans, the hub its caches."""

_API = "/api/v1/plex"
_AT_ONCE = 10_000
_FILL = """
    WITH given AS (
        SELECT n, CASE WHEN n <= 40000 THEN 'movie' WHEN n <= 41000 THEN 'show' WHEN n <= 45000 THEN 'season'
                       WHEN n <= 95000 THEN 'episode' WHEN n <= 96000 THEN 'artist' ELSE 'album' END AS kind,
               power(random(), 2) AS a, power(random(), 2) AS b, power(random(), 2) AS c, random() AS d
          FROM generate_series($1::integer, $2::integer) AS n
    ), named AS (
        SELECT n, kind, d, CASE WHEN d < 0.25 THEN 'the ' ELSE '' END || w[1 + floor(a * cardinality(w))::integer] || ' '
               || w[1 + floor(b * cardinality(w))::integer]
               || CASE WHEN d > 0.4 THEN ' ' || w[1 + floor(c * cardinality(w))::integer] ELSE '' END AS title
          FROM given, (SELECT $3::text[] AS w) words
    )
    INSERT INTO plugin_plex.item
           (id, instance, section_key, rating_key, kind, guid, parent_key, grandparent_key, number, parent_number, title,
            sort_title, grandparent_title, words, year, summary, rating, genres, resolution, imdb, thumb, leaves, added_at,
            changed_at, run)
    SELECT gen_random_uuid(), 'main', CASE WHEN kind = 'movie' THEN 1 WHEN kind IN ('artist', 'album') THEN 3 ELSE 2 END, n,
           kind, 'plex://' || kind || '/' || n,
           CASE kind WHEN 'season' THEN 40001 + (n - 41001) / 4 WHEN 'episode' THEN 41001 + (n - 45001) * 2 / 25
                     WHEN 'album' THEN 95001 + (n - 96001) / 4 END,
           CASE kind WHEN 'episode' THEN 40001 + (n - 45001) / 50 END,
           CASE WHEN kind IN ('season', 'episode', 'album') THEN n % 13 END, CASE kind WHEN 'episode' THEN n % 4 END, title,
           regexp_replace(title, '^the ', ''), '', title, CASE WHEN d < 0.97 THEN 1930 + floor(d * 97)::integer END,
           repeat('What it is about, in a few words. ', 6), CASE WHEN d < 0.9 THEN round((d * 10)::numeric, 1) END,
           ARRAY[g[1 + n % cardinality(g)], g[1 + n / 7 % cardinality(g)]],
           (ARRAY['1080', '1080', '720', '4k', 'sd'])[1 + n % 5], CASE WHEN kind = 'movie' THEN 'tt' || n END,
           '/library/metadata/' || n || '/thumb/1700000000', CASE WHEN kind = 'season' THEN 12 END,
           now() - n * interval '7 minutes', now(), 1
      FROM named, (SELECT $4::text[] AS g) genres
"""
_GENRES = ["Drama", "Comedy", "Action", "Thriller", "Horror", "Romance", "Documentary", "Animation", "Crime", "War"]


def measure() -> list[Row]:
    """Rows for browsing and for searching; the 95th percentile of requests one after another."""
    plex = PlexSimulator()
    with plex.running(), _hub(plex) as hub:
        token = admin_token(hub)
        browsing, searching = asyncio.run(_measure(hub, token))
    return [
        _row(f"a page of a library of {ITEMS:,} items over HTTP, warm, p95", browsing, 20),
        _row("a search in it, p95", searching, 50),
    ]


def _row(what: str, took: Sequence[float], target: float) -> Row:
    note = f"median {statistics.median(took):.1f} ms, {max(took):.0f} ms at worst of {len(took)}"
    return Row(what, statistics.quantiles(took, n=20)[-1], target, "ms", note=note)


@contextmanager
def _hub(plex: PlexSimulator) -> Iterator[HubProcess]:
    # Without the owner's token nothing is synced, so the rows stay as they are put there.
    settings = {
        "plugins": {
            "blocked": ["youtube", "uptime_kuma", "hello"],
            "plex": {"url": plex.server_url, "plex_tv_url": plex.plex_tv_url, "app_url": plex.app_url},
        },
        "limits": {"api": "1000000/minute"},
    }
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as text, run_hub(Path(text), settings) as hub:
        yield hub


async def _measure(hub: HubProcess, token: str) -> tuple[list[float], list[float]]:
    db = await Database.connect(DataDir(hub.folder / "data").addresses()["MEDIANEST_DATABASE__URL"])
    try:
        await fill(db)
        rows = await db.fetch("SELECT id, title, kind FROM plugin_plex.item ORDER BY rating_key")
    finally:
        await db.close()
    ids = [str(row["id"]) for row in rows if row["kind"] in ("movie", "show", "season")]
    chance = random.Random(7)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(hub.url, headers=headers, raise_for_status=True) as session:
        browsing = await _timed(session, _pages(chance, ids), follow=True)
        searching = await _timed(session, _searches(chance, [row["title"] for row in rows]))
    return browsing, searching


async def fill(db: Database) -> None:
    """Put the items into the index of a hub that was started once."""
    chance = random.Random(1)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "il", "or", "us")]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(9000)]
    async with db.transaction() as tx:
        await tx.execute("SELECT setseed(0.5)")
        await tx.execute(
            """INSERT INTO plugin_plex.server (instance, machine_identifier, name, connected, since, heard_at, synced_at)
               VALUES ('main', 'bench0123456789', 'Bench', true, now(), now(), now())
               ON CONFLICT (instance) DO UPDATE SET machine_identifier = 'bench0123456789', heard_at = now()"""
        )
        for key, kind in ((1, "movie"), (2, "show"), (3, "artist")):
            await tx.execute(
                "INSERT INTO plugin_plex.section (id, instance, section_key, kind, title)"
                " VALUES (gen_random_uuid(), 'main', $1, $2, $2)",
                *(key, kind),
            )
        for first in range(1, ITEMS, _AT_ONCE):
            await tx.execute(_FILL, first, first + _AT_ONCE - 1, words, _GENRES)
    await db.execute("VACUUM ANALYZE plugin_plex.item")


def _pages(chance: random.Random, ids: Sequence[str]) -> Iterator[str]:
    """What somebody who browses asks for: each order, filters, further pages, single items, what is new."""
    asked = [
        {"sort": sort, "order": order, "limit": 50}
        for sort, order in itertools.product(("added", "title", "year", "rating"), ("asc", "desc"))
    ]
    asked += [{"genre": genre, "sort": "rating"} for genre in _GENRES[:4]]
    asked += [{"year_from": 1985, "year_to": 1989, "sort": "title"}, {"unwatched": "true"}, {"resolution": "4k"}]
    while True:
        yield f"{_API}/libraries/1/items?{urlencode(chance.choice(asked))}"
        yield f"{_API}/items/{chance.choice(ids)}"
        yield f"{_API}/libraries/2/items?{urlencode({'kind': chance.choice(('show', 'season', 'episode'))})}"
        yield f"{_API}/{chance.choice(('recently-added', 'libraries', 'collections'))}"


def _searches(chance: random.Random, titles: Sequence[str]) -> Iterator[str]:
    """What somebody types: a whole title, its first letters, a word of it, and all that with a mistake."""
    while True:
        title = chance.choice(titles)
        word = chance.choice(title.split())
        yield _search(title)
        yield _search(title[: chance.randint(2, len(title))])
        yield _search(word)
        yield _search(_mistyped(chance, word))
        yield _search(_mistyped(chance, title))


def _search(text: str) -> str:
    return f"{_API}/search?{urlencode({'q': text})}"


def _mistyped(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    return chance.choice(
        (
            text[:at] + text[at + 1 :] or text,
            text[:at] + chance.choice("aeinrst") + text[at:],
            text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :],
        )
    )


async def _timed(session: aiohttp.ClientSession, addresses: Iterator[str], *, follow: bool = False) -> list[float]:
    """Milliseconds each took with reading all of it; of lists, every other time, the next page as well."""
    took: list[float] = []
    for number, address in enumerate(addresses):
        if len(took) >= ASKED + WARM:
            break
        began = time.perf_counter()
        async with session.get(address) as answer:
            page = await answer.json()
        took.append((time.perf_counter() - began) * 1000)
        if follow and number % 2 == 0 and page.get("next_cursor"):
            began = time.perf_counter()
            async with session.get(f"{address}{'&' if '?' in address else '?'}cursor={page['next_cursor']}") as answer:
                await answer.read()
            took.append((time.perf_counter() - began) * 1000)
    return took[WARM:]
