"""What is made of sessions seen and told of: each beginning and end one event, whoever saw it, and nothing mixed up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from medianest_plex.client.notices import Told
from medianest_plex.events import PlayingStopped
from medianest_plex.playing.board import Board
from medianest_plex.playing.holding import Overtaken

from .stage import Ctx, film, linked, rows, session, told


async def look(ctx: Ctx, board: Board, *found) -> None:
    await board.looked(found, await board.begin_look())


@pytest.fixture
async def board(ctx) -> Board:
    return await Board.claim(ctx, 1)


async def test_a_session_that_is_seen_again_and_again_began_once(ctx, board):
    for progress in (0, 10_000, 20_000):
        await look(ctx, board, session(progress_ms=progress))
    assert told(ctx) == [("started", "Metropolis")]
    assert (await rows(ctx))["1"]["progress_ms"] == 20_000


async def test_who_plays_is_known_by_their_account(ctx, board):
    fred = linked(ctx, 501, "fred")
    await look(ctx, board, session(), session("2", film("Alien", 11), account_id=777, player_id="tv-2"))
    assert [person for _, person in ctx.events.emitted] == [fred.id, None]
    await board.told([Told("1", 10, "stopped", 5)])
    assert [person for _, person in ctx.events.emitted] == [fred.id, None, fred.id]


async def test_pause_resume_and_seek_are_no_end(ctx, board):
    await look(ctx, board, session())
    changes = [
        await board.told([Told("1", 10, state, offset)])
        for state, offset in (("paused", 5000), ("playing", 5000), ("buffering", 900_000), ("playing", 900_000))
    ]
    assert told(ctx) == [("started", "Metropolis")]
    assert [change.turned for change in changes] == [True, True, False, False]
    assert [change.moved for change in changes] == [True, True, True, True]
    row = (await rows(ctx))["1"]
    assert (row["state"], row["progress_ms"]) == ("playing", 900_000)


async def test_an_end_that_is_told_is_one_event_and_how_long_it_went_on(ctx, board):
    await look(ctx, board, session())
    ctx.clock.advance(600)
    for _ in range(2):
        await board.told([Told("1", 10, "stopped", 600_000)])
    assert told(ctx) == [("started", "Metropolis"), ("stopped", "Metropolis")]
    data, _ = ctx.events.emitted[-1]
    assert isinstance(data, PlayingStopped)
    assert data.seconds == 600
    assert await rows(ctx) == {}


async def test_a_list_that_goes_on_naming_what_ended_begins_nothing(ctx, board):
    await look(ctx, board, session())
    await board.told([Told("1", 10, "stopped", 1)])
    await look(ctx, board, session())
    await look(ctx, Board(ctx), session())  # neither as a webhook sees it, in another process
    assert told(ctx) == [("started", "Metropolis"), ("stopped", "Metropolis")]
    # Told of again it has begun anew, and so it has when it is still there after a minute.
    await board.told([Told("1", 10, "playing", 1)])
    await look(ctx, board, session())
    await board.told([Told("1", 10, "stopped", 1)])
    await ctx.db.execute("UPDATE plugin_plex.ended SET at = at - interval '61 seconds'")
    await look(ctx, board, session())
    assert told(ctx)[2:] == [("started", "Metropolis"), ("stopped", "Metropolis"), ("started", "Metropolis")]


async def test_one_that_vanishes_ended_when_it_was_first_missed(ctx, board):
    await look(ctx, board, session())
    ctx.clock.advance(60)
    assert (await board.looked([], await board.begin_look())).missing
    assert told(ctx) == [("started", "Metropolis")]
    ctx.clock.advance(2)
    await look(ctx, board)
    assert told(ctx)[1:] == [("stopped", "Metropolis")]
    assert ctx.events.emitted[-1][0].seconds == 60


async def test_one_that_was_left_out_of_one_list_goes_on(ctx, board):
    await look(ctx, board, session())
    await look(ctx, board)
    ctx.clock.advance(5)
    await look(ctx, board, session())
    await look(ctx, board)
    assert told(ctx) == [("started", "Metropolis")]
    await board.told([Told("1", 10, "playing", 1)])
    assert (await rows(ctx))["1"]["missing_since"] is None


async def test_the_next_episode_under_the_same_key_is_an_end_and_a_beginning(ctx, board):
    show = {"kind": "episode", "grandparent_title": "Bluey", "parent_number": 3, "year": 2021}
    await look(ctx, board, session(item=film("Explorers", 20, number=15, **show)))
    assert (await board.told([Told("1", 21, "playing", 0)])).unknown == {"1"}
    await look(ctx, board, session(item=film("Phones", 21, number=16, **show)))
    assert told(ctx) == [
        ("started", "Bluey · S03E15 · Explorers"),
        ("stopped", "Bluey · S03E15 · Explorers"),
        ("started", "Bluey · S03E16 · Phones"),
    ]


async def test_an_end_told_of_the_episode_before_ends_not_the_one_after(ctx, board):
    await look(ctx, board, session(item=film("Phones", 21)))
    assert (await board.told([Told("1", 20, "stopped", 0)])).unknown == {"1"}
    assert told(ctx) == [("started", "Phones")]


async def test_a_server_that_counts_its_sessions_anew_ends_nothing_that_goes_on(ctx, board):
    bob = session("2", film("Alien", 11), account_id=777, player_id="tv-2")
    await look(ctx, board, session("1"), bob)
    before = {row["title"]: row["id"] for row in (await rows(ctx)).values()}
    swapped = session("1", film("Alien", 11), account_id=777, player_id="tv-2")
    await look(ctx, board, session("2"), swapped)
    assert {row["title"]: row["id"] for row in (await rows(ctx)).values()} == before
    assert (await rows(ctx))["1"]["title"] == "Alien"
    assert len(told(ctx)) == 2


async def test_the_same_key_for_somebody_else_is_another_session(ctx, board):
    await look(ctx, board, session())
    await look(ctx, board, session(account_id=777, player_id="tv-2"))
    assert [what for what, _ in told(ctx)] == ["started", "stopped", "started"]


async def test_what_a_list_does_not_say_stays_known(ctx, board):
    await look(ctx, board, session(state="paused"))
    bare = session(account_id=None, account_name="", player="", player_id="", product="", address="", state=None)
    await look(ctx, board, bare)
    row = (await rows(ctx))["1"]
    assert (row["account_id"], row["account_name"], row["player"], row["state"]) == (501, "Fred", "Apple TV", "paused")
    assert len(told(ctx)) == 1


async def test_what_is_told_of_a_session_nobody_knows_is_asked_for(ctx, board):
    assert (await board.told([Told("9", 10, "playing", 0)])).unknown == {"9"}
    assert not (await board.told([Told("9", 10, "stopped", 0)])).unknown
    await look(ctx, board, session("9"))
    assert told(ctx) == []  # it ended before anybody could see it


async def test_a_look_that_comes_in_late_tells_nothing(ctx, board):
    early = await board.begin_look()
    await look(ctx, board, session())
    await board.looked([], early)
    await board.looked([session("2", film("Alien", 11), player_id="tv-2")], early)
    assert told(ctx) == [("started", "Metropolis")]
    assert (await rows(ctx))["1"]["missing_since"] is None


async def test_a_new_holder_tells_nothing_again_and_the_old_one_writes_nothing_more(ctx, board):
    await look(ctx, board, session())
    new = await Board.claim(ctx, 2)
    await look(ctx, new, session())
    assert len(told(ctx)) == 1
    began = await board.begin_look()
    for late in (
        board.looked([], began),
        board.told([Told("1", 10, "stopped", 0)]),
        board.begin(session("2")),
        board.end(session()),
        board.give_up(timedelta(0)),
    ):
        with pytest.raises(Overtaken):
            await late
    with pytest.raises(Overtaken):
        await Board.claim(ctx, 1)
    assert len(told(ctx)) == 1


async def test_all_who_see_the_same_beginning_and_end_at_once_tell_it_once(ctx, board):
    began = await board.begin_look()
    boards = [board, Board(ctx, 1), Board(ctx)]
    await asyncio.gather(*(one.looked([session()], began) for one in boards))
    await asyncio.gather(*(one.told([Told("1", 10, "stopped", 0)]) for one in boards))
    assert [what for what, _ in told(ctx)] == ["started", "stopped"]


async def test_the_owner_is_found_by_the_number_plex_tv_knows_them_by(owned, plex):
    olive = linked(owned, plex.world.owner.id, "olive")
    board = await Board.claim(owned, 1)
    await look(owned, board, session(account_id=1))
    assert owned.events.emitted[0][1] == olive.id
    assert (await rows(owned))["1"]["account_id"] == plex.world.owner.id


@pytest.mark.parametrize("fault", ["reset", "hang"])
async def test_while_plex_tv_is_away_the_owner_is_nobody_and_found_later(owned, plex, fault, monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("medianest_plex.playing.accounts._ASK_SECONDS", 0.5)
    board = await Board.claim(owned, 1)
    plex.faults.set("user", fault)
    await look(owned, board, session(account_id=1))
    assert (await rows(owned))["1"]["account_id"] is None
    plex.faults.clear()
    owned.clock.advance(61)
    await look(owned, board, session(account_id=1))
    assert (await rows(owned))["1"]["account_id"] == plex.world.owner.id
    assert len(told(owned)) == 1


async def test_what_nobody_told_of_for_long_is_given_up(ctx, board):
    await look(ctx, board, session())
    ctx.clock.advance(300)
    assert not (await board.give_up(timedelta(minutes=10))).stopped
    ctx.clock.advance(400)
    assert (await board.give_up(timedelta(minutes=10))).stopped == 1
    assert ctx.events.emitted[-1][0].seconds == 0  # when it was last seen, not when we gave up


async def test_another_instance_is_another_server(ctx, board):
    other = replace(ctx, instance="cabin")
    cabin = await Board.claim(other, 7)
    await look(ctx, board, session())
    await look(other, cabin, session())
    await board.told([Told("1", 10, "stopped", 0)])
    kept = await ctx.db.fetch("SELECT instance FROM plugin_plex.playing")
    assert [row["instance"] for row in kept] == ["cabin"]
    assert [what for what, _ in told(ctx)] == ["started", "started", "stopped"]


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, "Metropolis"),
        (
            {"kind": "episode", "grandparent_title": "Bluey", "number": 5, "parent_number": 1},
            "Bluey · S01E05 · Metropolis",
        ),
        ({"kind": "episode", "grandparent_title": "News", "number": None, "parent_number": 2}, "News · Metropolis"),
        ({"kind": "track", "grandparent_title": "OutKast", "parent_title": "Aquemini"}, "OutKast · Metropolis"),
        ({"kind": "live", "grandparent_title": "The Price Is Right"}, "Metropolis"),
        ({"kind": "clip"}, "Metropolis"),
    ],
)
async def test_titles_say_of_what_something_is_a_part(ctx, board, fields, title):
    await look(ctx, board, session(item=film(**fields)))
    assert told(ctx) == [("started", title)]


async def test_things_that_are_in_no_library_are_told_apart_by_their_titles(ctx, board):
    for title in ("News", "News", "Weather"):
        await look(ctx, board, session(item=film(title, rating_key=None, kind="live")))
    assert told(ctx) == [("started", "News"), ("stopped", "News"), ("started", "Weather")]
