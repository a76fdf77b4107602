"""Two servers side by side: lists, searches and pictures of both, scans for the right one, and a server that goes and comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from medianest_hub.plugin_api import Viewer, errors
from medianest_hub.plugin_api.events import ScanRequested
from medianest_hub.testing import make_call, make_event, make_job
from medianest_plex import images, media_sources, routes, tasks, widgets
from medianest_plex.library.state import lost
from medianest_plex.listeners import scan_requested
from medianest_plex.personal.refreshing import OfPerson, refresh_seen
from medianest_plex.scanning import ScanArgs
from medianest_plex.settings import MOST_SERVERS
from medianest_plex.tasks import SyncArgs

from . import asking
from .asking import titles
from .pair import ATTIC, Pair
from .shelf import ADA, MIA, TOM
from .syncing import announced, later, running, well_synced


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)


def test_there_is_a_sync_for_each_server_there_is_room_for():
    assert [one.name for one in tasks.syncs] == ["sync", "sync_2"]
    assert len(tasks.syncs) == MOST_SERVERS


async def test_libraries_of_both_are_listed_with_the_server_they_are_on(pair: Pair):
    assert [one.trouble for one in await pair.sync()] == ["", ""]
    found = await asking.libraries(pair.ctx, ADA)
    assert [(one.instance, one.server, one.title, one.counts) for one in found.items] == [
        ("main", "Living room", "Movies", {"movie": 2}),
        (ATTIC, "Attic", "Old films", {"movie": 2}),
    ]
    assert [(one.instance, one.name, one.stale) for one in found.freshness.servers] == [
        ("main", "Living room", False),
        (ATTIC, "Attic", False),
    ]
    tile = await widgets.counts(pair.ctx, Viewer(person=ADA, role=ADA.role))
    assert [one.title for one in tile.items] == ["Movies · Living room", "Old films · Attic"]


async def test_one_film_on_both_is_one_hit_with_two_places_and_each_opens_at_its_own_server(pair: Pair):
    await pair.sync()
    (alien,) = (await asking.search(pair.ctx, "alien", ADA)).items
    assert [(one.instance, one.server, one.library) for one in alien.places] == [
        ("main", "Living room", "Movies"),
        (ATTIC, "Attic", "Old films"),
    ]
    for place, server in zip(alien.places, (pair.plex, pair.attic), strict=True):
        assert server.world.home.machine_identifier in (place.href or "")
    whole = await asking.item(pair.ctx, alien.id, ADA)
    assert len(whole.places) == 2
    (hit,) = await media_sources.LIBRARY.search(pair.ctx, Viewer(person=ADA, role=ADA.role), "alien")
    assert (hit.id, hit.place, [one.place for one in hit.elsewhere]) == (str(alien.id), "Living room", ["Attic"])
    by_id = await media_sources.LIBRARY.find(
        pair.ctx, Viewer(person=ADA, role=ADA.role), "movie", {"imdb": "tt0078748"}
    )
    assert by_id is not None
    assert (by_id.id, [one.place for one in by_id.elsewhere]) == (hit.id, ["Attic"])


async def test_what_only_one_has_is_found_and_a_server_can_be_asked_for_alone(pair: Pair):
    await pair.sync()
    assert titles(await asking.search(pair.ctx, "casa", ADA)) == ["Casablanca"]
    assert titles(await asking.search(pair.ctx, "casa", ADA, server="main")) == []
    (alien,) = (await asking.search(pair.ctx, "alien", ADA, server=ATTIC)).items
    assert [place.instance for place in alien.places] == [ATTIC]
    assert sorted(titles(await asking.recently_added(pair.ctx, ADA, server=ATTIC))) == ["Alien", "Casablanca"]
    assert sorted(titles(await asking.items(pair.ctx, 1, ADA))) == ["Alien", "Brazil"]
    assert sorted(titles(await asking.items(pair.ctx, 1, ADA, server=ATTIC))) == ["Alien", "Casablanca"]


async def test_what_came_in_is_in_one_order_page_after_page(pair: Pair):
    began = int(pair.plex.world.now()) - 10_000
    for number, server in zip(count(), (pair.plex, pair.attic) * 4, strict=False):
        server.add_movie(f"Film {number}", added_at=began - number * 60)
    await pair.sync()
    whole = titles(await asking.recently_added(pair.ctx, ADA, limit=50))
    assert whole[-8:] == [f"Film {number}" for number in range(8)]
    paged: list[str] = []
    cursor = None
    while cursor is not None or not paged:
        page = await asking.recently_added(pair.ctx, ADA, limit=3, cursor=cursor)
        paged += titles(page)
        cursor = page.next_cursor
    assert paged == whole


async def test_collections_and_playlists_of_both_are_one_list(pair: Pair):
    for server, film, title in (
        (pair.plex, pair.alien, "Space"),
        (pair.attic, pair.casablanca, "Black and white"),
        (pair.attic, pair.old_alien, "Space, too"),
    ):
        server.add_collection(title, [film])
        server.add_playlist(f"{title} again", [film])
    await pair.sync()
    found = await asking.collections(pair.ctx, ADA)
    assert [(one.title, one.instance) for one in found.items] == [
        ("Black and white", ATTIC),
        ("Space", "main"),
        ("Space, too", ATTIC),
    ]
    first = await asking.collections(pair.ctx, ADA, limit=2)
    rest = await asking.collections(pair.ctx, ADA, limit=2, cursor=first.next_cursor)
    assert titles(first) + titles(rest) == titles(found)
    assert titles(await asking.collections(pair.ctx, ADA, library=1)) == ["Space"]
    assert titles(await asking.collections(pair.ctx, ADA, library=1, server=ATTIC)) == ["Black and white", "Space, too"]
    (held,) = (await asking.collection(pair.ctx, found.items[0].id, ADA)).items.items
    assert (held.title, held.instance) == ("Casablanca", ATTIC)
    assert titles(await asking.playlists(pair.ctx, ADA, server="main")) == ["Space again"]
    assert len((await asking.playlists(pair.ctx, ADA)).items) == 3


async def test_a_picture_is_fetched_from_the_server_it_is_of(pair: Pair):
    path = f"/library/metadata/{pair.casablanca.rating_key}/thumb/1700000000"
    await images.ART_SOURCE(pair.ctx, f"{ATTIC}:{path}", 320, 0)
    assert (len(pair.attic.asked_of("transcode")), pair.plex.asked_of("transcode")) == (1, [])
    await images.ART_SOURCE(pair.ctx, path, 320, 0)
    assert len(pair.plex.asked_of("transcode")) == 1
    for wrong in (f"nowhere:{path}", f"{ATTIC}:", f"{ATTIC}:/identity", f"{ATTIC}:{ATTIC}:{path}"):
        with pytest.raises(errors.NotFound):
            await images.ART_SOURCE(pair.ctx, wrong, 320, 0)
    pair.attic.stop()
    with pytest.raises(errors.HubError):
        await images.ART_SOURCE(pair.ctx, f"{ATTIC}:{path}", 320, 0)
    await images.ART_SOURCE(pair.ctx, path, 320, 0)


async def scan_all(pair: Pair) -> None:
    for job in pair.ctx.jobs.queued:
        if isinstance(job.args, ScanArgs):
            await tasks.scan(pair.ctx, make_job(job.args))


async def test_a_folder_is_scanned_by_the_server_whose_library_it_is_in(pair: Pair):
    await pair.sync()
    for _ in range(2):
        await scan_requested(pair.ctx, make_event(ScanRequested(folder="/old/films/New (2020)")))
    await scan_all(pair)
    assert ([one.path for one in pair.attic.scans], pair.plex.scans) == (["/old/films/New (2020)"], [])


async def test_a_folder_both_have_is_scanned_by_both_and_one_neither_has_by_none(pair: Pair):
    pair.attic.add_section("Movies", path="/media/movies")
    await pair.sync()
    await scan_requested(pair.ctx, make_event(ScanRequested(folder="/media/movies/New (2020)")))
    await scan_requested(pair.ctx, make_event(ScanRequested(folder="/media/elsewhere")))
    await scan_all(pair)
    assert [len(server.scans) for server in (pair.plex, pair.attic)] == [1, 1]


async def test_a_scan_asked_for_by_name_goes_to_that_server(pair: Pair):
    await pair.sync()
    path, body = routes.LibraryPath(key=1), routes.Folder(folder="/old/films/New")
    await routes.scan_folder(pair.ctx, make_call(person=ADA, path=path, query=routes.OfServer(server=ATTIC), body=body))
    await scan_all(pair)
    assert len(pair.attic.scans) == 1
    with pytest.raises(errors.BadInput):
        await routes.scan_folder(pair.ctx, make_call(person=ADA, path=path, query=routes.OfServer(), body=body))
    unknown = routes.OfServer(server="nowhere")
    with pytest.raises(errors.NotFound):
        await routes.scan_folder(pair.ctx, make_call(person=ADA, path=path, query=unknown, body=body))


async def test_what_comes_into_either_is_told_of_with_its_server(pair: Pair):
    await pair.sync()
    pair.attic.add_movie("Dracula", year=1931)
    await pair.sync()
    pair.ctx.clock.ahead += 61  # type: ignore[attr-defined]
    assert await announced(pair.ctx) == []
    (told,) = await announced(pair.at_attic)
    assert (told.title, told.instance, told.section) == ("Dracula", ATTIC, "Old films")


async def test_a_long_sync_of_one_holds_up_none_of_the_other(pair: Pair):
    await pair.sync()
    asked = len(pair.plex.asked_of("sections"))
    pair.plex.faults.set("sections", "hang")
    pair.attic.add_movie("Dracula", year=1931)
    slow = asyncio.create_task(tasks.sync(pair.ctx, make_job(SyncArgs(full=True))))
    await pair.plex.reached(lambda: len(pair.plex.asked_of("sections")) > asked)
    result = await tasks.sync_second(pair.ctx, make_job(SyncArgs(full=True)))
    assert (result.fresh, result.trouble, slow.done()) == (1, "", False)
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


async def test_a_server_taken_out_of_the_settings_is_gone_at_once_and_its_rows_with_the_next_sync(pair: Pair):
    pair.attic.add_collection("Black and white", [pair.casablanca])
    await pair.sync()
    await pair.link(MIA, pair.plex.world.find("friend"))
    pair.attic.share(pair.plex.world.find("friend"))
    await pair.refresh(MIA)
    alone = replace(pair.ctx, settings=pair.ctx.settings.model_copy(update={"second_url": "", "second_token": None}))
    assert titles(await asking.libraries(alone, ADA)) == ["Movies"]
    assert titles(await asking.search(alone, "casablanca", ADA)) == []
    assert titles(await asking.collections(alone, ADA)) == []
    (alien,) = (await asking.search(alone, "alien", ADA)).items
    assert [place.instance for place in alien.places] == ["main"]
    kept = await rows_of(pair, ATTIC)
    await tasks.sync(alone, make_job(SyncArgs()))
    assert await rows_of(pair, ATTIC) == kept > 0  # this may be a job of before, and the server a new one
    later(pair.ctx, pair.plex, 301)

    await tasks.sync(alone, make_job(SyncArgs()))
    assert await rows_of(pair, ATTIC) == 0
    assert titles(await asking.libraries(alone, ADA)) == ["Movies"]
    (told,) = await pair.ctx.db.fetch("SELECT * FROM plugin_plex.seen_state WHERE instance = $1", ATTIC)
    assert (told["person_id"], told["sections"]) == (MIA.id, [])  # what protects people stays


async def rows_of(pair: Pair, instance: str) -> int:
    found = 0
    for table in ("server", "section", "item", "grouping", "grouped", "seen", "hint", "arrival", "playing"):
        found += await pair.ctx.db.fetchval(f"SELECT count(*) FROM plugin_plex.{table} WHERE instance = $1", instance)
    return found


async def test_a_server_that_comes_back_is_read_anew(pair: Pair):
    await pair.sync()
    alone = replace(pair.ctx, settings=pair.ctx.settings.model_copy(update={"second_url": ""}))
    later(pair.ctx, pair.plex, 301)
    await tasks.sync(alone, make_job(SyncArgs()))
    assert await rows_of(pair, ATTIC) == 0
    results = await pair.sync()
    assert (results[1].fresh, results[1].trouble) == (2, "")
    (alien,) = (await asking.search(pair.ctx, "alien", ADA)).items
    assert len(alien.places) == 2
    # Nothing of that is news.
    pair.ctx.clock.ahead += 61  # type: ignore[attr-defined]
    assert await announced(pair.at_attic) == []


async def test_another_server_in_its_place_is_not_believed(pair: Pair):
    await pair.sync()
    pair.attic.move_server(port=False, machine=True)
    results = await pair.sync()
    assert results[0].trouble == ""
    assert 'Another Plex server "attic"' in results[1].trouble
    assert titles(await asking.search(pair.ctx, "casablanca", ADA)) == ["Casablanca"]


async def test_people_see_of_each_server_what_it_shares_with_them(pair: Pair):
    world = pair.plex.world
    friend, guest = world.find("friend"), world.account("guest")
    pair.attic.share(guest)
    await pair.sync()
    await pair.link(MIA, friend)
    await pair.link(TOM, guest)
    assert titles(await asking.libraries(pair.ctx, MIA)) == ["Movies"]
    assert titles(await asking.libraries(pair.ctx, TOM)) == ["Old films"]
    (alien,) = (await asking.search(pair.ctx, "alien", TOM)).items
    assert (alien.instance, [one.instance for one in alien.places]) == (ATTIC, [ATTIC])
    pair.attic.share(friend)
    await pair.refresh(MIA)
    assert titles(await asking.libraries(pair.ctx, MIA)) == ["Movies", "Old films"]
    (alien,) = (await asking.search(pair.ctx, "alien", MIA)).items
    assert len(alien.places) == 2


async def test_what_somebody_saw_and_goes_on_with_is_asked_of_each_server_with_its_own_token(pair: Pair):
    friend = pair.plex.world.find("friend")
    pair.attic.share(friend)
    pair.plex.watch(friend, pair.brazil)
    pair.attic.watch(friend, pair.casablanca, count=0, offset=600_000)
    pair.attic.watch(friend, pair.old_alien)
    await pair.sync()
    await pair.link(MIA, friend)
    await pair.refresh(MIA)
    seen = {
        (one.instance, one.title): one.seen
        for server in ("main", ATTIC)
        for one in (await asking.items(pair.ctx, 1, MIA, server=server)).items
    }
    assert seen == {
        ("main", "Alien"): False,
        ("main", "Brazil"): True,
        (ATTIC, "Alien"): True,
        (ATTIC, "Casablanca"): False,
    }
    deck = await asking.on_deck(pair.ctx, MIA)
    assert [(one.title, one.instance, one.seconds_seen) for one in deck.items] == [("Casablanca", ATTIC, 600)]
    assert deck.reason is None
    for server in (pair.plex, pair.attic):
        sent = {one.headers["X-Plex-Token"] for one in server.asked_of("on_deck")}
        assert sent == {server.token(friend)}
    assert pair.plex.token(friend) != pair.attic.token(friend)


async def test_of_a_server_that_cannot_be_asked_it_is_asked_again_and_of_the_other_only_when_it_is_due(pair: Pair):
    await pair.sync()
    await pair.link(MIA, pair.plex.world.find("friend"))
    await pair.refresh(MIA)
    await pair.ctx.db.execute("DELETE FROM plugin_plex.seen_state WHERE instance = $1", ATTIC)
    await lost(pair.at_attic, "It does not answer.")
    pair.ctx.jobs.queued.clear()
    assert titles(await asking.libraries(pair.ctx, MIA)) == ["Movies"]
    (job,) = pair.ctx.jobs.queued
    assert job.args == OfPerson(person_id=MIA.id, instances=[ATTIC])
    asked = len(pair.plex.asked_of("sections"))
    await run_refreshes(pair)
    assert len(pair.plex.asked_of("sections")) == asked
    assert [row["instance"] for row in await shares_of(pair)] == [ATTIC, "main"]


async def run_refreshes(pair: Pair) -> None:
    for job in pair.ctx.jobs.queued:
        if job.task == refresh_seen.name:
            await refresh_seen(pair.ctx, make_job(job.args))


async def shares_of(pair: Pair):
    return await pair.ctx.db.fetch("SELECT * FROM plugin_plex.seen_state ORDER BY instance")


async def test_who_has_one_server_alone_is_told_nothing_of_the_other(pair: Pair):
    friend = pair.plex.world.find("friend")
    pair.plex.watch(friend, pair.brazil, count=0, offset=60_000)
    await pair.sync()
    await pair.link(MIA, friend)
    deck = await asking.on_deck(pair.ctx, MIA)
    assert (titles(deck), deck.reason) == (["Brazil"], None)
    assert pair.attic.asked_of("on_deck") == []
    pair.plex.world.unshare(friend)
    pair.ctx.clock.ahead += 301  # type: ignore[attr-defined]
    await pair.ctx.cache.delete(f"on_deck:main:{MIA.id}:{friend.id}")
    assert (await asking.on_deck(pair.ctx, MIA)).reason.code == "plex_refused"


async def test_sections_are_chosen_for_each_server(pair: Pair, make):
    pair.plex.add_section("Kids")
    pair.attic.add_section("Kids", path="/old/kids")
    chosen = {"sections": ["Movies"], "second_sections": ["kids"]}
    ctx = replace(pair.ctx, settings=pair.ctx.settings.model_copy(update=chosen))
    pair.ctx = ctx
    await pair.sync()
    found = await asking.libraries(ctx, ADA)
    assert [(one.instance, one.title) for one in found.items] == [("main", "Movies"), (ATTIC, "Kids")]


async def test_one_server_alone_goes_on_as_it_did(owned, plex):
    plex.add_section("Movies")
    plex.add_movie("Alien")
    ctx = running(owned)
    await well_synced(ctx)
    later(ctx, plex, 60)
    assert await tasks.sync_second(ctx, make_job(SyncArgs())) == tasks.SyncResult()
    found = await asking.libraries(ctx, ADA)
    assert [(one.instance, one.server) for one in found.items] == [("main", "Living room")]
