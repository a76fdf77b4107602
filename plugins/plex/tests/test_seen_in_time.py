"""What somebody has seen is known soon after it changed: when they stop playing, and when a show goes on."""

from __future__ import annotations

import pytest

from medianest_hub.testing import make_job
from medianest_plex.client.notices import Told
from medianest_plex.personal.refreshing import OfPerson, refresh_seen
from medianest_plex.playing.board import Board
from medianest_plex.playing.writing import SEEN_SECONDS

from . import asking
from .asking import titles
from .pair import Pair
from .shelf import MIA
from .stage import linked, session


async def test_when_somebody_stops_plex_is_asked_about_them_in_a_while_and_once(ctx):
    board, fred = await Board.claim(ctx, 1), linked(ctx, 501, "fred")
    unknown = session("3", account_id=777, player_id="tv-3")
    await board.looked([session(), session("2", player_id="tv-2"), unknown], await board.begin_look())
    assert ctx.jobs.queued == []
    await board.told([Told(key, 10, "stopped", 5) for key in ("1", "2", "3")])
    assert [(one.task, one.args, one.delay) for one in ctx.jobs.queued] == [
        (refresh_seen.name, OfPerson(person_id=fred.id), SEEN_SECONDS)
    ]


@pytest.fixture
async def show(pair: Pair):
    """A show with one season, of which Mia has seen all."""
    pair.plex.add_section("Series", "show")
    wire = pair.plex.add_show("The Wire", seasons=1, episodes=2)
    friend = pair.plex.world.find("friend")
    for leaf in pair.plex.pms.library.leaves(wire.rating_key):
        pair.plex.watch(friend, pair.plex.pms.library.get(leaf))
    await pair.sync()
    await pair.link(MIA, friend)
    await pair.refresh(MIA)
    assert await unwatched(pair) == []
    return wire


async def unwatched(pair: Pair) -> list[str]:
    return titles(await asking.items(pair.ctx, 2, MIA, unwatched=True))


async def test_a_show_that_goes_on_is_not_seen_any_more_with_the_next_sync(pair: Pair, show):
    season = pair.plex.pms.library.get(pair.plex.pms.library.children(show.rating_key)[0])
    episode = pair.plex.add_episode(season, 3, "Chapter 3")
    await pair.sync()
    assert await unwatched(pair) == ["The Wire"]
    pair.plex.watch(pair.plex.world.find("friend"), episode)
    await refresh_seen(pair.ctx, make_job(OfPerson(person_id=MIA.id)))
    assert await unwatched(pair) == []


async def test_an_episode_that_merely_moved_changes_nothing(pair: Pair, show):
    library = pair.plex.pms.library
    pair.plex.move(library.leaves(show.rating_key)[0])
    await pair.sync()
    assert await unwatched(pair) == []
