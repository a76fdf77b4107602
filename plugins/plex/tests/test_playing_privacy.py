"""Who sees what of what is played: by asking, and on open pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medianest_hub.plugin_api import LinkedIdentity, Role
from medianest_hub.testing import make_person
from medianest_plex.client.notices import Told
from medianest_plex.library.state import heard
from medianest_plex.personal.shares import keep_shares
from medianest_plex.playing.board import Board
from medianest_plex.playing.reading import now_playing
from medianest_plex.playing.telling import tell, tell_all, tell_progress
from medianest_plex.privacy import BROWSE, SEE_OTHERS_PLAYING, full
from medianest_plex.servers import everywhere

from .stage import Ctx, film, linked, sent, session, shelve

FRED, GINA = 501, 777
PRIVATE = ("account", "player", "product", "address", "is_local")


@pytest.fixture
async def ctx(ctx) -> Ctx:
    """Fred watches a film on the television, Gina one in another library on her telephone."""
    await shelve(ctx, 1, 2)
    board = await Board.claim(ctx, 1)
    hers = session(
        "2", film("Alien", 11, section_key=2), account_id=GINA, account_name="Gina", player="Pixel", player_id="phone"
    )
    ctx.clock.advance(1)
    await board.looked([session()], await board.begin_look())
    ctx.clock.advance(1)
    await board.looked([session(), hers], await board.begin_look())
    await heard(ctx)
    return ctx


async def may_see(ctx: Ctx, person, *sections: int) -> None:
    """Plex said which libraries are shared with them."""
    account = await ctx.people.identity(person.id)
    await keep_shares(ctx.db, ctx.instance, person.id, account.subject, sections, ctx.clock.now())


async def test_one_sees_ones_own_in_full_and_of_others_only_what_is_played(ctx):
    fred = linked(ctx, FRED, "fred")
    await may_see(ctx, fred, 1, 2)
    mine, hers = await now_playing(ctx, fred)
    assert (mine.mine, mine.title, mine.account, mine.player, mine.address) == (
        True,
        "Metropolis",
        "Fred",
        "Apple TV",
        "192.0.2.11",
    )
    assert (hers.mine, hers.title, hers.state) == (False, "Alien", "playing")
    assert {getattr(hers, name) for name in PRIVATE} == {None}
    assert not any(word in hers.model_dump_json() for word in ("Gina", "Pixel", "192.0.2", str(GINA), "phone"))


async def test_who_may_see_others_sees_all_of_it(ctx):
    admin = make_person("olive", Role.ADMIN, full(BROWSE), full(SEE_OTHERS_PLAYING))
    assert [(one.account, one.player, one.mine) for one in await now_playing(ctx, admin)] == [
        ("Fred", "Apple TV", False),
        ("Gina", "Pixel", False),
    ]


async def test_somebody_without_a_plex_account_sees_what_is_played_and_nobody(ctx):
    guest = make_person("guest", Role.MEMBER, full(BROWSE))
    found = await now_playing(ctx, guest)
    assert [one.title for one in found] == ["Metropolis", "Alien"]
    assert {getattr(one, name) for one in found for name in PRIVATE} == {None}


async def test_what_is_played_of_a_library_one_may_not_see_is_not_there(ctx):
    fred = linked(ctx, FRED, "fred")
    await may_see(ctx, fred, 1)
    assert [one.title for one in await now_playing(ctx, fred)] == ["Metropolis"]


async def test_ones_own_is_there_whatever_library_it_is_of(ctx):
    gina = linked(ctx, GINA, "gina")
    await may_see(ctx, gina, 1)
    assert [(one.title, one.mine) for one in await now_playing(ctx, gina)] == [("Metropolis", False), ("Alien", True)]


async def test_a_library_the_settings_leave_out_is_shown_to_no_member(ctx):
    limited = replace(ctx, settings=ctx.settings.model_copy(update={"sections": ["library 1"]}))
    guest = make_person("guest", Role.MEMBER, full(BROWSE))
    assert [one.title for one in await now_playing(limited, guest)] == ["Metropolis"]
    await tell_all(limited)
    assert sent(limited, complete=False)[-1]["items"] is None
    assert len(sent(limited, complete=True)[-1]["items"]) == 2


async def test_an_account_that_was_taken_away_owns_no_session(ctx):
    fred = linked(ctx, FRED, "fred")
    await may_see(ctx, fred, 1, 2)
    ctx.people.withdraw(fred.id)
    assert await now_playing(ctx, fred) == []


async def test_open_pages_of_members_are_told_what_is_played_and_by_nobody(ctx):
    await tell_all(ctx)
    (event,) = sent(ctx, complete=False)
    assert [one["title"] for one in event["items"]] == ["Metropolis", "Alien"]
    assert {one[name] for one in event["items"] for name in PRIVATE} == {None}
    assert not any(word in str(event) for word in ("Gina", "Fred", "Pixel", "Apple TV", "192.0.2", "phone", "tv-1"))
    (whole,) = sent(ctx, complete=True)
    assert [one["account"] for one in whole["items"]] == ["Fred", "Gina"]
    assert {one.event: one.permission for one in ctx.realtime.sent if one.data["complete"]} == {
        "playing": "see_others_playing"
    }
    assert {one.permission for one in ctx.realtime.sent if not one.data["complete"]} == {"browse"}


async def test_open_pages_ask_for_themselves_while_not_all_may_see_all_of_it(ctx):
    await may_see(ctx, linked(ctx, FRED, "fred"), 1)
    await tell_all(ctx)
    assert [event["items"] for event in sent(ctx, complete=False)] == [None]
    # Not once a second, though: all of them would.
    await tell_progress(ctx)
    assert len(sent(ctx, complete=False)) == 1
    assert len(sent(ctx, complete=True)) == 2


async def test_live_television_is_in_no_library_and_open_to_all(ctx):
    await may_see(ctx, linked(ctx, FRED, "fred"), 1)
    board = Board(ctx, 1)
    news = session(
        "3",
        film("News", rating_key=None, section_key=None, kind="live"),
        account_id=GINA,
        account_name="Gina",
        player_id="tv-2",
    )
    await board.told([Told("2", 11, "stopped", 0)])
    await board.looked([session(), news], await board.begin_look())
    await tell_all(ctx)
    assert [one["title"] for one in sent(ctx, complete=False)[-1]["items"]] == ["Metropolis", "News"]


async def test_where_the_picture_lies_at_the_server_is_told_nobody(ctx):
    fred = linked(ctx, FRED, "fred")
    await may_see(ctx, fred, 1, 2)
    mine, _ = await now_playing(ctx, fred)
    assert mine.thumb == "/library/metadata/10/thumb/1"
    assert "thumb" not in mine.model_dump()


async def test_what_was_not_heard_of_for_long_is_marked(ctx):
    fred = linked(ctx, FRED, "fred")
    await may_see(ctx, fred, 1, 2)
    ctx.clock.advance(89)
    assert [one.stale for one in await now_playing(ctx, fred)] == [False, False]
    ctx.clock.advance(2)
    assert [one.stale for one in await now_playing(ctx, fred)] == [True, True]
    await heard(ctx)  # it is there, but does not say what is played
    assert [one.stale for one in await now_playing(ctx, fred)] == [True, True]
    await Board(ctx).looked([session()], await Board(ctx).begin_look())
    assert not (await now_playing(ctx, fred))[0].stale


async def test_what_is_in_the_index_is_named_by_its_number_there(ctx):
    made = await ctx.db.fetchval(
        """INSERT INTO plugin_plex.item
               (id, instance, section_key, rating_key, kind, title, sort_title, added_at, changed_at, words, run)
           VALUES (gen_random_uuid(), 'main', 1, 10, 'movie', 'Metropolis', 'metropolis', now(), now(), 'metropolis', 1)
           RETURNING id"""
    )
    fred = linked(ctx, FRED, "fred")
    await may_see(ctx, fred, 1, 2)
    assert [one.item_id for one in await now_playing(ctx, fred)] == [made, None]


async def test_pages_that_cannot_be_told_fail_nothing(ctx, monkeypatch):
    async def broken(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(ctx.realtime, "send", broken)
    change = await Board(ctx, 1).told([Told("1", 10, "stopped", 0)])
    await tell(ctx, change)
    await tell_progress(ctx)
    assert [line.event for line in ctx.log.lines].count("pages were not told") == 2


SECOND = {"second_name": "attic", "second_url": "http://attic.test:32400"}


async def play_at_attic(ctx: Ctx, **given) -> Ctx:
    """Something begins on a second server, of which it is not said in which library it is."""
    both = replace(ctx, settings=ctx.settings.model_copy(update=SECOND))
    there = everywhere(both)[1]
    await there.db.execute(
        """INSERT INTO plugin_plex.section (id, instance, section_key, kind, title, position, locations)
           VALUES (gen_random_uuid(), 'attic', 1, 'movie', 'Attic', 1, ARRAY['/attic'])"""
    )
    board = Board(there)
    await board.looked([session("9", film("Secret", 77, section_key=None, **given))], await board.begin_look())
    return both


async def test_what_is_in_no_library_is_shown_to_who_sees_something_of_that_server(ctx):
    both = await play_at_attic(ctx)
    fred, gina = linked(ctx, 601, "fred"), linked(ctx, 602, "gina")
    for person in (fred, gina):
        await may_see(ctx, person, 1, 2)
    await keep_shares(ctx.db, "attic", gina.id, "602", [1], ctx.clock.now())
    assert "Secret" not in [one.title for one in await now_playing(both, fred)]
    assert "Secret" in [one.title for one in await now_playing(both, gina)]
    await tell_all(both)
    assert sent(both, complete=False)[-1]["items"] is None
    await keep_shares(ctx.db, "attic", fred.id, "601", [1], ctx.clock.now())
    await tell_all(both)
    assert "Secret" in [one["title"] for one in sent(both, complete=False)[-1]["items"]]


async def test_the_index_says_which_library_it_is_in_where_the_server_does_not(ctx):
    await ctx.db.execute(
        """INSERT INTO plugin_plex.item
               (id, instance, section_key, rating_key, kind, title, sort_title, added_at, changed_at, words, run)
           VALUES (gen_random_uuid(), 'attic', 2, 77, 'movie', 'Secret', 'secret', now(), now(), 'secret', 1)"""
    )
    both = await play_at_attic(ctx)
    fred = linked(ctx, 601, "fred")
    await may_see(ctx, fred, 1, 2)
    await keep_shares(ctx.db, "attic", fred.id, "601", [1], ctx.clock.now())
    assert "Secret" not in [one.title for one in await now_playing(both, fred)]


@pytest.mark.parametrize(
    ("change", "is_open"),
    [
        ("nothing", True),
        ("linked anew", False),
        ("taken away", False),
        ("never asked", False),
        ("disabled", True),
        ("removed", True),
        ("admin", True),
    ],
)
async def test_open_pages_are_told_only_what_all_who_get_it_see(ctx, change, is_open):
    fred, gina = linked(ctx, 601, "fred"), linked(ctx, 602, "gina")
    for person in (fred, gina):
        await may_see(ctx, person, 1, 2)
    if change == "linked anew":
        ctx.people.link(gina.id, LinkedIdentity(provider="plex", subject="603", username="gina"))
    elif change == "never asked":
        linked(ctx, 603, "new")
    elif change == "taken away":
        ctx.people.withdraw(gina.id)
    else:
        await may_see(ctx, gina, *((1, 2) if change == "nothing" else ()))
    if change == "disabled":
        ctx.people.disable(gina.id)
    elif change == "removed":
        ctx.people.known.pop(gina.id)
    elif change == "admin":
        ctx.people.add(make_person("gina", Role.ADMIN, "hub.admin", full(BROWSE), person_id=gina.id))
    await tell_all(ctx)
    assert (sent(ctx, complete=False)[-1]["items"] is not None) is is_open
