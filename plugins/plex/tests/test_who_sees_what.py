"""Who sees which libraries: what Plex shares with their account, what the settings show, or all; and when Plex is asked."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import pytest

from medianest_hub.plugin_api import SIGN_IN_SECRET, Person, PersonRemoved, Role, Standing
from medianest_hub.plugin_api.errors import NotFound
from medianest_hub.testing import make_event, make_job, make_person
from medianest_plex.browsing.sight import sight
from medianest_plex.personal import refreshing
from medianest_plex.personal.refreshing import OfPerson, forget_person, look, refresh_seen
from medianest_plex.sign_in import recheck
from tests.simulators.plex.server import Item, PlexSimulator, Section
from tests.simulators.plex.world import Account

from . import asking
from .asking import titles
from .shelf import ADA, MIA, MOVIES, SHOWS, TOM, Ctx, Shelf, furnish


@dataclass
class Home:
    """The simulated server with two libraries, as they are on the shelf; `mia` is a friend's account, linked to Mia."""

    ctx: Ctx
    plex: PlexSimulator
    shelf: Shelf
    mia: Account
    movies: Section
    shows: Section
    alien: Item
    brazil: Item
    wire: Item

    async def refresh(self, person: Person = MIA) -> None:
        await refresh_seen(self.ctx, make_job(OfPerson(person_id=person.id)))

    async def libraries(self, person: Person = MIA) -> list[str]:
        return titles(await asking.libraries(self.ctx, person))

    async def state(self, person: Person = MIA) -> Any:
        return await self.ctx.db.fetchrow("SELECT * FROM plugin_plex.seen_state WHERE person_id = $1", person.id)

    async def link(self, person: Person, account: Account) -> None:
        self.shelf.link(person, str(account.id))
        await self.ctx.people.set_secret(person.id, SIGN_IN_SECRET, self.plex.world.token(account))

    def season(self, number: int) -> Item:
        return self.below(self.wire, number)

    def below(self, item: Item, number: int) -> Item:
        found = self.plex.pms.library.get(self.plex.pms.library.children(item.rating_key)[number - 1])
        assert found is not None
        return found


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("medianest_plex.personal.watched.PAUSE_SECONDS", 0.0)


@pytest.fixture
async def home(make, plex) -> Home:
    ctx = await make(token=plex.world.token(plex.world.owner), page_size=50)
    movies, shows = plex.add_section("Movies"), plex.add_section("TV Shows", "show")
    alien, brazil = plex.add_movie("Alien"), plex.add_movie("Brazil")
    wire = plex.add_show("The Wire", seasons=2, episodes=2)
    shelf = await furnish(ctx, plex.world.home.machine_identifier)
    for one in (alien, brazil):
        await shelf.movie(one.title, rating_key=one.rating_key)
    library = plex.pms.library
    await shelf.add("show", SHOWS, "The Wire", rating_key=wire.rating_key)
    for key in library.children(wire.rating_key):
        await shelf.add("season", SHOWS, "Season", rating_key=key, parent_key=wire.rating_key)
        for leaf in library.children(key):
            above = {"parent_key": key, "grandparent_key": wire.rating_key}
            await shelf.add("episode", SHOWS, f"Episode {leaf}", rating_key=leaf, **above)
    home = Home(ctx, plex, shelf, plex.world.find("friend"), movies, shows, alien, brazil, wire)
    plex.share(home.mia, [movies])
    await home.link(MIA, home.mia)
    return home


async def test_without_a_plex_account_one_sees_what_the_settings_show_and_admins_do_too(home):
    assert await home.libraries(TOM) == ["Movies", "TV Shows", "Music"]
    assert await home.libraries(ADA) == ["Movies", "TV Shows", "Music"]
    only = replace(home.ctx, settings=home.ctx.settings.model_copy(update={"sections": ["tv shows", "Radio"]}))
    for person in (TOM, ADA):
        assert titles(await asking.libraries(only, person)) == ["TV Shows"]
        assert titles(await asking.search(only, "alien", person)) == []
    await home.shelf.share(MIA, MOVIES, SHOWS)
    assert titles(await asking.libraries(only)) == ["TV Shows"]


async def test_with_a_plex_account_one_sees_what_the_server_shares_with_it_from_the_first_look_on(home):
    began = time.monotonic()
    assert await home.libraries() == ["Movies"]
    assert time.monotonic() - began < 3
    assert [(job.task, job.unique) for job in home.ctx.jobs.queued] == [("refresh_seen", str(MIA.id))]
    with pytest.raises(NotFound):
        await asking.items(home.ctx, SHOWS)
    assert titles(await asking.items(home.ctx, MOVIES)) == ["Brazil", "Alien"]


async def test_an_admin_with_a_plex_account_sees_all_at_once_and_only_what_they_watched_is_asked(home):
    await home.link(ADA, home.plex.world.owner)
    home.plex.faults.set("sections", "hang")
    assert await home.libraries(ADA) == ["Movies", "TV Shows", "Music"]
    assert [job.unique for job in home.ctx.jobs.queued] == [str(ADA.id)]
    assert (await home.state(ADA)) is None
    # By a key that may do less than they, they see what their account sees.
    by_key = make_person("ada", Role.MEMBER, "plex.browse", person_id=ADA.id)
    home.plex.faults.clear()
    assert await home.libraries(by_key) == ["Movies", "TV Shows"]


@pytest.mark.parametrize("fault", ["hang", "500", "reset", "html", "half_json", "xml"])
async def test_until_plex_has_said_it_nothing_is_shown_and_nobody_waits_long(home, monkeypatch, fault):
    monkeypatch.setattr(refreshing, "AT_ONCE_SECONDS", 0.5)
    home.plex.faults.set("sections", fault)
    began = time.monotonic()
    for _ in range(3):
        assert await home.libraries() == []
    assert time.monotonic() - began < 2.5
    assert titles(await asking.search(home.ctx, "alien")) == []
    assert titles(await asking.recently_added(home.ctx)) == []
    asked = len(home.plex.asked_of("sections"))
    await home.libraries()
    assert len(home.plex.asked_of("sections")) == asked  # not with every page

    home.plex.faults.clear()
    home.ctx.clock.advance(31)
    assert await home.libraries() == ["Movies"]


async def test_plex_is_asked_anew_every_hour_in_the_background_once(home):
    await home.libraries()
    home.ctx.jobs.queued.clear()
    home.ctx.clock.advance(3500)
    await home.libraries()
    assert home.ctx.jobs.queued == []
    home.ctx.clock.advance(101)
    home.plex.faults.set("sections", "hang")
    for _ in range(3):
        assert await home.libraries() == ["Movies"]  # what was last known, at once
    assert [(job.task, job.unique) for job in home.ctx.jobs.queued] == [("refresh_seen", str(MIA.id))]


async def test_what_is_shared_anew_and_no_longer_is_noticed(home):
    await home.refresh()
    home.plex.share(home.mia, [home.shows])
    await home.refresh()
    assert await home.libraries() == ["TV Shows"]
    home.plex.share(home.mia)
    await home.refresh()
    assert await home.libraries() == ["Movies", "TV Shows"]
    home.plex.world.unshare(home.mia)
    await home.refresh()
    assert await home.libraries() == []
    assert (await home.state())["refreshed_at"] == home.ctx.clock.now()


@pytest.mark.parametrize("route", ["user", "resources", "sections", "all"])
async def test_while_plex_is_away_what_was_known_stays_and_it_is_tried_again(home, route):
    await home.refresh()
    home.plex.faults.set(route, "500")
    home.ctx.clock.advance(3601)  # so long the owner is believed in
    await home.refresh()
    assert await home.libraries() == ["Movies"]
    home.ctx.jobs.queued.clear()
    home.ctx.clock.advance(301)
    home.plex.faults.clear()
    await home.libraries()
    assert len(home.ctx.jobs.queued) == 1


async def test_a_token_that_plex_refuses_shows_nothing_and_is_tried_again_soon(home):
    await home.refresh()
    home.plex.world.revoke(home.mia)
    await home.refresh()
    assert await home.libraries() == []
    home.ctx.jobs.queued.clear()
    home.ctx.clock.advance(200)
    await home.libraries()
    assert home.ctx.jobs.queued == []
    home.ctx.clock.advance(101)
    await home.libraries()
    assert len(home.ctx.jobs.queued) == 1
    await home.link(MIA, home.mia)  # signed in again
    await home.refresh()
    assert await home.libraries() == ["Movies"]


async def test_who_takes_their_plex_account_away_does_not_see_more_by_that(home):
    assert await home.libraries() == ["Movies"]
    home.ctx.people.withdraw(MIA.id)
    await home.ctx.people.set_secret(MIA.id, SIGN_IN_SECRET, None)
    assert await home.libraries() == []
    await home.refresh()
    assert await home.libraries() == []


async def test_who_loses_their_account_before_they_ever_looked_does_not_see_more_by_that(home):
    identity = await home.ctx.people.identity(MIA.id)
    secret = await home.ctx.people.secret(MIA.id, SIGN_IN_SECRET)
    home.plex.world.unshare(home.mia)
    assert await recheck(home.ctx, identity, secret) is Standing.REMOVED
    home.ctx.people.withdraw(MIA.id)
    assert await home.libraries() == []


async def test_whose_plex_could_not_be_asked_does_not_see_more_without_their_account_either(home, monkeypatch):
    monkeypatch.setattr(refreshing, "AT_ONCE_SECONDS", 0.3)
    home.plex.faults.set("sections", "hang")
    assert await home.libraries() == []
    home.ctx.people.withdraw(MIA.id)
    assert await home.libraries() == []


async def test_a_server_registered_under_ours_opens_nothing(home):
    world = home.plex.world
    stranger = world.find("stranger")
    world.server("Forged", stranger, world.home.machine_identifier)
    await home.link(TOM, stranger)
    world.home.lets_everybody_in = True  # who asks without a token is taken for the owner
    assert await home.libraries(TOM) == []
    forged = world.server("Forged too", stranger, world.home.machine_identifier)
    forged.shared_with.add(home.mia.id)
    await home.refresh()
    assert await home.libraries() == ["Movies"]


async def test_nobody_gets_a_token_but_whose_it_is(home):
    await home.refresh()
    token = await home.ctx.people.secret(MIA.id, SIGN_IN_SECRET)
    ours = home.plex.token(home.mia)
    for asked in home.plex.asked:
        assert token not in f"{asked.path}{asked.query}"
        assert ours not in f"{asked.path}{asked.query}"
    sent = {one.headers.get("X-Plex-Token") for route in ("sections", "all") for one in home.plex.asked_of(route)}
    assert sent == {ours}
    rows = [dict(one) for one in await home.ctx.db.fetch("SELECT * FROM plugin_plex.seen_state")]
    said = f"{home.ctx.log.lines}{home.ctx.cache._kept}{rows}"
    assert token not in said
    assert ours not in said


async def test_what_somebody_watched_to_the_end_is_known_of_them_alone(home):
    home.plex.share(home.mia)
    home.plex.watch(home.mia, home.alien)
    home.plex.watch(home.mia, home.brazil, count=0, offset=60_000)
    home.plex.watch(home.plex.world.owner, home.brazil)
    await home.refresh()
    assert {one.title: one.seen for one in (await asking.items(home.ctx, MOVIES)).items} == {
        "Alien": True,
        "Brazil": False,
    }
    assert titles(await asking.items(home.ctx, MOVIES, unwatched=True)) == ["Brazil"]
    assert {one.seen for one in (await asking.items(home.ctx, MOVIES, ADA)).items} == {None}


async def test_a_season_and_a_show_are_seen_when_all_of_them_is(home):
    home.plex.share(home.mia)
    first, second = home.season(1), home.season(2)
    for season, number in ((first, 1), (first, 2), (second, 1)):
        home.plex.watch(home.mia, home.below(season, number))
    await home.refresh()
    show = await asking.item(home.ctx, (await asking.search(home.ctx, "the wire", kind="show")).items[0].id)
    assert (show.seen, [one.seen for one in show.children.items]) == (False, [True, False])
    assert titles(await asking.items(home.ctx, SHOWS, unwatched=True)) == ["The Wire"]

    home.plex.watch(home.mia, home.below(second, 2))
    await home.refresh()
    assert titles(await asking.items(home.ctx, SHOWS, unwatched=True)) == []
    home.plex.watch(home.mia, home.below(first, 1), count=0)
    await home.refresh()
    assert titles(await asking.items(home.ctx, SHOWS, unwatched=True)) == ["The Wire"]


async def test_much_is_asked_for_page_by_page(home):
    films = [home.plex.add_movie(f"Film {number}") for number in range(120)]
    for film in films:
        home.plex.watch(home.mia, film)
    await home.refresh()
    starts = [one.query["X-Plex-Container-Start"] for one in home.plex.asked_of("all")]
    assert starts == ["0", "50", "100"]
    assert await home.ctx.db.fetchval("SELECT count(*) FROM plugin_plex.seen WHERE person_id = $1", MIA.id) == 120


async def test_nothing_is_kept_of_who_was_removed(home):
    home.plex.watch(home.mia, home.alien)
    await home.refresh()
    await home.shelf.share(TOM, MOVIES)
    for _ in range(2):
        await forget_person(home.ctx, make_event(PersonRemoved(username="mia"), person=MIA.id))
    left = await home.ctx.db.fetch(
        "SELECT person_id FROM plugin_plex.seen_state UNION SELECT person_id FROM plugin_plex.seen"
    )
    assert [row["person_id"] for row in left] == [TOM.id]
    home.ctx.people.known.pop(MIA.id)
    await home.refresh()  # a job that came too late
    assert await home.state() is None


async def test_shares_on_another_server_are_of_that_server_alone(home):
    there = {"second_name": "attic", "second_url": home.plex.app_url}
    home.ctx = replace(home.ctx, settings=home.ctx.settings.model_copy(update=there))
    await home.shelf.section(1, "movie", "Attic films", "attic")
    await home.refresh()
    assert sorted((await sight(home.ctx, MIA)).sections) == [("main", 1)]
    await home.shelf.share(MIA, 1, instance="attic")
    await home.link(MIA, home.mia)
    assert sorted((await look(home.ctx, MIA)).sections) == [("attic", 1), ("main", 1)]
