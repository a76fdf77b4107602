"""One item with what it holds and belongs to, collections and playlists, and what came in last."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import errors
from medianest_plex.settings import PlexSettings

from . import asking
from .asking import titles
from .shelf import ADA, MIA, MOVIES, MUSIC, SHOWS, TOM, Ctx, Shelf, furnish


@pytest.fixture
async def ctx(context) -> Ctx:
    there = {"second_name": "attic", "second_url": "http://attic.test:32400"}
    return await context(PlexSettings(url="http://plex.test:32400", **there), database=True)


@pytest.fixture
async def shelf(ctx) -> Shelf:
    return await furnish(ctx)


async def test_a_show_leads_to_its_seasons_and_they_to_their_episodes_and_back(ctx, shelf):
    show, (first, second), ((pilot, _), _) = await shelf.show("The Wire", [2, 1], tvdb="79126")
    await shelf.show("Another", [1])
    one = await asking.item(ctx, show.id)
    assert [child.id for child in one.children.items] == [first.id, second.id]
    assert (one.above, one.external_ids, one.leaves) == ([], {"tvdb": "79126"}, 3)
    season = await asking.item(ctx, first.id)
    assert [child.number for child in season.children.items] == [1, 2]
    assert [(up.id, up.kind) for up in season.above] == [(show.id, "show")]
    episode = await asking.item(ctx, pilot.id)
    assert [(up.id, up.title) for up in episode.above] == [(first.id, "Season 1"), (show.id, "The Wire")]
    assert episode.children.items == []
    assert (episode.show, episode.season, episode.number) == ("The Wire", 1, 1)


async def test_an_artist_leads_to_its_albums_also_where_they_have_no_number(ctx, shelf):
    artist = await shelf.add("artist", MUSIC, "Nina Simone")
    for title, number in (("B", None), ("A", 1), ("C", None)):
        await shelf.album(artist, title, number=number)
    await shelf.album(await shelf.add("artist", MUSIC, "Other"), "Other")
    assert titles((await asking.item(ctx, artist.id)).children) == ["A", "B", "C"]


async def test_many_children_come_in_pages(ctx, shelf):
    _, (season,), _ = await shelf.show("Daily", [7])
    found: list[Any] = []
    cursor = None
    while True:
        one = (await asking.item(ctx, season.id, limit=3, cursor=cursor)).children
        found += [child.number for child in one.items]
        cursor = one.next_cursor
        if cursor is None:
            break
    assert found == [1, 2, 3, 4, 5, 6, 7]
    _, (of_other,), _ = await shelf.show("Other", [4])
    cursor = (await asking.item(ctx, season.id, limit=3)).children.next_cursor
    for strange in (cursor, "x"):
        with pytest.raises(errors.BadInput):
            await asking.item(ctx, of_other.id, cursor=strange)


async def test_what_is_not_there_is_not_found_in_words(ctx, shelf):
    for call in (asking.item, asking.collection, asking.playlist):
        with pytest.raises(errors.NotFound) as refused:
            await call(ctx, uuid4())
        assert refused.value.message.startswith("There is no such")
    with pytest.raises(errors.NotFound):
        await asking.items(ctx, 99)


async def test_an_item_names_every_library_and_server_that_has_it(ctx, shelf):
    await shelf.section(4, "movie", "Movies 4K")
    await shelf.server("attic", machine="fffff000001111122222")
    await shelf.section(1, "movie", "Old films", "attic")
    one = await shelf.movie("Alien", guid="plex://movie/5d77", imdb="tt0078748", tmdb="348")
    sharp = await shelf.movie("Alien", section=4, guid="plex://movie/5d77")
    other = await shelf.movie("Alien", instance="attic", guid="com.plexapp.agents.imdb://tt0078748", tmdb="348")
    await shelf.movie("Aliens", instance="attic", guid="plex://movie/5d78", imdb="tt0090605")
    await shelf.show("Alien", instance="attic", section=1, tmdb="348")  # another thing of the same number
    found = await asking.item(ctx, one.id)
    assert [(there.instance, there.library) for there in found.places] == [
        ("main", "Movies"),
        ("main", "Movies 4K"),
        ("attic", "Old films"),
    ]
    assert found.places[1].href is not None
    assert found.places[1].href.endswith(f"%2F{sharp.key}")
    assert found.places[2].href == (
        f"https://app.plex.tv/desktop/#!/server/fffff000001111122222/details?key=%2Flibrary%2Fmetadata%2F{other.key}"
    )
    pictures = {(await asking.item(ctx, there.id)).image for there in (one, other)}
    assert len(pictures) == 2
    assert None not in pictures


async def test_home_videos_are_not_taken_for_each_other(ctx, shelf):
    await shelf.section(1, "movie", "Films", "attic")
    one = await shelf.movie("Birthday", guid="local://77")
    await shelf.movie("Wedding", instance="attic", guid="local://77")
    assert len((await asking.item(ctx, one.id)).places) == 1


async def test_while_it_is_not_known_which_server_it_is_there_is_no_link(ctx, shelf):
    one = await shelf.movie("Alien")
    await ctx.db.execute("UPDATE plugin_plex.server SET machine_identifier = ''")
    found = await asking.item(ctx, one.id)
    assert (found.href, found.places[0].href) == (None, None)


async def test_collections_and_playlists_hold_their_items_in_their_order(ctx, shelf):
    made = [await shelf.movie(f"Part {number}") for number in (3, 1, 2)]
    _, _, ((episode,),) = await shelf.show("The Wire", [1])
    trilogy = await shelf.group("collection", "Trilogy", made, MOVIES)
    await shelf.group("collection", "Another", made[:1], MOVIES)
    evening = await shelf.group("playlist", "Evening", [made[1], episode])
    await shelf.group("playlist", "Nothing here", [])
    listed = await asking.collections(ctx)
    assert [(one.title, one.size, one.library) for one in listed.items] == [
        ("Another", 1, MOVIES),
        ("Trilogy", 3, MOVIES),
    ]
    assert titles(await asking.collections(ctx, library=SHOWS)) == []
    one = await asking.collection(ctx, trilogy)
    assert titles(one.items) == ["Part 3", "Part 1", "Part 2"]
    assert [(one.title, one.size) for one in (await asking.playlists(ctx, ADA)).items] == [("Evening", 2)]
    assert titles((await asking.playlist(ctx, evening, ADA)).items) == ["Part 1", "Chapter 1"]
    with pytest.raises(errors.NotFound):
        await asking.playlist(ctx, trilogy, ADA)

    first = await asking.collection(ctx, trilogy, limit=2)
    rest = await asking.collection(ctx, trilogy, limit=2, cursor=first.items.next_cursor)
    assert titles(first.items) + titles(rest.items) == ["Part 3", "Part 1", "Part 2"]
    assert rest.items.next_cursor is None
    assert titles(await asking.collections(ctx, limit=1)) == ["Another"]
    second = await asking.collections(ctx, limit=1, cursor=(await asking.collections(ctx, limit=1)).next_cursor)
    assert (titles(second), second.next_cursor) == (["Trilogy"], None)
    for strange in ("x", first.items.next_cursor, second.next_cursor or "e30"):
        with pytest.raises(errors.BadInput):
            await asking.playlist(ctx, evening, ADA, cursor=strange)
        with pytest.raises(errors.BadInput):
            await asking.collections(ctx, cursor=strange)


async def test_somebody_sees_of_a_list_what_they_may_see_and_playlists_of_the_owners_only_as_an_admin(ctx, shelf):
    movie = await shelf.movie("Alien")
    _, _, ((episode,),) = await shelf.show("The Wire", [1])
    films = await shelf.group("collection", "Films", [movie], MOVIES)
    series = await shelf.group("collection", "Series", [episode], SHOWS)
    both = await shelf.group("playlist", "Both", [movie, episode])
    await shelf.share(MIA, SHOWS)
    assert titles(await asking.collections(ctx)) == ["Series"]
    assert titles((await asking.collection(ctx, series)).items) == ["Chapter 1"]
    assert titles(await asking.playlists(ctx)) == []
    for call, id in ((asking.collection, films), (asking.playlist, both)):
        with pytest.raises(errors.NotFound):
            await call(ctx, id)
    assert titles(await asking.playlists(ctx, TOM)) == []
    with pytest.raises(errors.NotFound):
        await asking.playlist(ctx, both, TOM)
    assert titles(await asking.playlists(ctx, ADA)) == ["Both"]
    assert titles((await asking.playlist(ctx, both, ADA)).items) == ["Alien", "Chapter 1"]


async def test_the_episodes_of_a_season_that_came_together_are_one_entry(ctx, shelf):
    show, (old, new), _ = await shelf.show("The Wire", [3, 4], minutes=1000)
    await shelf.movie("Alien", minutes=1010)
    await shelf.episode(show, old, 1, 4, minutes=90_000)
    artist = await shelf.add("artist", MUSIC, "Nina Simone", minutes=1020)
    await shelf.album(artist, "Pastel Blues", minutes=1021)
    found = await asking.recently_added(ctx)
    assert [(one.title, one.new, one.kind) for one in found.items] == [
        ("Chapter 4", 1, "episode"),  # one alone of a season that is long here
        ("Pastel Blues", 1, "album"),
        ("Alien", 1, "movie"),
        ("Season 2", 4, "season"),
    ]
    assert found.items[3].id == new.id
    assert found.items[3].show == "The Wire"
    assert titles(await asking.recently_added(ctx, library=MOVIES)) == ["Alien"]


async def test_what_came_in_is_paged_without_a_season_coming_twice(ctx, shelf):
    for number in range(6):
        await shelf.show(f"Show {number}", [3, 2], minutes=number * 10)
        await shelf.movie(f"Movie {number}", minutes=number * 10 + 5)
    found: list[Any] = []
    cursor = None
    while True:
        page = await asking.recently_added(ctx, limit=4, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len({one.id for one in found}) == len(found) == 18
    assert [one.added_at for one in found] == sorted((one.added_at for one in found), reverse=True)
    for strange in ("x", "e30", (await asking.items(ctx, limit=2)).next_cursor):
        with pytest.raises(errors.BadInput):
            await asking.recently_added(ctx, cursor=strange)


async def test_libraries_are_counted_and_marked_with_their_age(ctx, shelf):
    await shelf.show("The Wire", [2, 1])
    await shelf.movie("Alien")
    found = await asking.libraries(ctx)
    assert [(one.title, one.kind, one.counts) for one in found.items] == [
        ("Movies", "movie", {"movie": 1}),
        ("TV Shows", "show", {"episode": 3, "season": 2, "show": 1}),
        ("Music", "artist", {}),
    ]
    assert (found.freshness.stale, found.freshness.as_of) == (False, found.freshness.synced_at)


async def test_while_plex_is_away_everything_answers_and_says_how_old_it_is(ctx, shelf):
    movie = await shelf.movie("Alien")
    made = await shelf.group("collection", "Films", [movie], MOVIES)
    heard_at = (await asking.libraries(ctx)).freshness.as_of
    ctx.clock.advance(280)
    assert (await asking.items(ctx)).freshness.stale is False
    ctx.clock.advance(30)
    for answer in (
        await asking.libraries(ctx),
        await asking.items(ctx),
        await asking.item(ctx, movie.id),
        await asking.collections(ctx),
        await asking.collection(ctx, made),
        await asking.playlists(ctx),
        await asking.search(ctx, "alien"),
        await asking.search(ctx, "?"),
        await asking.recently_added(ctx),
        await asking.on_deck(ctx),
    ):
        assert (answer.freshness.stale, answer.freshness.as_of) == (True, heard_at), answer
    assert titles(await asking.search(ctx, "alien")) == ["Alien"]


async def test_before_anything_was_ever_read_everything_is_empty_and_stale(ctx):
    assert (await asking.libraries(ctx)).items == []
    assert (await asking.search(ctx, "alien")).items == []
    assert (await asking.recently_added(ctx)).items == []
    freshness = (await asking.libraries(ctx, ADA)).freshness
    assert (freshness.as_of, freshness.synced_at, freshness.stale) == (None, None, True)
