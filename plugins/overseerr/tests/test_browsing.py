"""Searching and looking at titles: what is in the library, what was asked for, what may be asked for, and who sees what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import NotFound
from medianest_overseerr.connection import about
from medianest_overseerr.images import poster
from medianest_overseerr.people.matching import user_of
from tests.simulators.overseerr.server import MediaStatus, Permission

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked, mailed, manager


@pytest.fixture
async def ctx(make, sim):
    return await make(sim)


async def found(ctx, person, tmdb_id, text="a"):
    ctx.clock.advance(3600)
    detail = await calling.movie(ctx, person, tmdb_id)
    return detail.state, detail.requestable


async def test_a_search_shows_how_things_stand(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    sim.arrive(("movie", FILM))
    (hit,) = (await calling.search(ctx, mia, "salt cartographer")).items
    assert (hit.kind, hit.tmdb_id, hit.year, hit.state, hit.requestable) == ("movie", FILM, 2024, "available", False)
    assert hit.poster
    assert hit.poster.startswith("/api/v1/images/")
    assert "tmdb" not in hit.poster
    (other,) = (await calling.search(ctx, mia, "Nine   Lanterns ")).items
    assert (other.state, other.requestable, other.requests) == ("none", True, [])


@pytest.mark.parametrize(
    "text", ["mission: impossible?", "a & b", "50/50 (2011)!", "l'été à+b", "#alive @ [home]", "100%"]
)
async def test_whatever_is_looked_for_is_sent_so_that_it_is_taken(ctx, sim, text):
    await calling.search(ctx, linked(ctx, "mia", 1002), text)
    (asked,) = sim.asked_of("search")
    assert asked.query["query"] == text
    assert "+" not in asked.raw
    assert not set(asked.raw.partition("?query=")[2].partition("&")[0]) & set(":/?#[]@!$'()*,; ")


async def test_many_who_look_for_the_same_are_one_question(ctx, sim):
    mia, tom = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example")
    for person in (mia, tom, mia):
        await calling.search(ctx, person, "harbour")
        await calling.trending(ctx, person)
        await calling.series(ctx, person, SERIES)
    for route in ("search", "trending", "tv", "status"):
        assert len(sim.asked_of(route)) == 1, route


async def test_what_was_asked_for_is_marked_as_ones_own_or_not_and_by_whom_is_not_told(ctx, sim):
    mia, tom = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example")
    await calling.ask(ctx, mia)
    for person, mine in ((mia, True), (tom, False)):
        detail = await calling.movie(ctx, person)
        assert [(one.state, one.mine, one.is4k) for one in detail.requests] == [("pending", mine, False)]
        assert not detail.requestable
        assert "mia" not in detail.model_dump_json()


async def test_trending_goes_on_page_after_page(ctx, sim):
    sim.fill(movies=30, shows=30)
    mia, seen, cursor = linked(ctx, "mia", 1002), [], None
    for _ in range(3):
        page = await calling.trending(ctx, mia, cursor)
        seen += [(one.kind, one.tmdb_id) for one in page.items]
        cursor = page.next_cursor
    assert len(seen) == len(set(seen)) == 60


async def test_seasons_say_what_is_there_and_what_may_be_asked_for(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    sim.arrive(("tv", SERIES), seasons=(1,))
    await calling.ask(ctx, mia, SERIES, "tv", seasons=[2])
    detail = await calling.series(ctx, mia, SERIES)
    assert detail.seasons_apart
    assert detail.requestable
    seasons = {one.number: one for one in detail.seasons}
    assert (seasons[1].state, seasons[1].requestable) == ("available", False)
    assert (seasons[2].requestable, [(one.state, one.mine) for one in seasons[2].requests]) == (
        False,
        [("pending", True)],
    )
    assert (seasons[3].state, seasons[3].requestable, seasons[3].requests) == ("none", True, [])
    assert not any(one.requestable for number, one in seasons.items() if number == 0)
    for number in (3, 4):
        await calling.ask(ctx, mia, SERIES, "tv", seasons=[number])
    assert not (await calling.series(ctx, mia, SERIES)).requestable


async def test_a_list_offers_no_series_of_which_nothing_is_left(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    sim.arrive(("tv", SERIES), seasons=(1,))

    async def offered():
        ctx.clock.advance(61)
        (hit,) = (await calling.search(ctx, mia, "harbour nine")).items
        return hit.requestable

    assert await offered()
    for number in (2, 3, 4):
        await calling.ask(ctx, mia, SERIES, "tv", seasons=[number])
    assert not await offered()
    sim.faults.set("tv", "503")
    assert await offered()  # as far as can be known: asking says what there is


async def test_what_is_remembered_under_other_settings_is_not_shown(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    other = replace(ctx, generation=ctx.generation + 1)
    for one in (ctx, other):
        await calling.search(one, mia, "harbour")
        await calling.movie(one, mia)
        await calling.series(one, mia)
    for route in ("search", "movie", "tv"):
        assert len(sim.asked_of(route)) == 2, route


@pytest.mark.parametrize(
    "address",
    ["http://[", "https://a b.example", "https://", "asks.home.example", "http://x:0", "https://u:p@x.example"],
)
async def test_an_address_at_overseerr_that_is_none_makes_no_links_and_stops_nothing(make, seerr, address):
    seerr.world.settings.application_url = address
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002)
    assert (await calling.movie(ctx, mia)).href is None
    assert (await about(ctx)).address == ""
    await calling.ask(ctx, mia)
    assert [one.href for one in ctx.notify.told if one.person == mia.id] == [None]


async def test_a_film_has_its_particulars(ctx, sim):
    detail = await calling.movie(ctx, linked(ctx, "mia", 1002))
    assert detail.title == "The Salt Cartographer"
    assert detail.runtime_minutes == 128
    assert set(detail.genres) == {"Adventure", "Drama"}
    assert detail.external_ids["tmdb"] == str(FILM)
    assert all(one.href.startswith("https://www.youtube.com/watch?v=") for one in detail.trailers)
    assert detail.seasons == []


async def test_links_go_where_people_open_it(ctx, make, sim):
    mia = linked(ctx, "mia", 1002)
    assert (await calling.movie(ctx, mia)).href is None
    sim.world.settings.application_url = "https://asks.home.example/"
    ctx.clock.advance(3600)
    assert (await calling.movie(ctx, mia)).href == f"https://asks.home.example/movie/{FILM}"
    other = await make(sim, public_url="https://o.home.example")
    assert (await calling.movie(other, linked(other, "mia", 1002))).href == f"https://o.home.example/movie/{FILM}"


async def test_who_may_not_ask_there_is_not_offered_to(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    assert await found(ctx, mia, FILM) == ("none", True)
    sim.change_user("mia", permissions=int(Permission.REQUEST_TV))
    from medianest_overseerr.people.accounts import refresh

    await refresh(ctx)
    assert await found(ctx, mia, FILM) == ("none", False)
    assert (await calling.series(ctx, mia, SERIES)).requestable
    assert not (await calling.quota(ctx, mia)).movie_allowed


async def test_4k_is_offered_where_all_three_let_them(ctx, sim):
    sim.world.settings.movie_4k = True
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.REQUEST_4K_MOVIE))
    mia = linked(ctx, "mia", 1002)
    assert not (await calling.movie(ctx, mia)).requestable_4k
    may = Person(mia.id, mia.username, mia.role, mia.permissions | {"overseerr.request_4k"})
    assert (await calling.movie(ctx, may)).requestable_4k
    assert not (await calling.series(ctx, may)).requestable_4k


async def test_what_went_again_may_be_asked_for_anew_and_what_is_not_wanted_not(ctx, sim):
    if not sim.world.seerr:
        pytest.skip("Overseerr knows neither")
    mia = linked(ctx, "mia", 1002)
    sim.put_status(("movie", FILM), MediaStatus.DELETED)
    sim.put_status(("movie", OTHER_FILM), MediaStatus.BLOCKLISTED)
    assert await found(ctx, mia, FILM) == ("deleted", True)
    assert await found(ctx, mia, OTHER_FILM) == ("blocklisted", False)


async def test_a_title_nobody_knows(ctx):
    with pytest.raises(NotFound) as caught:
        await calling.movie(ctx, linked(ctx, "mia", 1002), 999_999)
    assert caught.value.error_code == "overseerr_no_such_title"


async def test_posters_come_through_the_hub_without_the_key(ctx, sim):
    assert (await poster(ctx, f"/pm{FILM}.jpg", 342, 0))[:3] == b"\xff\xd8\xff"
    (asked,) = sim.asked_of("picture")
    assert "X-Api-Key" not in asked.headers
    with pytest.raises(NotFound):
        await poster(ctx, "/pm999999.jpg", 342, 0)
    for path in ("/../settings/main", "//evil.example/x.jpg", "https://evil.example/x.jpg", "/pm1.jpg?x=1", "/a/b.jpg"):
        with pytest.raises(NotFound):
            await poster(ctx, path, 342, 0)
    assert len(sim.asked_of("picture")) == 2


async def test_members_never_read_others_names(ctx, sim):
    """Every answer of every route a member has, while others asked and reported: none of their names is in it."""
    sim.add_user("secretname", plex_id=1077, permissions=int(Permission.REQUEST | Permission.CREATE_ISSUES))
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.CREATE_ISSUES | Permission.VIEW_ISSUES))
    other = sim.request("secretname", ("movie", FILM))
    sim.approve(other)
    sim.decline(sim.request("secretname", ("tv", SERIES), seasons=(1,)))
    sim.open_issue("secretname", ("movie", FILM), "Too dark.")
    own = sim.open_issue("mia", ("movie", FILM), "Too loud.")
    sim.comment(own, "secretname", "Not here.")
    mia = linked(ctx, "mia", 1002)
    await user_of(ctx, linked(ctx, "secretname", 1077))
    await calling.mine(ctx, mia)
    answers = [
        await calling.search(ctx, mia, "salt"),
        await calling.trending(ctx, mia),
        await calling.movie(ctx, mia),
        await calling.series(ctx, mia, SERIES),
        await calling.quota(ctx, mia),
        await calling.mine(ctx, mia),
        await calling.my_counts(ctx, mia),
        await calling.ask(ctx, mia, OTHER_FILM),
        await calling.my_issues(ctx, mia),
        await calling.issue(ctx, mia, own.id),
        await calling.comment(ctx, mia, own.id),
    ]
    for one in answers:
        assert "secretname" not in one.model_dump_json(), one
    assert [one.id for one in (await calling.my_issues(ctx, mia)).items] == [own.id]
    assert [one.id for one in (await calling.mine(ctx, mia)).items] == [3]
    assert "secretname" in (await calling.everybodys(ctx, manager(ctx))).model_dump_json()
