"""The source of the hub's search: what can be asked for, asked of Overseerr once for everybody, marked for each."""

from __future__ import annotations

import pytest

from medianest_hub.media.cleaning import cleaned_hits, cleaned_one
from medianest_hub.plugin_api import Viewer
from medianest_hub.plugin_api.errors import Forbidden
from medianest_overseerr import media_sources
from medianest_overseerr.models import Wish

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked, mailed, manager


def viewer(person):
    return Viewer(person=person, role=person.role)


async def look(ctx, person, sim, kind="movie", number=FILM):
    """Search for that title by its name; the hit for it."""
    hits = await media_sources.search(ctx, viewer(person), sim.world.catalogue.get(kind, number).name)
    assert cleaned_hits(hits, "overseerr").refused == 0
    return next(one for one in hits if one.id == f"{kind}:{number}")


async def test_a_film_nobody_asked_for_can_be_asked_for_in_place(make, sim):
    ctx = await make(sim)
    mia = linked(ctx, "mia", 1002)
    hit = await look(ctx, mia, sim)
    assert (hit.kind, hit.available, hit.requestable, hit.requests) == ("movie", False, True, [])
    assert hit.external_ids["tmdb"] == str(FILM)
    assert 0 < hit.popularity < 1
    assert hit.image
    (action,) = hit.actions
    assert (action.method, action.path) == ("POST", "/api/v1/overseerr/requests")
    wish = Wish.model_validate(action.body)
    await calling.ask(ctx, mia, wish.tmdb_id, wish.kind, is4k=wish.is4k)
    assert [one.requested_by.id for one in sim.world.requests.values()] == [2]
    ctx.clock.advance(61)
    hit = await look(ctx, mia, sim)
    assert ([(one.state, one.mine) for one in hit.requests], hit.actions) == ([("pending", True)], [])


async def test_one_question_serves_everybody_and_each_sees_only_what_is_theirs(make, sim):
    ctx = await make(sim)
    mia, tom = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example")
    eve = mailed(ctx, "eve", "eve@else.example")
    sim.request("mia", ("movie", FILM))
    await calling.mine(ctx, mia)
    before = len(sim.asked_of("search"))
    hers, his, nobodys = [await look(ctx, person, sim) for person in (mia, tom, eve)]
    assert len(sim.asked_of("search")) - before == 1
    assert [[(one.state, one.mine) for one in hit.requests] for hit in (hers, his, nobodys)] == [
        [("pending", True)],
        [("pending", False)],
        [("pending", False)],
    ]
    assert not his.requestable
    assert "mia" not in his.model_dump_json()
    free = await look(ctx, eve, sim, number=OTHER_FILM)
    assert (free.requestable, [one.id for one in free.actions]) == (False, ["request"])
    with pytest.raises(Forbidden) as caught:  # whoever is nobody there hears why, and what helps
        await calling.ask(ctx, eve, OTHER_FILM)
    assert caught.value.error_code == "overseerr_not_matched"
    assert nobodys.actions == []


async def test_whoever_has_a_quota_reads_what_is_left_before_they_ask_and_that_none_is(make, sim):
    sim.change_user("mia", movie_quota_limit=2, movie_quota_days=7, tv_quota_limit=1, tv_quota_days=7)
    ctx = await make(sim)
    mia, tom = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example")
    (action,) = (await look(ctx, mia, sim)).actions
    assert action.confirm == "You may ask for 2 more films for now. Request The Salt Cartographer?"
    (action,) = (await look(ctx, mia, sim, "tv", SERIES)).actions
    assert action.confirm == "You may ask for 1 more season for now. Request all seasons that are left of Harbour Nine?"
    (action,) = (await look(ctx, tom, sim)).actions
    assert action.confirm == ""
    before = len(sim.asked_of("quota"))
    await look(ctx, mia, sim, number=OTHER_FILM)
    assert len(sim.asked_of("quota")) == before
    await calling.ask(ctx, mia)
    (action,) = (await look(ctx, mia, sim, number=OTHER_FILM)).actions
    assert action.confirm == "You may ask for 1 more film for now. Request Nine Lanterns?"
    await calling.ask(ctx, mia, OTHER_FILM)
    for hit in (
        await look(ctx, mia, sim, number=910003),
        await media_sources.details(ctx, viewer(mia), "movie:910003"),
    ):
        assert (hit.requestable, hit.actions) == (False, [])
        assert hit.summary.startswith("Your quota is used up: you may ask for no more films for now.")


@pytest.mark.parametrize("fault", ["503", "hang", "other_shape", "html_404"])
async def test_a_quota_that_cannot_be_read_keeps_nobody_from_asking(make, seerr, monkeypatch, fault):
    monkeypatch.setattr("medianest_overseerr.offers._WAIT_SECONDS", 0.3)
    ctx = await make(seerr)
    seerr.faults.set("quota", fault)
    (action,) = (await look(ctx, linked(ctx, "mia", 1002), seerr)).actions
    assert (action.id, action.confirm) == ("request", "")


async def test_who_may_not_ask_is_offered_nothing(make, sim):
    ctx = await make(sim)
    guest = linked(ctx, "mia", 1002, "overseerr.issues")
    hit = await look(ctx, guest, sim)
    assert (hit.requestable, hit.actions) == (False, [])
    assert await media_sources.search(ctx, Viewer(), "deep") == []
    assert await media_sources.search(ctx, viewer(guest), " \0 ") == []


async def test_in_4k_where_hub_and_overseerr_let_them(make, sim):
    sim.world.settings.movie_4k = True
    ctx = await make(sim)
    sim.change_user("mia", permissions=32 + 1024)
    assert [one.id for one in (await look(ctx, linked(ctx, "mia", 1002), sim)).actions] == ["request"]
    ada = manager(ctx)
    await calling.match(ctx, ada, ada.id, 3)
    assert [one.id for one in (await look(ctx, ada, sim)).actions] == ["request"]
    sim.change_user("tom", permissions=32 + 1024)
    await calling.people(ctx, ada)
    ctx.clock.advance(61)
    await calling.people(ctx, ada)
    actions = (await look(ctx, ada, sim)).actions
    assert [(one.id, one.body["is4k"]) for one in actions] == [("request", False), ("request_4k", True)]


async def test_a_series_with_its_seasons_by_its_own_id_and_by_tmdbs(make, sim):
    ctx = await make(sim)
    mia = linked(ctx, "mia", 1002)
    sim.arrive(("tv", SERIES), seasons=[1])
    sim.request("mia", ("tv", SERIES), seasons=[2])
    await calling.mine(ctx, mia)
    own = await media_sources.details(ctx, viewer(mia), f"tv:{SERIES}")
    found = await media_sources.find(ctx, viewer(mia), "show", {"tmdb": str(SERIES), "imdb": "tt1"})
    assert own == found
    assert cleaned_one(own, "overseerr").one is not None
    assert (own.kind, own.available, own.partly) == ("show", True, True)
    seasons = {one.number: one for one in own.seasons}
    assert (seasons[1].available, seasons[2].available) == ("whole", "none")
    assert [(one.state, one.mine) for one in seasons[2].requests] == [("pending", True)]
    assert all(one.href.startswith("https://www.youtube.com/") for one in own.trailers)


@pytest.mark.parametrize(
    "id", ["", "movie", "movie:0", "movie:x", "movie:99999999999", "movie:4294967296", "book:1", "tv:-1"]
)
async def test_ids_that_are_none_of_ours_are_not_asked_about(make, seerr, id):
    ctx = await make(seerr)
    before = len(seerr.asked)
    assert await media_sources.details(ctx, viewer(linked(ctx, "mia", 1002)), id) is None
    assert len(seerr.asked) == before


async def test_what_tmdb_does_not_know_and_other_ids_find_nothing(make, sim):
    ctx = await make(sim)
    mia = viewer(linked(ctx, "mia", 1002))
    assert await media_sources.details(ctx, mia, "movie:1") is None
    for kind, ids in (
        ("movie", {"imdb": "tt1"}),
        ("movie", {"tmdb": "0x1"}),
        ("episode", {"tmdb": "1"}),
        ("movie", {}),
    ):
        assert await media_sources.find(ctx, mia, kind, ids) is None


async def test_a_change_makes_what_the_search_keeps_out_of_date(make, seerr):
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002)
    await calling.ask(ctx, mia)
    assert media_sources.REQUESTS.tags == ("requests",)
    assert "requests" in ctx.cache.bumped
