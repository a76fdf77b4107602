"""The tiles: one's own requests and nobody else's; what waits, with the two answers beside it."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api import Viewer
from medianest_hub.plugin_api.errors import Forbidden
from medianest_hub.plugin_host.actions import refused_actions
from medianest_overseerr import widgets

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked, mailed, manager


def viewer(person):
    return Viewer(person=person, role=person.role)


async def test_my_requests_are_mine_with_poster_and_state(make, sim):
    ctx = await make(sim)
    mia = linked(ctx, "mia", 1002)
    sim.request("tom", ("movie", OTHER_FILM))
    sim.arrive(sim.approve(sim.request("mia", ("movie", FILM))))
    sim.request("mia", ("tv", SERIES), seasons=[1, 2])
    row = await widgets.my_requests(ctx, viewer(mia))
    assert [(one.id, one.subtitle, one.badge) for one in row.items] == [
        ("3", "Seasons 1, 2", "Waiting for approval"),
        ("2", "", "There"),
    ]
    assert [one.title for one in row.items] == [
        sim.world.catalogue.get("tv", SERIES).name,
        sim.world.catalogue.get("movie", FILM).name,
    ]
    assert all(one.image for one in row.items)
    assert [[action.id for action in one.actions] for one in row.items] == [["cancel"], []]
    assert "tom" not in row.model_dump_json()
    (cancel,) = row.items[0].actions
    assert (cancel.method, cancel.path) == ("DELETE", "/api/v1/overseerr/requests/3")
    assert refused_actions("overseerr", [cancel]) is None


async def test_counts_are_the_persons_own(make, sim):
    ctx = await make(sim)
    mia = linked(ctx, "mia", 1002)
    for number in (910003, 910005, 910006):
        sim.request("tom", ("movie", number))
    sim.request("mia", ("movie", FILM))
    sim.decline(sim.request("mia", ("movie", OTHER_FILM)))
    found = await widgets.counts(ctx, viewer(mia))
    assert [(one.title, one.subtitle) for one in found.items] == [("Waiting for approval", "1"), ("Declined", "1")]


async def test_what_waits_is_decided_in_place(make, sim):
    ctx = await make(sim)
    ada, mia = manager(ctx), linked(ctx, "mia", 1002)
    sim.request("mia", ("movie", FILM))
    sim.request("tom", ("tv", SERIES), seasons=[1])
    sim.approve(sim.request("mia", ("movie", OTHER_FILM)))
    found = await widgets.waiting(ctx, viewer(ada))
    assert [(one.id, one.subtitle) for one in found.items] == [("2", "tom · Season 1"), ("1", "mia")]
    approve, decline = found.items[0].actions
    assert refused_actions("overseerr", found.items[0].actions) is None
    assert (decline.ask.name, decline.ask.required) == ("reason", False)
    paths = {f"/api/v1/overseerr{route.path}" for route in calling.routes.router.routes if route.method == "POST"}
    assert {approve.path.replace("/2/", "/{id}/"), decline.path.replace("/2/", "/{id}/")} <= paths
    await calling.approve(ctx, ada, 2)
    await calling.decline(ctx, ada, 1, "We have it.")
    assert (await widgets.waiting(ctx, viewer(ada))).items == []
    assert [one.kind for one in ctx.notify.told if one.person == mia.id][-1] == "overseerr.request_declined"
    assert ("waiting", None) in ctx.realtime.changed


async def test_who_is_nobody_there_is_told_so(make, sim):
    ctx = await make(sim)
    eve = mailed(ctx, "eve", "eve@else.example")
    for tile in (widgets.my_requests, widgets.counts):
        with pytest.raises(Forbidden) as caught:
            await tile(ctx, viewer(eve))
        assert caught.value.error_code == "overseerr_not_matched"
    with pytest.raises(Forbidden, match="belongs to a person"):
        await widgets.my_requests(ctx, Viewer())


async def test_a_title_nobody_knows_has_its_number(make, seerr):
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002)
    seerr.request("mia", ("movie", FILM))
    await calling.mine(ctx, mia)
    await ctx.db.execute("DELETE FROM plugin_overseerr.title")
    seerr.faults.set("movie", "500")
    (card,) = (await widgets.my_requests(ctx, viewer(mia))).items
    assert (card.title, card.image) == (f"TMDB {FILM}", None)


def test_every_state_has_words():
    assert set(widgets.STATES) == set(widgets.RequestState)
