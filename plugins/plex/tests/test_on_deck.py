"""What somebody could go on with: as Plex says to their own token, kept for some minutes, and what is said while it cannot."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api import SIGN_IN_SECRET
from medianest_plex.personal import on_deck

from . import asking
from .asking import titles
from .shelf import MIA, MOVIES, SHOWS, TOM, furnish


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr(on_deck, "DEADLINE", 1.0)


@pytest.fixture
async def ctx(owned, plex):
    """Mia has come to the middle of a film, and has seen an episode of a show; Plex says so of her friend's account."""
    account = plex.world.find("friend")
    plex.add_section("Movies")
    plex.add_section("TV Shows", "show")
    alien, wire = plex.add_movie("Alien"), plex.add_show("The Wire", seasons=1, episodes=2)
    library = plex.pms.library
    season = library.children(wire.rating_key)[0]
    first, second = library.children(season)
    plex.watch(account, alien, count=0, offset=1_800_000)
    plex.watch(account, library.get(first))
    shelf = await furnish(owned, plex.world.home.machine_identifier)
    await shelf.movie("Alien", rating_key=alien.rating_key)
    for key, number in ((first, 1), (second, 2)):
        await shelf.add("episode", SHOWS, f"Chapter {number}", rating_key=key, grandparent_title="The Wire")
    shelf.link(MIA, str(account.id))
    await shelf.share(MIA, MOVIES, SHOWS)
    await owned.people.set_secret(MIA.id, SIGN_IN_SECRET, plex.world.token(account))
    return owned


async def test_it_is_what_plex_says_to_the_persons_own_token(ctx, plex):
    found = await asking.on_deck(ctx)
    assert {(one.title, one.seconds_seen) for one in found.items} == {("Alien", 1800), ("Chapter 2", 0)}
    assert (found.reason, found.as_of) == (None, ctx.clock.now())
    sent = {one.headers["X-Plex-Token"] for one in plex.asked_of("on_deck")}
    assert sent == {plex.token(plex.world.find("friend"))}


async def test_plex_is_asked_once_in_some_minutes(ctx, plex):
    for _ in range(3):
        await asking.on_deck(ctx)
    assert len(plex.asked_of("on_deck")) == 1
    ctx.clock.advance(301)
    await asking.on_deck(ctx)
    assert len(plex.asked_of("on_deck")) == 2


async def test_what_one_may_not_see_here_is_left_out(ctx, plex):
    await ctx.db.execute("UPDATE plugin_plex.seen_state SET sections = '{1}'")
    assert titles(await asking.on_deck(ctx)) == ["Alien"]


async def test_without_a_plex_account_it_is_empty_and_says_why(ctx, plex):
    found = await asking.on_deck(ctx, TOM)
    assert (found.items, found.reason.code) == ([], "not_linked")
    assert plex.asked_of("on_deck") == []


FAULTS = ["hang", "500", "reset", "cut", "html", "half_json", "xml", "not_json", "redirect"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_while_plex_is_away_it_shows_what_was_and_says_so(ctx, plex, fault):
    asked_at = ctx.clock.now()
    before = titles(await asking.on_deck(ctx))
    ctx.clock.advance(301)
    plex.faults.set("on_deck", fault)
    found = await asking.on_deck(ctx)
    assert (titles(found), found.reason.code, found.as_of) == (before, "plex_away", asked_at)
    asked = len(plex.asked_of("on_deck"))
    await asking.on_deck(ctx)
    assert len(plex.asked_of("on_deck")) == asked  # it is left alone for a while
    plex.faults.clear()
    ctx.clock.advance(31)
    assert (await asking.on_deck(ctx)).reason is None


@pytest.mark.parametrize("route", ["user", "resources", "on_deck"])
async def test_the_first_time_while_plex_is_away_it_is_empty_and_says_so(ctx, plex, route):
    plex.faults.set(route, "503")
    found = await asking.on_deck(ctx)
    assert (found.items, found.reason.code, found.as_of) == ([], "plex_away", None)
    assert found.reason.message.endswith(".")


async def test_while_the_server_is_stopped_it_answers(ctx, plex):
    plex.stop()
    assert (await asking.on_deck(ctx)).reason.code == "plex_away"


async def test_a_token_that_was_revoked_shows_nothing_not_even_what_was(ctx, plex):
    await asking.on_deck(ctx)
    ctx.clock.advance(301)
    plex.world.revoke(plex.world.find("friend"))
    found = await asking.on_deck(ctx)
    assert (found.items, found.reason.code) == ([], "plex_refused")


@pytest.mark.parametrize("fault", ["html_401", "json_403"])
async def test_a_server_that_refuses_the_persons_token_is_told_in_words(ctx, plex, fault):
    plex.faults.set("on_deck", fault)
    found = await asking.on_deck(ctx)
    assert (found.items, found.reason.code) == ([], "plex_refused")


async def test_a_share_taken_back_shows_nothing(ctx, plex):
    plex.world.unshare(plex.world.find("friend"))
    assert (await asking.on_deck(ctx)).reason.code == "plex_refused"


async def test_an_empty_list_is_one(ctx, plex):
    plex.faults.set("on_deck", "empty_list")
    found = await asking.on_deck(ctx)
    assert (found.items, found.reason) == ([], None)


async def test_no_token_is_kept_anywhere_but_sealed(ctx, plex):
    await asking.on_deck(ctx)
    kept = f"{ctx.cache._kept}{ctx.log.lines}"
    for token in (*plex.world.tokens, *plex.world.home.access_tokens.values()):
        assert token not in kept
