"""Plex Pass webhooks, as the server posts them, to the handler and to a running hub."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.testing import make_lease
from medianest_plex import webhooks
from medianest_plex.client.notices import Told
from medianest_plex.connection import connection
from medianest_plex.library.state import read_server
from medianest_plex.playing.board import Board
from medianest_plex.streams import listen
from medianest_plex.webhooks import PlexWebhook, media

from .stage import film, linked, rows, session, told, until

RECORDED = Path(__file__).parents[4] / "shared" / "captures" / "plex" / "json" / "webhook-media.resume-2025.json"


def hook(event: str, key: int = 10, **fields: Any) -> PlexWebhook:
    item = {"type": "movie", "ratingKey": str(key), "title": "Metropolis", "year": 1927, "librarySectionID": 1}
    said = {
        "event": event,
        "Account": {"id": 501, "title": "Fred"},
        "Player": {"local": True, "publicAddress": "198.51.100.7", "title": "Apple TV", "uuid": "tv-1"},
        "Metadata": {**item, "viewOffset": 5000},
    }
    return PlexWebhook.model_validate({**said, **fields})


@pytest.fixture
def friend(plex):
    return plex.world.find("friend")


async def test_without_a_token_what_is_told_is_kept(ctx):
    fred = linked(ctx, 501, "fred")
    for event in ("media.play", "media.play", "media.pause", "media.resume", "media.scrobble"):
        await media(ctx, hook(event))
    assert told(ctx) == [("started", "Metropolis")]
    assert ctx.events.emitted[-1][1] == fred.id
    (row,) = (await rows(ctx)).values()
    assert (row["state"], row["progress_ms"], row["player"], row["account_name"]) == (
        "playing",
        5000,
        "Apple TV",
        "Fred",
    )
    for _ in range(2):
        await media(ctx, hook("media.stop"))
    assert told(ctx) == [("started", "Metropolis"), ("stopped", "Metropolis")]


async def test_a_player_that_goes_on_to_something_else_has_ended_the_first(ctx):
    await media(ctx, hook("media.play"))
    await media(ctx, hook("media.play", 11, Metadata={"type": "movie", "ratingKey": "11", "title": "Alien"}))
    assert told(ctx) == [("started", "Metropolis"), ("stopped", "Metropolis"), ("started", "Alien")]


async def test_seen_to_its_end_begins_nothing(ctx):
    await media(ctx, hook("media.scrobble"))
    assert told(ctx) == []


async def test_with_a_token_the_sessions_are_looked_at(owned, plex, friend):
    title = plex.add_movie("Metropolis", plex.add_section("Movies"))
    one = plex.play(friend, title)
    for _ in range(2):
        await media(owned, hook("media.play"))
    assert list(await rows(owned)) == [str(one.key)]
    assert told(owned) == [("started", "Metropolis")]


async def test_many_at_once_share_a_look(owned, plex, friend):
    plex.play(friend, plex.add_movie("Metropolis", plex.add_section("Movies")))
    await asyncio.gather(*(media(owned, hook("media.play")) for _ in range(20)))
    assert len(plex.asked_of("sessions")) <= 2
    assert len(told(owned)) == 1


async def test_one_that_the_stream_saw_already_is_no_news_and_its_end_is_told_once(owned, plex, friend):
    title = plex.add_movie("Metropolis", plex.add_section("Movies"))
    one = plex.play(friend, title, "Apple TV")
    stream = await Board.claim(owned, 1)
    playing = session(str(one.key), film(key=title.rating_key), account_id=friend.id, player_id=one.client)
    await stream.looked([playing], await stream.begin_look())
    await media(owned, hook("media.play"))
    assert len(told(owned)) == 1
    plex.end(one)
    await stream.told([Told(str(one.key), title.rating_key, "stopped", 0)])
    await media(owned, hook("media.stop"))
    assert told(owned) == [("started", "Metropolis"), ("stopped", "Metropolis")]


async def test_a_server_that_hangs_keeps_no_webhook_waiting(owned, plex, monkeypatch):
    monkeypatch.setattr(webhooks, "_LOOK_SECONDS", 0.3)
    plex.faults.set("sessions", "hang")
    await media(owned, hook("media.play"))
    assert told(owned) == [("started", "Metropolis")]


async def test_where_the_sessions_cannot_be_read_what_is_told_is_kept_and_later_known_again(owned, plex, friend):
    title = plex.add_movie("Metropolis", plex.add_section("Movies"))
    one = plex.play(friend, title, "Apple TV")
    plex.faults.set("sessions", "html")
    said = {
        "Account": {"id": friend.id, "title": "friend"},
        "Player": {"title": "Apple TV", "uuid": one.client},
        "Metadata": {"type": "movie", "ratingKey": str(title.rating_key), "title": "Metropolis"},
    }
    await media(owned, hook("media.play", **said))
    assert told(owned) == [("started", "Metropolis")]
    before = next(iter((await rows(owned)).values()))
    plex.faults.clear()
    await media(owned, hook("media.pause", **said))
    ((key, after),) = (await rows(owned)).items()
    assert (key, after["id"]) == (str(one.key), before["id"])
    assert len(told(owned)) == 1


async def test_a_stop_ends_also_what_the_list_told_of(owned, plex, friend):
    title = plex.add_movie("Metropolis", plex.add_section("Movies"))
    one = plex.play(friend, title, "Apple TV")
    await media(owned, hook("media.play"))
    plex.faults.set("sessions", "500")
    said = {
        "Account": {"id": friend.id, "title": "friend"},
        "Player": {"title": "Apple TV", "uuid": one.client},
        "Metadata": {"type": "movie", "ratingKey": str(title.rating_key), "title": "Metropolis"},
    }
    await media(owned, hook("media.stop", **said))
    assert told(owned) == [("started", "Metropolis"), ("stopped", "Metropolis")]
    plex.faults.clear()
    await media(owned, hook("media.play", **said))  # still listed for a moment
    assert len(told(owned)) == 2


async def test_what_came_in_is_a_hint_to_sync(ctx):
    await media(ctx, hook("library.new", 42, Player=None))
    assert [job.task for job in ctx.jobs.queued] == ["sync"]
    assert await ctx.db.fetchval("SELECT rating_key FROM plugin_plex.hint") == 42


@pytest.mark.parametrize("event", ["media.rate", "device.new", "playback.started", "admin.database.backup", "", "x.y"])
async def test_other_events_pass(ctx, event):
    await media(ctx, PlexWebhook.model_validate({"event": event, "Other": [1]}))
    assert (told(ctx), ctx.jobs.queued, await rows(ctx)) == ([], [], {})


async def test_another_server_of_the_same_account_is_not_ours(ctx, plex):
    await connection(ctx)
    await media(ctx, hook("media.play", Server={"title": "Cabin", "uuid": "f" * 40}))
    assert told(ctx) == []
    await media(ctx, hook("media.play", Server={"title": "Home", "uuid": plex.world.home.machine_identifier}))
    assert told(ctx) == [("started", "Metropolis")]


@pytest.mark.parametrize("part", ["Account", "Player", "Metadata"])
async def test_a_message_without_a_part_does_no_harm(ctx, part):
    await media(ctx, hook("media.play", **{part: None}))
    assert len(told(ctx)) == (1 if part == "Account" else 0)


async def test_the_server_is_heard_by_it(ctx):
    await media(ctx, hook("media.play"))
    assert (await read_server(ctx.db, ctx.instance)).connected


async def test_without_a_token_what_was_told_of_six_hours_ago_is_over(ctx):
    await media(ctx, hook("media.play"))
    board = await Board.claim(ctx, 1)
    other = film("Alien", 11)
    await board.looked([session("5", other, player_id="tv-9")], await board.begin_look())  # of when there was a token
    ctx.clock.advance(6 * 3600 + 1)
    task = asyncio.create_task(listen(ctx, make_lease("listen", 2)))
    await until(lambda: ("stopped", "Metropolis") in told(ctx))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.skipif(not RECORDED.is_file(), reason="the recordings of real services are not here")
async def test_the_recorded_webhook_is_understood(ctx):
    await media(ctx, PlexWebhook.model_validate(json.loads(RECORDED.read_text())))
    assert told(ctx) == [("started", "Bluey · S03E15 · Explorers")]
    (row,) = (await rows(ctx)).values()
    assert (row["progress_ms"], row["duration_ms"], row["player"], row["rating_key"]) == (
        342_000,
        420_000,
        "Chrome",
        28841,
    )
    assert (row["year"], row["section_key"], row["thumb"]) == (2021, 2, "/library/metadata/28841/thumb/1735787910")
