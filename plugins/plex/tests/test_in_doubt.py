"""What is known of somebody, and what becomes of it by odd answers of Plex, another account, and when they are removed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from medianest_hub.plugin_api import SIGN_IN_SECRET, Person, PersonRemoved, Standing
from medianest_hub.testing import make_event
from medianest_plex.browsing.sight import sight
from medianest_plex.client.personal import PersonalPlex
from medianest_plex.personal import refreshing
from medianest_plex.personal.refreshing import OfPerson, forget_person
from medianest_plex.sign_in import recheck

from . import asking
from .asking import titles
from .shelf import MIA
from .test_who_sees_what import Home, home, impatient

__all__ = ["home", "impatient"]


async def seen_by(home: Home, person: Person = MIA) -> int:
    found: int = await home.ctx.db.fetchval("SELECT count(*) FROM plugin_plex.seen WHERE person_id = $1", person.id)
    return found


@pytest.mark.parametrize("route", ["sections", "all"])
async def test_a_list_of_nothing_takes_away_what_was_known_when_it_comes_twice_only(home, route):
    home.plex.watch(home.mia, home.alien)
    await home.refresh()
    home.plex.faults.set(route, "empty_list")
    await home.refresh()
    assert (await home.libraries(), await seen_by(home)) == (["Movies"], 1)
    assert home.ctx.clock.now() - (await home.state())["refreshed_at"] > timedelta(minutes=50)  # to be asked again soon
    home.plex.faults.clear()
    await home.refresh()
    assert (await home.state())["doubt_since"] is None
    home.plex.faults.set(route, "empty_list")
    for _ in range(2):
        assert await home.libraries() == ["Movies"]
        await home.refresh()
    assert (await home.libraries(), await seen_by(home)) == ([] if route == "sections" else ["Movies"], 0)


@pytest.mark.parametrize(
    "container",
    [
        {"size": 0, "totalSize": 2},
        {"size": 1, "totalSize": 1, "Metadata": [{"title": "What?"}]},
        {"size": 2, "totalSize": 2},
    ],
)
async def test_a_page_without_what_should_be_in_it_takes_nothing_away(home, monkeypatch, container):
    home.plex.watch(home.mia, home.alien)
    await home.refresh()
    before = PersonalPlex._get

    async def odd(self, path, *rest):
        answer = await before(self, path, *rest)
        return replace(answer, body=json.dumps({"MediaContainer": container}).encode()) if "/all" in path else answer

    monkeypatch.setattr(PersonalPlex, "_get", odd)
    for _ in range(3):
        await home.refresh()
    assert (await home.libraries(), await seen_by(home)) == (["Movies"], 1)


async def test_the_total_says_how_much_there_is_also_where_pages_are_short(home, monkeypatch):
    for number in range(8):
        home.plex.watch(home.mia, home.plex.add_movie(f"Film {number}"))
    before = PersonalPlex.watched

    async def short(self, section, kind, start, size):
        return await before(self, section, kind, start, 3)

    monkeypatch.setattr(PersonalPlex, "watched", short)
    await home.refresh()
    assert await seen_by(home) == 8


async def test_another_account_has_nothing_of_the_first_ones(home):
    home.plex.watch(home.mia, home.alien, count=0, offset=60_000)
    home.plex.watch(home.mia, home.brazil)
    await home.refresh()
    assert titles(await asking.on_deck(home.ctx)) == ["Alien"]
    assert await home.libraries() == ["Movies"]
    other = home.plex.world.friend("other", email="other@home.example")
    home.plex.share(other, [home.shows])
    await home.link(MIA, other)
    home.plex.faults.set("sections", "500")
    assert await home.libraries() == []
    assert (await sight(home.ctx, MIA)).refreshed == {}
    home.plex.faults.clear()
    home.ctx.clock.advance(31)
    assert await home.libraries() == ["TV Shows"]
    assert await seen_by(home) == 0
    assert titles(await asking.on_deck(home.ctx)) == []


async def test_nothing_is_kept_of_who_is_removed_while_plex_is_asked(home, monkeypatch):
    async def removed(ctx, person_id, plex, sections):
        home.ctx.people.known.pop(MIA.id)
        await forget_person(home.ctx, make_event(PersonRemoved(username="mia"), person=MIA.id))
        return [home.alien.rating_key]

    monkeypatch.setattr(refreshing, "ask_watched", removed)
    await home.refresh()
    assert (await home.state(), await seen_by(home)) == (None, 0)


async def test_who_is_found_to_be_still_a_member_is_asked_about(home):
    identity = await home.ctx.people.identity(MIA.id)
    secret = await home.ctx.people.secret(MIA.id, SIGN_IN_SECRET)
    assert await recheck(home.ctx, identity, secret) is Standing.GOOD
    assert [(job.task, job.args) for job in home.ctx.jobs.queued] == [("refresh_seen", OfPerson(person_id=MIA.id))]
