"""The tiles and the hub's search: what they show, to whom, and that they answer while Plex is away."""

from __future__ import annotations

from uuid import uuid4

import pytest

from medianest_hub.plugin_api import PERSON, Tone, Viewer, errors
from medianest_plex import media_sources, widgets
from medianest_plex.library.state import heard, lost
from medianest_plex.settings import PlexSettings

from .shelf import ADA, MIA, MOVIES, MUSIC, SHOWS, Ctx, Shelf, furnish


@pytest.fixture
async def ctx(context) -> Ctx:
    return await context(PlexSettings(url="http://plex.test:32400"), database=True)


@pytest.fixture
async def shelf(ctx) -> Shelf:
    return await furnish(ctx)


def of(person) -> Viewer:
    return Viewer(person=person, role=person.role)


async def test_what_came_in_is_a_row_of_cards_of_what_one_may_see(ctx, shelf):
    await shelf.movie("Alien", year=1979, minutes=40)
    artist = await shelf.add("artist", MUSIC, "Nina Simone")
    await shelf.album(artist, "Pastel Blues", minutes=30)
    show, (season,), _ = await shelf.show("The Wire", [3], minutes=20)
    _, _, ((single,),) = await shelf.show("Dark", [1], minutes=10)
    row = await widgets.recently_added(ctx, of(ADA))
    assert [(card.title, card.subtitle, card.badge) for card in row.items] == [
        ("Alien", "", ""),
        ("Pastel Blues", "Nina Simone", ""),
        ("The Wire", "Season 1", "3 new"),
        ("Dark", "S01E01 · Chapter 1", ""),
    ]
    assert [card.id for card in row.items[2:]] == [str(season.id), str(single.id)]
    assert row.items[0].image is not None
    assert row.items[0].href is not None
    assert row.items[0].href.startswith("https://app.plex.tv/desktop/")
    assert show.title not in str(row.items[:2])

    await shelf.share(MIA, MOVIES)
    assert [card.title for card in (await widgets.recently_added(ctx, of(MIA))).items] == ["Alien"]


async def test_libraries_are_counted_for_whom_they_are_shown_to(ctx, shelf):
    await shelf.movie("Alien")
    await shelf.show("The Wire", [2, 1])
    found = await widgets.counts(ctx, of(ADA))
    assert [(one.title, one.subtitle) for one in found.items] == [
        ("Movies", "1 movie"),
        ("TV Shows", "1 show · 2 seasons · 3 episodes"),
        ("Music", "empty"),
    ]
    await shelf.share(MIA, SHOWS)
    assert [one.title for one in (await widgets.counts(ctx, of(MIA))).items] == ["TV Shows"]
    await shelf.share(MIA)
    assert (await widgets.counts(ctx, of(MIA))).items == []


async def test_many_people_looking_are_one_count(ctx, shelf):
    await widgets.counts(ctx, of(ADA))
    await shelf.movie("Alien")
    assert "empty" in str((await widgets.counts(ctx, of(MIA))).items[0])
    ctx.clock.advance(61)
    assert (await widgets.counts(ctx, of(MIA))).items[0].subtitle == "1 movie"


async def test_the_server_is_well_away_or_being_read_and_nothing_secret_is_said(ctx):
    viewer = of(ADA)
    assert (await widgets.server(ctx, viewer)).items == []
    await heard(ctx, name="Living room", version="1.41", remark="It refuses the token.")
    (first,) = (await widgets.server(ctx, viewer)).items
    assert (first.title, first.tone) == ("Living room", Tone.WARN)
    await ctx.db.execute("UPDATE plugin_plex.server SET synced_at = heard_at")
    (troubled,) = (await widgets.server(ctx, viewer)).items
    assert ("Health" in troubled.subtitle, "token" in troubled.subtitle, troubled.tone) == (True, False, Tone.WARN)
    await heard(ctx, remark="")
    (well,) = (await widgets.server(ctx, viewer)).items
    assert (well.subtitle, well.tone, well.at) == ("Answers", Tone.GOOD, ctx.clock.now())
    heard_at = ctx.clock.now()
    ctx.clock.advance(60)
    await lost(ctx, "http://192.0.2.7:32400 does not answer.")
    (away,) = (await widgets.server(ctx, viewer)).items
    assert (away.tone, away.at) == (Tone.BAD, heard_at)
    assert "192.0.2.7" not in str(away)
    await heard(ctx)
    ctx.clock.advance(400)
    assert (await widgets.server(ctx, viewer)).items[0].tone is Tone.BAD


async def test_what_depends_on_a_person_is_theirs_alone_and_the_rest_is_shared(ctx, shelf):
    assert {one.name: one.scope for one in (widgets.recently_added, widgets.counts, widgets.server)} == {
        "recently_added": PERSON,
        "counts": PERSON,
        "server": PERSON,
    }
    for tile in (widgets.recently_added, widgets.counts, widgets.server):
        with pytest.raises(errors.Forbidden):
            await tile(ctx, Viewer())


async def test_the_hubs_search_finds_what_the_person_may_see_and_says_where_it_is(ctx, shelf):
    alien = await shelf.movie("Alien", year=1979, summary="In space", imdb="tt0078748")
    wire, _, _ = await shelf.show("Alien Worlds", [])
    (hit, other) = await media_sources.LIBRARY.search(ctx, of(ADA), "alien")
    assert (hit.id, hit.kind, hit.year, hit.available) == (str(alien.id), "movie", 1979, True)
    assert (hit.external_ids, hit.score, other.kind) == ({"imdb": "tt0078748"}, 1.0, "show")
    assert hit.href is not None
    assert await media_sources.LIBRARY.search(ctx, Viewer(), "alien") == []
    await shelf.share(MIA, SHOWS)
    assert [one.id for one in await media_sources.LIBRARY.search(ctx, of(MIA), "alien")] == [str(wire.id)]
    assert await media_sources.LIBRARY.search(ctx, of(MIA), "\0" + "x" * 500) == []

    one = await media_sources.LIBRARY.details(ctx, of(ADA), hit.id)
    assert one is not None
    assert (one.title, one.summary) == ("Alien", "In space")
    for viewer, id in ((of(MIA), hit.id), (of(ADA), str(uuid4())), (of(ADA), "x"), (Viewer(), hit.id)):
        assert await media_sources.LIBRARY.details(ctx, viewer, id) is None


async def test_what_another_source_knows_is_found_by_its_ids_where_the_person_may_see_it(ctx, shelf):
    find = media_sources.LIBRARY.find
    alien = await shelf.movie(
        "Alien", year=1979, imdb="tt0078748", tmdb="348", duration_ms=7_020_000, genres=["Horror"]
    )
    other = await shelf.movie("Alien, another", tmdb="9", imdb="tt0078748")
    show, _, _ = await shelf.show("Alien", [1], tmdb="348")
    for ids in ({"tmdb": "348"}, {"imdb": "tt0078748", "tmdb": "348"}, {"tmdb": "348", "tvdb": "7", "house": "1"}):
        hit = await find(ctx, of(ADA), "movie", ids)
        assert (hit.id, hit.title, hit.available) == (str(alien.id), "Alien", True)
        assert (hit.genres, hit.runtime_minutes) == (["Horror"], 117)
    assert (await find(ctx, of(ADA), "show", {"tmdb": "348"})).id == str(show.id)
    assert (await find(ctx, of(ADA), "movie", {"tmdb": "9", "imdb": "tt0078748"})).id == str(other.id)
    for viewer, kind, ids in (
        (of(ADA), "movie", {"tmdb": "77", "imdb": "tt0078748"}),
        (of(ADA), "movie", {"imdb": "tt1"}),
        (of(ADA), "movie", {}),
        (of(ADA), "movie", {"tmdb": "", "house": "348"}),
        (of(ADA), "person", {"tmdb": "348"}),
        (Viewer(), "movie", {"tmdb": "348"}),
    ):
        assert await find(ctx, viewer, kind, ids) is None
    await shelf.share(MIA, SHOWS)
    assert await find(ctx, of(MIA), "movie", {"tmdb": "348"}) is None


async def test_a_film_in_two_libraries_is_one_with_two_places(ctx, shelf):
    await shelf.section(4, "movie", "Documentaries")
    await shelf.movie("Alien", tmdb="348")
    await shelf.movie("Alien", tmdb="348", section=4)
    (hit,) = await media_sources.LIBRARY.search(ctx, of(ADA), "alien")
    for one in (hit, await media_sources.LIBRARY.find(ctx, of(ADA), "movie", {"tmdb": "348"})):
        assert {one.place, *(other.place for other in one.elsewhere)} == {
            "Living room: Movies",
            "Living room: Documentaries",
        }
        assert one.href != one.elsewhere[0].href
