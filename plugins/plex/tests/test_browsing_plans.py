"""However many rows there are, lists and searches are led by indexes: no question reads all items."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from medianest_hub.plugin_api import Viewer
from medianest_plex import media_sources
from medianest_plex.settings import PlexSettings

from . import asking
from .shelf import MIA, MOVIES, SHOWS, Ctx, furnish

MANY = 20_000


@dataclass
class Asked:
    """A database that remembers what it was asked, and answers."""

    db: Any
    asked: list[tuple[str, tuple[Any, ...], bool]] = field(default_factory=list)
    tx: Any = None

    def __getattr__(self, name: str) -> Any:
        async def ask(sql: str, *args: Any) -> Any:
            self.asked.append((sql, args, self.tx is not None))
            return await getattr(self.tx or self.db, name)(sql, *args)

        return ask

    @asynccontextmanager
    async def transaction(self):
        async with self.db.transaction() as tx:
            self.tx = tx
            try:
                yield self
            finally:
                self.tx = None


@pytest.fixture
async def ctx(context) -> Ctx:
    ctx = await context(PlexSettings(url="http://plex.test:32400"), database=True)
    shelf = await furnish(ctx)
    await ctx.db.execute(
        """INSERT INTO plugin_plex.item
                  (id, instance, section_key, rating_key, kind, guid, parent_key, grandparent_key, number, title, sort_title,
                   words, year, rating, genres, resolution, imdb, added_at, changed_at, run)
           SELECT gen_random_uuid(), 'main', CASE WHEN n % 2 = 0 THEN 1 ELSE 2 END, n + 1000000,
                  CASE WHEN n % 2 = 0 THEN 'movie' WHEN n % 400 = 1 THEN 'show' WHEN n % 40 = 1 THEN 'season'
                       ELSE 'episode' END,
                  'plex://item/' || n,
                  CASE WHEN n % 2 = 0 OR n % 400 = 1 THEN NULL WHEN n % 40 = 1 THEN 1000001 + n / 400 * 400
                       ELSE 1000001 + n / 40 * 40 END,
                  CASE WHEN n % 2 = 0 OR n % 40 = 1 THEN NULL ELSE 1000001 + n / 400 * 400 END,
                  n % 40, t, t, t, 1950 + n % 70, (n % 100) / 10.0, ARRAY['genre ' || n % 50],
                  (ARRAY['4k', '1080', '720', 'sd'])[1 + n % 4], 'tt' || n, now() - n * interval '1 minute', now(), 1
             FROM (SELECT n, substr(md5(n::text), 1, 6) || ' ' || substr(md5('x' || n), 1, 7) AS t
                     FROM generate_series(1, $1) AS n) made""",
        MANY,
    )
    movie = await shelf.movie("Interstellar")
    await shelf.group("collection", "Space", [movie], MOVIES)
    await shelf.share(MIA, MOVIES, SHOWS)
    await shelf.saw(MIA, movie)
    await ctx.db.execute("ANALYZE")
    return replace(ctx, db=Asked(ctx.db))  # type: ignore[arg-type]


def scans(plan: dict[str, Any]) -> list[str]:
    """The tables that are read whole."""
    here = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return here + [name for below in plan.get("Plans", ()) for name in scans(below)]


async def plans(ctx: Any) -> list[tuple[str, list[str]]]:
    """What was asked of items since, and what would be read whole for it, planned as it was planned then."""
    found = []
    configured: tuple[str, tuple[Any, ...]] = ("SELECT 1", ())
    asked, ctx.db.asked = ctx.db.asked, []
    for sql, args, in_transaction in asked:
        if "set_config" in sql:
            configured = (sql, args)
        if "plugin_plex.item" not in sql:
            continue
        async with ctx.db.db.transaction() as tx:
            if in_transaction:
                await tx.execute(configured[0], *configured[1])
            else:  # as after some questions: planned once for all values
                await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            plan = json.loads(await tx.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *args))[0]["Plan"]
        found.append((sql, scans(plan)))
    assert found
    return found


async def check(ctx: Any, what: str) -> None:
    for sql, read_whole in await plans(ctx):
        assert "item" not in read_whole, f"{what}: {sql}"


async def test_lists_are_led_by_an_index_in_every_order_and_with_every_filter(ctx):
    for sort in ("added", "title", "year", "rating"):
        for order in ("asc", "desc"):
            page = await asking.items(ctx, MOVIES, sort=sort, order=order)
            await asking.items(ctx, MOVIES, sort=sort, order=order, cursor=page.next_cursor)
            await check(ctx, f"{sort} {order}")
    collection = (await asking.collections(ctx)).items[0].id
    for narrowed in (
        {"unwatched": True},
        {"genre": "genre 7"},
        {"genre": "none such"},
        {"resolution": "4k"},
        {"collection": collection},
        {"q": "interst"},
        {"year_from": 1990, "year_to": 1991, "sort": "year"},
    ):
        await asking.items(ctx, MOVIES, **narrowed)
        await check(ctx, str(narrowed))


async def test_no_list_is_sorted_that_an_index_holds_in_order(ctx):
    for sort in ("added", "title", "year", "rating"):
        for order in ("asc", "desc"):
            await asking.items(ctx, MOVIES, sort=sort, order=order)
            for sql, args, _ in ctx.db.asked:
                if "plugin_plex.item i" in sql:
                    plan = await ctx.db.db.fetchval(f"EXPLAIN {sql}", *args)
                    assert "Sort" not in plan
            ctx.db.asked.clear()


async def test_searches_are_led_by_an_index_however_little_is_typed(ctx):
    for typed in ("interstellar", "intersteler", "inter", "in", "i", "xyz qwe", "interstellar xyzzy"):
        await asking.search(ctx, typed)
        await check(ctx, typed)


async def test_single_items_what_is_new_and_collections_are_led_by_an_index(ctx):
    (show, *_) = (await asking.items(ctx, SHOWS)).items
    season = (await asking.item(ctx, show.id)).children.items[0]
    assert len((await asking.item(ctx, season.id)).children.items) > 3
    page = await asking.recently_added(ctx)
    await asking.recently_added(ctx, cursor=page.next_cursor)
    await asking.recently_added(ctx, library=SHOWS)
    await asking.collection(ctx, (await asking.collections(ctx)).items[0].id)
    await check(ctx, "single")


async def test_what_others_know_by_its_ids_is_found_by_an_index(ctx):
    known = {"tmdb": "9", "tvdb": "9", "imdb": "tt4", "musicbrainz": "9"}
    for ids in (known, {"imdb": "tt4"}, {"tmdb": "9"}):
        hit = await media_sources.LIBRARY.find(ctx, Viewer(person=MIA, role=MIA.role), "movie", ids)
        assert (hit is not None) == ("imdb" in ids)
        await check(ctx, str(ids))
