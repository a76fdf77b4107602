"""The stream against a server that plays, restarts, moves and lies: what is known, how soon, and what is said of it."""

from __future__ import annotations

import asyncio
import time

import pytest

from medianest_hub.plugin_api.errors import HubError
from medianest_hub.testing import make_lease
from medianest_plex.events import PlayingStarted, ServerDown, ServerUp
from medianest_plex.playing import listening
from medianest_plex.playing.holding import Overtaken
from medianest_plex.streams import listen

from .stage import (
    Ctx,
    gone,
    heard,
    hurry,
    is_well,
    news,
    rows,
    running,
    sent,
    settled,
    shelve,
    told,
    trouble,
    until,
    watching,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture
def often(monkeypatch):
    """Looks often enough to notice by them alone."""
    monkeypatch.setattr(listening, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(listening, "IDLE_SECONDS", 0.1)


@pytest.fixture
async def ctx(make, plex) -> Ctx:
    return running(await make(token=plex.world.token(plex.world.owner)))


@pytest.fixture
def film(plex):
    return plex.add_movie("Metropolis", plex.add_section("Movies"), year=1927)


@pytest.fixture
def friend(plex):
    return plex.world.find("friend")


async def test_what_begins_is_told_within_a_second(ctx, plex, film, friend):
    await shelve(ctx, film.section)
    async with settled(ctx, plex):
        before, began = len(sent(ctx, complete=False)), time.monotonic()
        plex.play(friend, film)
        await until(lambda: len(sent(ctx, complete=False)) > before, 2)
        assert time.monotonic() - began < 1
    shown = sent(ctx, complete=False)[-1]["items"]
    assert [(one["title"], one["account"]) for one in shown] == [("Metropolis", None)]
    (whole,) = sent(ctx, complete=True)[-1]["items"]
    assert (whole["account"], whole["player"], whole["address"]) == ("friend", "Chrome", "192.0.2.11")
    assert ctx.realtime.changed[-1] == ("playing", None)
    assert told(ctx) == [("started", "Metropolis")]


async def test_a_play_from_begin_to_end_is_one_start_and_one_stop(ctx, plex, film, friend):
    async with settled(ctx, plex):
        one = plex.play(friend, film, transcode=True)
        await until(lambda: rows(ctx))
        plex.pause(one)
        await until(lambda: state_is(ctx, "paused"))
        plex.resume(one)
        plex.buffer(one)
        plex.progress(one, 3_600_000)
        plex.resume(one)
        await until(lambda: progress_is(ctx, 3_600_000))
        plex.end(one)
        await until(lambda: gone(ctx))
    assert told(ctx) == [("started", "Metropolis"), ("stopped", "Metropolis")]


async def state_is(ctx: Ctx, state: str) -> bool:
    return any(row["state"] == state for row in (await rows(ctx)).values())


async def progress_is(ctx: Ctx, progress: int) -> bool:
    return any(row["progress_ms"] == progress for row in (await rows(ctx)).values())


async def test_progress_is_told_once_a_second_at_most_and_not_kept(ctx, plex, film, friend):
    async with settled(ctx, plex):
        one = plex.play(friend, film)
        await until(lambda: rows(ctx))
        await until(lambda: len(told(ctx)) == 1)
        await until(lambda: any(one["items"] != [] for one in sent(ctx, complete=False)))  # the last thing said of it
        ctx.realtime.sent.clear()
        ctx.realtime.changed.clear()
        began = time.monotonic()
        for offset in range(1, 40):
            plex.progress(one, offset * 1000)
            await asyncio.sleep(0.01)
        await until(lambda: any(told["items"][0]["progress_ms"] == 39_000 for told in sent(ctx, complete=True)))
    assert len(sent(ctx, complete=True)) <= time.monotonic() - began + 2
    assert not any(one.keep for one in ctx.realtime.sent)
    assert ctx.realtime.changed == []


async def test_many_who_begin_at_once_are_read_in_a_few_looks(ctx, plex, film, friend):
    async with settled(ctx, plex):
        before = len(plex.asked_of("sessions"))
        for number in range(20):
            plex.play(friend, film, f"Player {number}")
        await until(lambda: len(told(ctx)) == 20)
        assert len(plex.asked_of("sessions")) - before <= 5


async def test_without_notifications_looking_is_enough(ctx, plex, film, friend, often):
    plex.faults.set("notifications", "html_404")
    async with watching(ctx):
        await until(lambda: heard(ctx))
        one = plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        await until(lambda: trouble(ctx))
        assert "notifications cannot be had" in await trouble(ctx)
        plex.pause(one)
        await until(lambda: state_is(ctx, "paused"))
        plex.end(one)
        await until(lambda: len(told(ctx)) == 2)
        plex.faults.clear()
        await plex.reached(lambda: plex.listeners == 1)
        await until(lambda: is_well(ctx))
    assert told(ctx) == [("started", "Metropolis"), ("stopped", "Metropolis")]


async def test_a_server_that_keeps_the_connection_and_says_nothing_is_looked_at(ctx, plex, film, friend, often):
    async with settled(ctx, plex):
        plex.mute()
        one = plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        plex.vanish(one)
        await until(lambda: len(told(ctx)) == 2)


async def test_a_connection_that_breaks_off_is_opened_again_and_nothing_is_told_twice(ctx, plex, film, friend):
    async with settled(ctx, plex):
        one = plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        looks = len(plex.asked_of("sessions"))
        plex.kick()
        await plex.reached(lambda: plex.listeners == 1 and len(plex.asked_of("sessions")) > looks)
        plex.end(one)
        await until(lambda: len(told(ctx)) == 2)
    assert told(ctx) == [("started", "Metropolis"), ("stopped", "Metropolis")]
    assert news(ctx, ServerDown) == []


async def test_what_ended_while_nobody_listened_is_found_at_reconnection(ctx, plex, film, friend):
    async with settled(ctx, plex):
        one = plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
    plex.end(one)
    other = plex.add_movie("Alien")
    plex.play(friend, other, "Apple TV")
    async with settled(ctx, plex, fence=2):
        await until(lambda: len(told(ctx)) == 3)
    assert sorted(told(ctx)[1:]) == [("started", "Alien"), ("stopped", "Metropolis")]


async def test_a_restart_in_the_middle_tells_nothing_again(ctx, plex, film, friend):
    plex.play(friend, film)
    for fence in (1, 2, 3):
        async with settled(ctx, plex, fence):
            await until(lambda: rows(ctx))
    assert told(ctx) == [("started", "Metropolis")]


async def test_of_two_holders_only_the_later_one_goes_on(ctx, plex, film, friend):
    async with settled(ctx, plex, fence=2):
        with pytest.raises(Overtaken):
            await listen(ctx, make_lease("listen", 1))
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)


async def test_a_holder_that_was_overtaken_ends(ctx, plex, film, friend):
    old = asyncio.create_task(listen(ctx, make_lease("listen", 1)))
    await plex.reached(lambda: plex.listeners == 1 and len(plex.asked_of("sessions")) >= 2)
    await until(lambda: heard(ctx))
    async with watching(ctx, 2):
        await plex.reached(lambda: plex.listeners == 2)
        plex.play(friend, film)
        await until(lambda: old.done())
        assert isinstance(old.exception(), Overtaken)
        await until(lambda: len(told(ctx)) >= 1)
    assert told(ctx) == [("started", "Metropolis")]


async def test_a_server_that_goes_and_comes_is_told_once_each(ctx, plex, film, friend):
    async with settled(ctx, plex):
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        plex.stop()
        await until(lambda: news(ctx, ServerDown))
        attempts = ctx.clock.monotonic()
        await until(lambda: ctx.clock.monotonic() - attempts > 1)
        assert await rows(ctx)  # nobody knows yet whether it goes on
        plex.restart()
        await until(lambda: news(ctx, ServerUp))
        await plex.reached(lambda: plex.listeners == 1)
        await until(lambda: len(told(ctx)) == 2)
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 3)
    assert len(news(ctx, ServerDown)) == len(news(ctx, ServerUp)) == 1
    lines = [line.event for line in ctx.log.lines if line.event in ("plex_server_lost", "plex_server_heard")]
    assert lines == ["plex_server_heard", "plex_server_lost", "plex_server_heard"]
    assert "cannot be reached" in news(ctx, ServerDown)[0].reason


async def test_a_restart_with_the_same_player_going_on_is_no_end(ctx, plex, film, friend):
    async with settled(ctx, plex):
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        plex.restart()
        plex.play(friend, film)  # the player reconnects at once, under another key
        await plex.reached(lambda: plex.listeners == 1)
        await until(lambda: has_key(ctx, "2"))
    assert told(ctx) == [("started", "Metropolis")]


async def has_key(ctx: Ctx, key: str) -> bool:
    return list(await rows(ctx)) == [key]


async def test_away_for_long_it_plays_nothing(ctx, plex, film, friend):
    async with settled(ctx, plex):
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        plex.stop()
        await until(lambda: news(ctx, ServerDown))
        assert len(told(ctx)) == 1
        ctx.clock.ahead = 700
        await until(lambda: len(told(ctx)) == 2)


async def test_a_session_that_is_told_of_before_it_is_listed_is_asked_for_again(ctx, plex, film, friend, monkeypatch):
    monkeypatch.setattr(listening, "_UNKNOWN_SECONDS", (0.2, 0.2, 0.2))
    async with settled(ctx, plex):
        plex.faults.set("sessions", "empty_list", times=2)
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)


async def test_a_session_that_is_never_listed_is_let_be(ctx, plex, monkeypatch):
    monkeypatch.setattr(listening, "_UNKNOWN_SECONDS", (0.05, 0.05, 0.05))
    entry = '{"sessionKey":"77","ratingKey":"5","state":"playing","viewOffset":%d}'
    message = '{"NotificationContainer":{"type":"playing","size":1,"PlaySessionStateNotification":[' + entry + "]}}"
    async with settled(ctx, plex):
        looks = len(plex.asked_of("sessions"))
        for offset in range(50):
            plex.say(message % offset)
            await asyncio.sleep(0.02)
        assert len(plex.asked_of("sessions")) - looks <= 5


async def test_without_a_token_nobody_is_asked_and_the_stream_waits(make, plex):
    ctx = running(await make())
    async with watching(ctx) as task:
        await until(lambda: claimed(ctx))
        await asyncio.sleep(0)
        assert not task.done()
    assert plex.asked == []


async def claimed(ctx: Ctx) -> bool:
    return bool(await ctx.db.fetchval("SELECT fence FROM plugin_plex.listener"))


async def test_before_it_is_known_which_server_is_ours_its_absence_is_told_once(make, plex):
    ctx = running(await make(token=plex.world.token(plex.world.owner)))
    plex.stop()
    async with watching(ctx):
        await until(lambda: news(ctx, ServerDown))
        plex.restart()
        await until(lambda: heard(ctx))
    assert len(news(ctx, ServerDown)) == 1


async def test_changes_of_the_library_hint_at_a_sync_with_what_changed(ctx, plex, film):
    async with settled(ctx, plex):
        added = plex.add_movie("Alien")
        plex.delete(film)
        await until(lambda: hinted(ctx, {added.rating_key, film.rating_key}))
    assert {job.task for job in ctx.jobs.queued} == {"sync"}


async def hinted(ctx: Ctx, keys: set[int]) -> bool:
    found = await ctx.db.fetch("SELECT rating_key FROM plugin_plex.hint")
    return keys <= {row["rating_key"] for row in found}


async def test_a_hint_that_cannot_be_kept_does_not_end_listening(ctx, plex, film, friend, monkeypatch):
    async def refuse(*args, **kwargs):
        raise HubError("no room")

    monkeypatch.setattr(ctx.jobs, "enqueue", refuse)
    async with settled(ctx, plex):
        plex.add_movie("Alien")
        await until(lambda: any(line.event == "plex_hint_lost" for line in ctx.log.lines))
        plex.play(friend, film)
        await until(lambda: news(ctx, PlayingStarted))
