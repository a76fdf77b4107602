"""The fault table of two servers: whatever one does, each route and tile answers, and what the other has is all there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medianest_hub.plugin_api import HealthStatus, LinkedIdentity, Standing, Viewer
from medianest_hub.plugin_api.errors import Forbidden, HubError
from medianest_hub.testing import make_call, make_job
from medianest_plex import health, images, media_sources, routes, tasks, widgets
from medianest_plex.client import personal, server
from medianest_plex.library.state import heard, lost
from medianest_plex.lifecycle import check_settings, startup
from medianest_plex.personal import on_deck, refreshing
from medianest_plex.sign_in import begin, complete, recheck
from medianest_plex.tasks import SyncArgs
from tests.simulators.plex.server import PlexSimulator

from . import asking
from .asking import titles
from .conftest import RETURN_URL
from .pair import ATTIC, Pair, both
from .shelf import ADA, MIA

FAULTS = [
    "hang",
    "reset",
    "cut",
    "empty",
    "html",
    "html_401",
    "json_403",
    "half_json",
    "xml",
    "not_json",
    "500",
    "redirect",
]
ROUTES = (
    "identity",
    "root",
    "sections",
    "all",
    "metadata",
    "collections",
    "playlists",
    "sessions",
    "on_deck",
    "transcode",
)


@pytest.fixture(autouse=True)
def impatient(request, monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    if "hang" in request.node.name:
        for module in (server, personal):
            monkeypatch.setattr(module, "_DEADLINE", 0.3)
        for module, name in (("library", "_DEADLINE"), ("library", "_QUICK"), ("pictures", "_DEADLINE")):
            monkeypatch.setattr(f"medianest_plex.client.{module}.{name}", 0.3)
        monkeypatch.setattr(on_deck, "DEADLINE", 1.0)
        monkeypatch.setattr(refreshing, "AT_ONCE_SECONDS", 1.0)


def spoil(pair: Pair, fault: str) -> None:
    for route in ROUTES:
        pair.attic.faults.set(route, fault)


async def answers(pair: Pair, person=ADA) -> dict[str, list[str]]:
    """What each route and tile shows, by its name; raises what one of them raises."""
    ctx, viewer = pair.ctx, Viewer(person=person, role=person.role)
    (alien,) = (await asking.search(ctx, "alien", person)).items
    whole = await asking.item(ctx, alien.id, person)
    collections = await asking.collections(ctx, person)
    inside = [titles((await asking.collection(ctx, one.id, person)).items) for one in collections.items]
    return {
        "libraries": titles(await asking.libraries(ctx, person)),
        "items": titles(await asking.items(ctx, 1, person, sort="title")),
        "item": [place.instance for place in whole.places],
        "search": titles(await asking.search(ctx, "brazil", person)),
        "recently added": sorted(titles(await asking.recently_added(ctx, person))),
        "collections": titles(collections),
        "collection": [title for one in inside for title in one],
        "playlists": titles(await asking.playlists(ctx, person)),
        "on deck": titles(await asking.on_deck(ctx, person)),
        "playing": titles(await routes.playing(ctx, make_call(person=person))),
        "recently added tile": sorted(card.title for card in (await widgets.recently_added(ctx, viewer)).items),
        "playing tile": [one.title for one in (await widgets.playing(ctx, viewer)).items],
        "counts tile": [one.subtitle for one in (await widgets.counts(ctx, viewer)).items],
        "server tile": [one.id for one in (await widgets.server(ctx, viewer)).items],
        "media": [one.title for one in await media_sources.LIBRARY.search(ctx, viewer, "brazil")],
    }


@pytest.fixture
async def well(pair: Pair) -> Pair:
    """Both read, with somebody who has both and has begun something on the first."""
    friend = pair.plex.world.find("friend")
    pair.attic.share(friend)
    pair.plex.watch(friend, pair.brazil, count=0, offset=60_000)
    for there, film in ((pair.plex, pair.alien), (pair.attic, pair.old_alien)):
        there.add_collection("Space", [film])
        there.add_playlist("Tonight", [film])
    assert [one.trouble for one in await pair.sync()] == ["", ""]
    await pair.link(MIA, friend)
    await pair.refresh(MIA)
    return pair


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_route_and_tile_answers_as_before(well: Pair, fault):
    before = {person.username: await answers(well, person) for person in (ADA, MIA)}
    await well.ctx.cache.delete(f"on_deck:{ATTIC}:{MIA.id}:{well.plex.world.find('friend').id}")
    spoil(well, fault)
    for person in (ADA, MIA):
        assert await answers(well, person) == before[person.username]
    assert before["mia"]["on deck"] == ["Brazil"]
    deck = await asking.on_deck(well.ctx, MIA)
    assert deck.reason is not None
    assert deck.reason.code in ("plex_away", "plex_refused")


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_other_is_synced_and_what_is_kept_of_this_one_stays(well: Pair, fault):
    spoil(well, fault)
    well.plex.add_movie("Dracula", year=1931)
    first, second = await well.sync()
    assert (first.fresh, first.trouble) == (1, "")
    assert second.trouble
    assert titles(await asking.search(well.ctx, "casablanca", ADA)) == ["Casablanca"]
    well.attic.faults.clear()
    well.ctx.clock.ahead += 120  # type: ignore[attr-defined]  # the breaker lets somebody try again
    assert (await tasks.sync_second(well.ctx, make_job(SyncArgs(full=True)))).removed == 0


@pytest.mark.parametrize("fault", ["hang", "reset", "cut", "html_401", "json_403", "500", "redirect"])
async def test_pictures_of_the_other_are_shown_and_of_this_one_fail_in_words(well: Pair, fault):
    spoil(well, fault)
    path = f"/library/metadata/{well.alien.rating_key}/thumb/1700000000"
    assert (await images.ART_SOURCE(well.ctx, path, 320, 0))[:2] == b"\xff\xd8"
    with pytest.raises(HubError) as caught:
        await images.ART_SOURCE(well.ctx, f"{ATTIC}:{path}", 320, 0)
    assert caught.value.status in (502, 503, 504)
    assert 'Plex server "attic"' in caught.value.message


@pytest.mark.parametrize("fault", FAULTS)
async def test_who_has_the_other_server_signs_in_and_stays(make, plex, attic, fault):
    # Without tokens both servers are asked themselves whether they know somebody.
    ctx = await make(**{**both(plex, attic), "token": None, "second_token": None})
    for route in ROUTES:
        attic.faults.set(route, fault)
    friend = plex.world.find("friend")
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, friend)
    identity = await complete(ctx, started.state, {})
    assert identity is not None
    linked = LinkedIdentity(provider="plex", subject=identity.subject, username="friend")
    assert await recheck(ctx, linked, identity.secret) is Standing.GOOD


async def test_who_has_only_the_second_server_signs_in_while_the_first_is_away(make, plex, attic):
    ctx = await make(**both(plex, attic))
    guest = plex.world.account("guest")
    attic.share(guest)
    plex.stop()
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, guest)
    assert await complete(ctx, started.state, {}) is not None


async def test_a_stranger_to_both_is_refused_and_a_friend_of_either_removed_only_when_neither_is_shared(
    make, plex, attic
):
    ctx = await make(**both(plex, attic))
    friend, stranger = plex.world.find("friend"), plex.world.find("stranger")
    attic.share(friend)
    token = plex.world.token(friend)
    linked = LinkedIdentity(provider="plex", subject=str(friend.id), username="friend")
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, stranger)
    with pytest.raises(Forbidden) as refused:
        await complete(ctx, started.state, {})
    assert refused.value.error_code == "not_a_member"
    assert refused.value.message.startswith("None of these Plex servers is shared with your Plex account. Ask an owner")
    plex.world.unshare(friend)
    assert await recheck(ctx, linked, token) is Standing.GOOD
    attic.world.unshare(friend)
    assert await recheck(ctx, linked, token) is Standing.REMOVED


async def test_servers_of_two_owners_each_let_in_their_own(make, plex):
    landlord = plex.world.account("landlord")
    with PlexSimulator(world=plex.world.beside("Attic", landlord)).running() as attic:
        ctx = await make(**both(plex, attic, second_token=plex.world.token(landlord)))
        await check_settings(ctx)
        await startup(ctx)
        guest = plex.world.account("guest")
        attic.share(guest)
        for server in (plex, attic):
            server.stop()  # the owners' tokens prove it, with the servers off
        for account in (plex.world.find("friend"), guest, landlord, plex.world.owner):
            linked = LinkedIdentity(provider="plex", subject=str(account.id), username=account.username)
            assert await recheck(ctx, linked, plex.world.token(account)) is Standing.GOOD
        stranger = plex.world.find("stranger")
        linked = LinkedIdentity(provider="plex", subject=str(stranger.id), username="stranger")
        assert await recheck(ctx, linked, plex.world.token(stranger)) is Standing.REMOVED


async def test_nobody_is_put_out_while_one_server_cannot_say(make, plex, attic):
    ctx = await make(**{**both(plex, attic), "token": None, "second_token": None})
    friend = plex.world.find("friend")
    attic.share(friend)
    token = plex.world.token(friend)
    linked = LinkedIdentity(provider="plex", subject=str(friend.id), username="friend")
    assert await recheck(ctx, linked, token) is Standing.GOOD
    plex.world.unshare(friend)
    attic.stop()
    with pytest.raises(HubError):
        await recheck(ctx, linked, token)


async def test_a_server_registered_under_the_seconds_name_opens_nothing(make, plex, attic):
    ctx = await make(**both(plex, attic))
    stranger = plex.world.find("stranger")
    plex.world.server("Forged", stranger, attic.world.home.machine_identifier)
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, stranger)
    with pytest.raises(Forbidden):
        await complete(ctx, started.state, {})


async def test_one_that_is_known_to_be_away_keeps_nobody_waiting(well: Pair):
    attic = well.at_attic
    await heard(attic)
    await lost(attic, "It does not answer.")
    await well.ctx.cache.delete(f"on_deck:{ATTIC}:{MIA.id}:{well.plex.world.find('friend').id}")
    asked = len(well.attic.asked)
    well.attic.faults.set("on_deck", "hang")
    deck = await asking.on_deck(well.ctx, MIA)
    assert (titles(deck), deck.reason.code) == (["Brazil"], "plex_away")
    assert len(well.attic.asked) == asked
    said = await health.library(well.ctx)
    assert (said.status, said.data["attic.status"]) == (HealthStatus.DEGRADED, "down")


async def test_what_is_shown_of_one_that_is_away_is_marked_with_its_age(well: Pair):
    await heard(well.at_attic)
    well.ctx.clock.ahead += 400  # type: ignore[attr-defined]
    await heard(well.ctx)
    found = await asking.search(well.ctx, "a", ADA)
    stale = {one.instance: one.stale for one in found.freshness.servers}
    assert (found.freshness.stale, stale) == (True, {"main": False, ATTIC: True})
    assert (await asking.search(well.ctx, "a", ADA, server="main")).freshness.stale is False
    alone = replace(well.ctx, settings=well.ctx.settings.model_copy(update={"second_url": ""}))
    assert (await asking.search(alone, "a", ADA)).freshness.stale is False
