"""Lists of a library: each sort, each filter, pages without gaps or doubles, and cursors made up by others."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from medianest_hub.plugin_api import Person, errors
from medianest_plex.browsing.lists import ItemsQuery, items
from medianest_plex.browsing.models import Item, Items
from medianest_plex.browsing.sight import sight
from medianest_plex.settings import PlexSettings

from . import asking
from .shelf import ADA, MIA, MOVIES, MUSIC, SHOWS, Ctx, Shelf, furnish


@pytest.fixture
async def ctx(context) -> Ctx:
    return await context(PlexSettings(url="http://plex.test:32400"), database=True)


@pytest.fixture
async def shelf(ctx) -> Shelf:
    return await furnish(ctx)


async def page(ctx: Ctx, library: int = MOVIES, person: Person = MIA, **query: Any) -> Items:
    return await items(ctx, await sight(ctx, person), library, ItemsQuery(**query))


async def titles(ctx: Ctx, library: int = MOVIES, person: Person = MIA, **query: Any) -> list[str]:
    return [one.title for one in (await page(ctx, library, person, **query)).items]


async def all_pages(ctx: Ctx, **query: Any) -> list[Item]:
    found: list[Item] = []
    cursor = None
    while True:
        one = await page(ctx, cursor=cursor, **query)
        assert len(one.items) <= query["limit"]
        found += one.items
        cursor = one.next_cursor
        if cursor is None:
            return found


async def varied(shelf: Shelf, many: int = 23) -> None:
    """Movies with equal years and ratings among them, and some with neither."""
    for number in range(many):
        await shelf.movie(
            f"{chr(ord('A') + number * 7 % 26)} {number % 5}",
            year=None if number % 4 == 3 else 1990 + number % 3,
            rating=None if number % 5 == 4 else (number * 3 % 7) / 1.3,
            minutes=number // 2,
        )


KEYS = {
    "added": lambda one: one.added_at,
    "title": lambda one: one.title,
    "year": lambda one: one.year,
    "rating": lambda one: one.rating,
}


@pytest.mark.parametrize("sort", KEYS)
async def test_every_sort_goes_through_all_once_and_what_has_no_value_comes_last(ctx, shelf, sort):
    await varied(shelf)
    for order in ("asc", "desc"):
        for limit in (1, 4, 200):
            check(await all_pages(ctx, sort=sort, order=order, limit=limit), sort, order)


def check(found: list[Item], sort: str, order: str) -> None:
    assert len({one.id for one in found}) == len(found) == 23
    values = [KEYS[sort](one) for one in found]
    known = [value for value in values if value is not None]
    assert values[len(known) :] == [None] * (23 - len(known))
    # Titles by their sorted form, ratings as they are rounded for people.
    assert known == sorted(
        known, key=lambda value: str(value).lower() if sort == "title" else value, reverse=order == "desc"
    )


async def test_the_newest_come_first_and_titles_from_a_to_z_unless_said_otherwise(ctx, shelf):
    for title, year, rating in (("Beta", 2001, 5.0), ("alpha", 2003, 7.0), ("Gamma", 2002, 9.0)):
        await shelf.movie(title, year=year, rating=rating)
    assert await titles(ctx) == ["Gamma", "alpha", "Beta"]
    assert await titles(ctx, sort="title") == ["alpha", "Beta", "Gamma"]
    assert await titles(ctx, sort="year") == ["alpha", "Gamma", "Beta"]
    assert await titles(ctx, sort="rating") == ["Gamma", "alpha", "Beta"]


async def test_pages_miss_nothing_and_repeat_nothing_while_things_come_and_go(ctx, shelf):
    made = [await shelf.movie(f"Movie {number}") for number in range(10)]
    first = await page(ctx, limit=4)
    await shelf.movie("Brand new")
    await ctx.db.execute("DELETE FROM plugin_plex.item WHERE id = $1", first.items[-1].id)
    second = await page(ctx, limit=4, cursor=first.next_cursor)
    third = await page(ctx, limit=4, cursor=second.next_cursor)
    seen = [one.title for part in (first, second, third) for one in part.items]
    assert seen == [one.title for one in reversed(made)]
    assert third.next_cursor is None


async def test_a_page_that_is_just_full_has_no_page_after_it(ctx, shelf):
    for number in range(4):
        await shelf.movie(f"Movie {number}", year=None if number % 2 else 2000)
    for sort in KEYS:
        assert (await page(ctx, sort=sort, limit=4)).next_cursor is None
        assert (await page(ctx, sort=sort, limit=3)).next_cursor is not None


async def test_genres_are_those_of_what_a_library_lists_with_how_many_have_each(ctx, shelf):
    assert await asking.genres(ctx) == []
    await shelf.movie("Old", genres=["War", "drama"])
    await shelf.movie("New", genres=["drama", "Écran"])
    await shelf.show("The Wire", [1], genres=["Crime"])
    ctx.clock.advance(301)
    assert await asking.genres(ctx) == [("drama", 2), ("War", 1), ("Écran", 1)]
    assert await asking.genres(ctx, SHOWS) == [("Crime", 1)]
    await shelf.share(MIA, SHOWS)
    for library, query in ((MOVIES, {}), (99, {}), (SHOWS, {"server": "nowhere"})):
        with pytest.raises(errors.NotFound):
            await asking.genres(ctx, library, **query)


async def test_each_filter_leaves_what_fits_it(ctx, shelf):
    old = await shelf.movie("Old", year=1950, genres=["Drama", "War"], resolution="sd")
    await shelf.movie("New", year=2020, genres=["Drama"], resolution="4k")
    await shelf.movie("Unknown", genres=[], resolution="1080")
    classics = await shelf.group("collection", "Classics", [old], MOVIES)
    other = await shelf.group("playlist", "Classics too", [old])
    assert await titles(ctx, year_from=1950, year_to=1950) == ["Old"]
    assert await titles(ctx, year_from=1951) == ["New"]
    assert await titles(ctx, year_to=2019) == ["Old"]
    assert await titles(ctx, genre="Drama") == ["New", "Old"]
    assert await titles(ctx, genre="War") == ["Old"]
    assert await titles(ctx, genre="%") == []
    assert await titles(ctx, resolution="4K") == ["New"]
    assert await titles(ctx, resolution="1080p") == ["Unknown"]
    assert await titles(ctx, collection=classics) == ["Old"]
    assert await titles(ctx, collection=other) == []
    assert await titles(ctx, q="un") == ["Unknown"]
    assert await titles(ctx, q="n") == []  # a letter by itself is a word
    assert await titles(ctx, q="!?") == []
    assert await titles(ctx, genre="Drama", year_from=2000, q="new", resolution="4k") == ["New"]


async def test_a_filtered_list_is_paged_like_any_other(ctx, shelf):
    for number in range(12):
        await shelf.movie(f"Night {number}", genres=["War"] if number % 2 else [], year=1990 + number // 4)
    for sort in KEYS:
        found = await all_pages(ctx, sort=sort, genre="War", q="nig", limit=2)
        assert sorted(one.title for one in found) == sorted(f"Night {number}" for number in range(1, 12, 2))


async def test_unwatched_is_what_this_person_has_not_seen(ctx, shelf):
    seen = await shelf.movie("Seen")
    await shelf.movie("Not seen")
    await shelf.share(MIA, MOVIES)
    await shelf.saw(MIA, seen)
    assert await titles(ctx, unwatched=True) == ["Not seen"]
    assert {one.title: one.seen for one in (await page(ctx)).items} == {"Seen": True, "Not seen": False}
    # Of somebody without a Plex account nothing is known, and nobody else's counts for them.
    assert await titles(ctx, person=ADA, unwatched=True) == ["Not seen", "Seen"]
    assert {one.seen for one in (await page(ctx, person=ADA)).items} == {None}


async def test_seasons_and_episodes_of_all_shows_can_be_listed(ctx, shelf):
    await shelf.show("The Wire", [2, 1])
    assert await titles(ctx, SHOWS) == ["The Wire"]
    assert await titles(ctx, SHOWS, kind="season", sort="title") == ["Season 1", "Season 2"]
    assert len(await titles(ctx, SHOWS, kind="episode")) == 3
    (one, *_) = (await page(ctx, SHOWS, kind="episode", sort="added", order="asc")).items
    assert (one.show, one.season, one.number) == ("The Wire", 1, 1)
    for library, kind in ((MOVIES, "show"), (SHOWS, "movie"), (MUSIC, "track"), (MUSIC, "episode")):
        with pytest.raises(errors.BadInput) as refused:
            await page(ctx, library, kind=kind)
        assert refused.value.fields[0].field == "query.kind"


async def test_an_item_says_what_is_known_of_it(ctx, shelf):
    put = await shelf.movie(
        "Amélie", original_title="Le Fabuleux Destin", year=2001, rating=8.3, duration_ms=7_320_000, imdb="tt0211915"
    )
    (one,) = (await page(ctx)).items
    assert (one.id, one.library, one.kind, one.year, one.rating, one.seconds) == (put.id, 1, "movie", 2001, 8.3, 7320)
    assert one.external_ids == {"imdb": "tt0211915"}
    assert one.href == (
        "https://app.plex.tv/desktop/#!/server/a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2/details"
        f"?key=%2Flibrary%2Fmetadata%2F{put.key}"
    )
    assert one.image == "/api/v1/images/made-0"


def made_up(**fields: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


UUID = "00000000-0000-7000-8000-000000000000"
HOSTILE = [
    "x",
    "bm9wZQ==",
    "W10=",
    "é",
    "../../etc/passwd",
    made_up(),
    made_up(list="items added desc", value="2026-01-01T00:00:00+00:00"),
    made_up(list="items added desc", value="2026-01-01T00:00:00+00:00", id="1; DROP TABLE plugin_plex.item"),
    made_up(list="items added desc", value="yesterday", id=UUID),
    made_up(list="items added desc", value=7, id=UUID),
    made_up(list="items added desc", value=None, id=UUID),
    made_up(list="items added desc", value="0001-01-01T00:00:00+14:00", id=UUID),
    made_up(list="items added desc", value="9999-12-31T23:59:59-14:00", id=UUID),
    made_up(list="items added desc", value="2026-01-01T00:00:00+00:00", id=UUID, more=1),
    made_up(list="items title asc", value="a", id=UUID),
    made_up(list="items added asc", value="2026-01-01T00:00:00+00:00", id=UUID),
]


async def test_a_cursor_that_was_made_up_is_refused_with_words(ctx, shelf):
    for cursor in HOSTILE:
        with pytest.raises(errors.BadInput) as refused:
            await page(ctx, cursor=cursor)
        assert (refused.value.fields[0].field, refused.value.fields[0].code) == ("query.cursor", "bad_cursor")


NO_VALUES = {
    "year": ["2001", 2**31, -(2**31) - 1, 10**400, 1.5, "", {}],
    "rating": ["1", 1e31, float("inf"), float("nan"), 10**400, []],
    "title": [1, "a\0b", "\ud800", "a" * 2500],
}


async def test_values_no_row_could_have_are_refused(ctx, shelf):
    for sort, values in NO_VALUES.items():
        for value in values:
            cursor = made_up(list=f"items {sort} asc", value=value, id=UUID)
            with pytest.raises(errors.BadInput):
                await page(ctx, sort=sort, order="asc", cursor=cursor)


async def test_a_cursor_shows_nobody_what_they_may_not_see(ctx, shelf):
    for number in range(4):
        await shelf.movie(f"Movie {number}")
    cursor = (await page(ctx, person=ADA, limit=2)).next_cursor
    await shelf.share(MIA, SHOWS)
    with pytest.raises(errors.NotFound):
        await page(ctx, cursor=cursor)
