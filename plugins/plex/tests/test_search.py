"""Searching: accents, capitals, beginnings, mistakes, what comes first, and one thing in several places."""

from __future__ import annotations

import pytest

from medianest_plex.browsing.words import likeness, swapped, words
from medianest_plex.settings import PlexSettings

from . import asking
from .asking import titles
from .shelf import MIA, MOVIES, MUSIC, SHOWS, Ctx, Shelf, furnish


@pytest.fixture
async def ctx(context) -> Ctx:
    there = {"second_name": "attic", "second_url": "http://attic.test:32400"}
    return await context(PlexSettings(url="http://plex.test:32400", **there), database=True)


@pytest.fixture
async def shelf(ctx) -> Shelf:
    return await furnish(ctx)


async def found(ctx: Ctx, q: str, **query) -> list[str]:
    return titles(await asking.search(ctx, q, **query))


async def test_accents_capitals_and_punctuation_make_no_difference(ctx, shelf):
    for title in ("Amélie", "Schindler's List", "WALL·E", "Škola", "Spider-Man", "Война и мир", "千と千尋の神隠し"):
        await shelf.movie(title)
    for typed, title in (
        ("amelie", "Amélie"),
        ("AMÉLIE", "Amélie"),
        ("schindlers list", "Schindler's List"),
        ("wall e", "WALL·E"),
        ("skola", "Škola"),
        ("spider man", "Spider-Man"),
        ("spiderman", "Spider-Man"),
        ("война", "Война и мир"),
        ("千尋", "千と千尋の神隠し"),
    ):
        assert await found(ctx, typed) == [title], typed


async def test_words_are_found_from_their_first_letters_in_any_order(ctx, shelf):
    await shelf.movie("The Lord of the Rings")
    await shelf.movie("Lords of Dogtown")
    await shelf.movie("Elsewhere")
    assert await found(ctx, "lord ri") == ["The Lord of the Rings"]
    assert await found(ctx, "rings lord") == ["The Lord of the Rings"]
    assert set(await found(ctx, "lo")) == {"The Lord of the Rings", "Lords of Dogtown"}
    assert await found(ctx, "gs") == []


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("intersteler", "Interstellar"),
        ("intestellar", "Interstellar"),
        ("interstellarr", "Interstellar"),
        ("aline", "Alien"),
        ("alein", "Alien"),
        ("alian", "Alien"),
        ("the godfahter", "The Godfather"),
        ("teh godfather", "The Godfather"),
        ("casablanka", "Casablanca"),
    ],
)
async def test_a_mistake_in_a_word_is_borne(ctx, shelf, typed, title):
    for one in ("Interstellar", "Alien", "The Godfather", "Casablanca", "Inception", "Allied", "Gold"):
        await shelf.movie(one)
    assert (await found(ctx, typed))[0] == title


async def test_what_is_called_so_comes_first_then_what_begins_so_then_what_is_liked(ctx, shelf):
    await shelf.movie("The Alien Within", rating=9.9)
    await shelf.movie("Aliens", rating=8.4)
    await shelf.movie("Alien", rating=8.5)
    await shelf.movie("Alien Nation", rating=6.0)
    await shelf.show("Alien", [], rating=3.0)
    assert await found(ctx, "alien") == ["Alien", "Alien", "Aliens", "Alien Nation", "The Alien Within"]
    hits = (await asking.search(ctx, "alien")).items
    assert [one.kind for one in hits[:2]] == ["movie", "show"]
    assert [one.score for one in hits] == sorted((one.score for one in hits), reverse=True)
    assert hits[0].score == 1.0


async def test_of_equals_the_better_liked_and_then_the_newer_comes_first(ctx, shelf):
    await shelf.movie("Night Train", rating=5.0, minutes=1)
    await shelf.movie("Night Bus", rating=7.0, minutes=2)
    await shelf.movie("Night Bird", minutes=3)
    await shelf.movie("Night Boat", minutes=4)
    assert await found(ctx, "night") == ["Night Bus", "Night Train", "Night Boat", "Night Bird"]


async def test_the_exact_title_is_found_among_more_than_are_looked_at(ctx, shelf):
    await ctx.db.execute(
        """INSERT INTO plugin_plex.item
                  (id, instance, section_key, rating_key, kind, title, sort_title, words, rating, added_at, changed_at, run)
           SELECT gen_random_uuid(), 'main', 1, 10000 + n, 'movie', 'The ' || n, 'the ' || n, 'the ' || n, 9, now(), now(), 1
             FROM generate_series(1, 3000) n"""
    )
    await shelf.movie("The", rating=1.0)
    assert (await found(ctx, "the"))[0] == "The"


async def test_a_show_comes_before_its_episodes_and_only_one_kind_if_wanted(ctx, shelf):
    await shelf.show("The Wire", [2])
    await shelf.add("album", MUSIC, "The Wire soundtrack")
    assert (await found(ctx, "the wire"))[:2] == ["The Wire", "The Wire soundtrack"]
    assert await found(ctx, "the wire", kind="show") == ["The Wire"]
    assert await found(ctx, "wire chapter", kind="episode") == ["Chapter 2", "Chapter 1"]
    assert len(await found(ctx, "wire", limit=2)) == 2


async def test_the_original_title_finds_it_too(ctx, shelf):
    await shelf.movie("Spirited Away", original_title="Sen to Chihiro no kamikakushi")
    assert await found(ctx, "chihiro") == ["Spirited Away"]


async def test_nothing_typed_or_nothing_but_signs_finds_nothing(ctx, shelf):
    await shelf.movie("M")
    await shelf.movie("100% Wolf")
    for typed in ("", "  ", "%", "_", "\\", "'; DROP TABLE plugin_plex.item; --"[:2], "!?"):
        assert await found(ctx, typed) == []
    assert await found(ctx, "100%") == ["100% Wolf"]
    assert await found(ctx, "m") == ["M"]
    assert await found(ctx, "\\x") == []
    assert await found(ctx, "'; DROP TABLE plugin_plex.item; --") == []


async def test_one_thing_in_two_libraries_and_on_two_servers_is_one_hit(ctx, shelf):
    await shelf.section(4, "movie", "Movies 4K")
    await shelf.server("attic", machine="fffff000001111122222")
    await shelf.section(7, "movie", "Old films", "attic")
    await shelf.movie("Alien", imdb="tt1", rating=5.0)
    await shelf.movie("Alien", section=4, imdb="tt1", rating=4.0)
    await shelf.movie("Alien", instance="attic", section=7, imdb="tt1", rating=9.0)
    await shelf.movie("Alien 3", instance="attic", section=7, tmdb="8077")
    (alien, third) = (await asking.search(ctx, "alien")).items
    assert (alien.instance, [(one.instance, one.library) for one in alien.places]) == (
        "main",
        [("main", "Movies"), ("main", "Movies 4K"), ("attic", "Old films")],
    )
    assert len({one.href for one in alien.places}) == 3
    assert (third.title, third.instance, third.image is not None) == ("Alien 3", "attic", True)


async def test_nobody_finds_what_they_may_not_see(ctx, shelf):
    await shelf.section(7, "movie", "Old films", "attic")
    await shelf.movie("Alien", imdb="tt1")
    await shelf.movie("Alien", instance="attic", section=7, imdb="tt1")
    await shelf.show("Alien Worlds", [1])
    await shelf.share(MIA, SHOWS)
    assert await found(ctx, "alien", kind="show") == ["Alien Worlds"]
    assert "Alien" not in await found(ctx, "alien")
    await shelf.share(MIA, MOVIES)
    (one,) = (await asking.search(ctx, "alien")).items
    assert [there.instance for there in one.places] == ["main"]
    await shelf.share(MIA, 7, instance="attic")
    (one,) = (await asking.search(ctx, "alien")).items
    assert [there.instance for there in one.places] == ["main", "attic"]


async def test_very_long_and_odd_texts_are_borne(ctx, shelf):
    await shelf.movie("Alien")
    for typed in (
        "alien " * 33,
        "a" * 200,
        "é" * 200,
        "\u202e\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ):
        await asking.search(ctx, typed[:200])


def test_words_are_counted_and_how_wrong_one_may_be_depends_on_its_length():
    assert words("The, Lord! of the Rings and so on and so forth") == [
        "the",
        "lord",
        "of",
        "the",
        "rings",
        "and",
        "so",
        "on",
    ]
    assert [likeness(word) for word in ("a", "abc")] == [None, None]
    assert likeness("abcd") < likeness("abcdef") < likeness("abcdefg")
    assert "ocean%" in swapped("ocaen")
    assert swapped("ab") == swapped("aaaa") == swapped("abcdefgh") == []


async def test_what_shares_a_place_is_one_hit_but_never_with_another_tmdb(shelf):
    """The second is known by the ids of both others; the last two share an id that one of them has wrongly."""
    await shelf.movie("Solaris", imdb="tt1")
    await shelf.movie("Solaris", imdb="tt1", musicbrainz="m1", section=SHOWS)
    await shelf.movie("Solaris", musicbrainz="m1", section=MUSIC)
    await shelf.movie("Stalker", imdb="tt2", tmdb="1")
    await shelf.movie("Stalker", imdb="tt2", tmdb="2", section=SHOWS)
    found = (await asking.search(shelf.ctx, "solaris")).items
    assert [len(one.places) for one in found] == [3]
    found = (await asking.search(shelf.ctx, "stalker")).items
    assert [len(one.places) for one in found] == [1, 1]
