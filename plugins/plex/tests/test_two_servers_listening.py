"""The stream with two servers: what either plays is known, and what is wrong with one is borne while the other is listened to."""

from __future__ import annotations

import asyncio

import pytest

from medianest_hub.plugin_api import Role, Viewer
from medianest_hub.plugin_api.errors import AuthFailed, UpstreamError
from medianest_hub.testing import make_lease, make_person
from medianest_plex import health, streams, widgets
from medianest_plex.events import PlayingStarted, PlayingStopped, ServerDown, ServerUp
from medianest_plex.library.state import read_server
from medianest_plex.playing.holding import Overtaken, claim
from medianest_plex.playing.reading import now_playing
from medianest_plex.webhooks import media

from .pair import ATTIC, Pair
from .shelf import ADA, MIA
from .stage import hurry, news, sent, until, watching
from .test_media_webhook import hook

OLGA = make_person("olga", Role.ADMIN, "plex.browse", "plex.see_others_playing")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    hurry(monkeypatch)
    monkeypatch.setattr(streams, "_TIDY_SECONDS", 0.05)


async def is_heard(pair: Pair, instance: str) -> bool:
    return (await read_server(pair.ctx.db, instance)).connected


async def both_heard(pair: Pair) -> bool:
    return await is_heard(pair, "main") and await is_heard(pair, ATTIC)


async def listened_to(pair: Pair) -> None:
    for server in (pair.plex, pair.attic):
        await server.reached(lambda server=server: server.listeners == 1)
    await until(lambda: both_heard(pair))


async def playing(pair: Pair) -> list[tuple[str, str]]:
    return sorted((one.instance, one.title) for one in await now_playing(pair.ctx, OLGA))


async def is_playing(pair: Pair, *wanted: tuple[str, str]) -> bool:
    return await playing(pair) == sorted(wanted)


async def test_what_either_plays_is_known_and_told_as_one(pair: Pair):
    friend = pair.plex.world.find("friend")
    pair.attic.share(friend)
    async with watching(pair.ctx):
        await listened_to(pair)
        pair.plex.play(friend, pair.brazil)
        one = pair.attic.play(friend, pair.casablanca)
        await until(lambda: is_playing(pair, ("main", "Brazil"), (ATTIC, "Casablanca")))
        whole = await until(lambda: [said for said in sent(pair.ctx, complete=True) if len(said["items"]) == 2])
        assert {said["instance"] for said in whole[-1]["items"]} == {"main", ATTIC}
        pair.attic.end(one)
        await until(lambda: is_playing(pair, ("main", "Brazil")))
    begun = {(said.played.title, said.instance) for said in news(pair.ctx, PlayingStarted)}
    assert begun == {("Brazil", "main"), ("Casablanca", ATTIC)}
    (ended,) = news(pair.ctx, PlayingStopped)
    assert (ended.played.title, ended.instance) == ("Casablanca", ATTIC)


async def test_each_servers_going_and_coming_is_told_of_it(pair: Pair):
    async with watching(pair.ctx):
        await listened_to(pair)
        pair.attic.stop()
        (down,) = await until(lambda: news(pair.ctx, ServerDown))
        assert down.instance == ATTIC
        assert await is_heard(pair, "main")
        pair.attic.restart()
        await until(lambda: is_heard(pair, ATTIC))
    (up,) = news(pair.ctx, ServerUp)
    assert up.instance == ATTIC


async def test_what_one_plays_is_known_while_the_other_has_never_answered(pair: Pair):
    pair.attic.stop()
    async with watching(pair.ctx):
        await pair.plex.reached(lambda: pair.plex.listeners == 1)
        await until(lambda: is_heard(pair, "main"))
        pair.plex.play(pair.plex.world.owner, pair.brazil)
        await until(lambda: is_playing(pair, ("main", "Brazil")))
        assert [one.instance for one in news(pair.ctx, ServerDown)] == [ATTIC]
        pair.attic.restart()
        await until(lambda: is_heard(pair, ATTIC))
    assert "plex_listening_failed" in {line.event for line in pair.ctx.log.lines}


@pytest.mark.parametrize("fault", ["hang", "reset", "cut", "html", "half_json", "xml", "not_json", "500", "empty"])
async def test_whatever_is_wrong_with_one_the_other_is_listened_to(pair: Pair, fault):
    for route in ("identity", "sessions", "notifications"):
        pair.attic.faults.set(route, fault)
    async with watching(pair.ctx):
        await pair.plex.reached(lambda: pair.plex.listeners == 1)
        pair.plex.play(pair.plex.world.owner, pair.brazil)
        await until(lambda: is_playing(pair, ("main", "Brazil")))
        assert not await is_heard(pair, ATTIC)


async def test_a_refused_token_of_one_stops_nothing_and_is_told_in_words(pair: Pair, monkeypatch):
    other = pair.plex.world.account("other")
    settings = pair.ctx.settings.model_copy(update={"second_token": type(pair.ctx.settings.token)("gone-token-1234")})
    object.__setattr__(pair.ctx, "settings", settings)
    pair.attic.world.home.owner = other  # the token is no longer its owner's
    async with watching(pair.ctx) as stream:
        await pair.plex.reached(lambda: pair.plex.listeners == 1)
        await until(lambda: [one for one in pair.ctx.log.lines if one.event == "plex_listening_failed"])
        asked = len(pair.attic.asked_of("sessions"))
        pair.plex.play(pair.plex.world.owner, pair.brazil)
        await until(lambda: is_playing(pair, ("main", "Brazil")))
        assert not stream.done()
        assert len(pair.attic.asked_of("sessions")) == asked  # it is not asked again and again
    said = await health.library(pair.ctx)
    assert said.data["main.status"] == "ok"
    assert said.data[f"{ATTIC}.status"] == "degraded"
    assert 'owner\'s token for the Plex server "attic"' in said.detail
    assert "settings" in said.detail
    asked_tv = await health.plex_tv(pair.ctx)
    assert 'of Plex server "attic"' in asked_tv.detail
    tile = await widgets.server(pair.ctx, Viewer(person=ADA, role=ADA.role))
    assert [(one.id, one.tone.value) for one in tile.items] == [("main", "warn"), (ATTIC, "warn")]
    assert "Health" in tile.items[1].subtitle
    monkeypatch.setattr(streams, "_REFUSED_SECONDS", 0.05)
    pair.attic.world.home.owner = pair.plex.world.owner
    object.__setattr__(pair.ctx, "settings", settings.model_copy(update={"second_token": settings.token}))
    async with watching(pair.ctx):
        await listened_to(pair)
        await until(lambda: is_well(pair, ATTIC))


async def is_well(pair: Pair, instance: str) -> bool:
    found = await read_server(pair.ctx.db, instance)
    return found.connected and not found.trouble


async def test_once_all_tokens_are_refused_an_admin_is_asked(pair: Pair):
    pair.plex.world.revoke(pair.plex.world.owner)
    for server in (pair.plex, pair.attic):
        server.faults.set("sessions", "html_401")
    with pytest.raises(AuthFailed):
        async with asyncio.timeout(20):
            await streams.listen(pair.ctx, make_lease("listen", 1))


async def test_once_nothing_is_listened_to_the_host_begins_anew_though_one_token_is_refused(pair: Pair):
    pair.plex.world.revoke(pair.plex.world.owner)
    pair.plex.faults.set("sessions", "html_401")
    pair.attic.stop()
    with pytest.raises(UpstreamError):
        async with asyncio.timeout(20):
            await streams.listen(pair.ctx, make_lease("listen", 1))


async def test_another_worker_that_took_over_ends_all_of_it(pair: Pair):
    async with asyncio.timeout(20):
        stream = asyncio.create_task(streams.listen(pair.ctx, make_lease("listen", 1)))
        await listened_to(pair)
        await claim(pair.ctx.db, ATTIC, 2)
        pair.attic.play(pair.plex.world.owner, pair.casablanca)
        with pytest.raises(Overtaken):
            await stream


async def test_a_mistake_of_ours_about_one_is_told_whole_and_stops_nothing(pair: Pair, monkeypatch):
    real = streams.connection

    async def broken(ctx):
        if ctx.instance == ATTIC:
            raise KeyError("a mistake")
        return await real(ctx)

    monkeypatch.setattr(streams, "connection", broken)
    async with watching(pair.ctx):
        await pair.plex.reached(lambda: pair.plex.listeners == 1)
        await until(lambda: [one for one in pair.ctx.log.lines if one.level == "exception"])
        assert pair.plex.listeners == 1


async def test_what_was_played_where_nothing_is_heard_any_more_is_over_after_a_while(pair: Pair, monkeypatch):
    async with watching(pair.ctx):
        await listened_to(pair)
        pair.attic.play(pair.plex.world.owner, pair.casablanca)
        await until(lambda: is_playing(pair, (ATTIC, "Casablanca")))
        pair.attic.stop()
        await until(lambda: news(pair.ctx, ServerDown))
        pair.ctx.clock.ahead += 601
        await until(lambda: is_playing(pair))


async def test_a_webhook_is_taken_for_the_server_that_sent_it(pair: Pair):
    await pair.sync()
    machines = {one: one.world.home.machine_identifier for one in (pair.plex, pair.attic)}
    pair.attic.play(pair.plex.world.owner, pair.casablanca)
    looked = [len(server.asked_of("sessions")) for server in (pair.plex, pair.attic)]
    await media(pair.ctx, hook("media.play", Server={"title": "Attic", "uuid": machines[pair.attic]}))
    now = [len(server.asked_of("sessions")) for server in (pair.plex, pair.attic)]
    assert [after - before for before, after in zip(looked, now, strict=True)] == [0, 1]
    assert await is_playing(pair, (ATTIC, "Casablanca"))
    for unknown in ({}, {"title": "Elsewhere", "uuid": "f" * 40}):
        await media(pair.ctx, hook("media.play", Server=unknown))
    assert [len(server.asked_of("sessions")) for server in (pair.plex, pair.attic)] == now
    assert [one.event for one in pair.ctx.log.lines].count("plex_webhook_of_another_server") == 2
    await media(pair.ctx, hook("library.new", key=77, Server={"uuid": machines[pair.attic]}))
    kept = await pair.ctx.db.fetch("SELECT instance, rating_key FROM plugin_plex.hint WHERE rating_key = 77")
    assert [tuple(row) for row in kept] == [(ATTIC, 77)]
    assert pair.ctx.jobs.queued[-1].task == "sync_2"


async def test_others_see_what_is_played_on_servers_they_have(pair: Pair):
    friend = pair.plex.world.find("friend")
    await pair.sync()
    await pair.link(MIA, friend)
    await pair.refresh(MIA)
    async with watching(pair.ctx):
        await listened_to(pair)
        pair.plex.play(pair.plex.world.owner, pair.brazil)
        pair.attic.play(pair.plex.world.owner, pair.casablanca)
        await until(lambda: is_playing(pair, ("main", "Brazil"), (ATTIC, "Casablanca")))
    assert [one.title for one in await now_playing(pair.ctx, MIA)] == ["Brazil"]
    # All pages get the same, so none gets what not everybody may see.
    assert sent(pair.ctx, complete=False)[-1]["items"] is None
