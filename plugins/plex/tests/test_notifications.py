"""Who is told what came into the library: everybody its library is shown to, in their words, with its poster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from medianest_hub.plugin_api import LinkedIdentity, Person, Role
from medianest_hub.plugin_host.notification_kinds import fill
from medianest_hub.testing import MemoryContext, make_person
from medianest_plex.library.arrivals import QUIET
from medianest_plex.notifications import ITEM_ADDED, KNOWN
from medianest_plex.personal.shares import keep_shares
from medianest_plex.settings import PlexSettings
from tests.simulators.plex.server import PlexSimulator

from .pair import Pair
from .syncing import Ctx, announced, later, running, section, well_synced


@dataclass(frozen=True)
class Told:
    """Somebody with a Plex account (or without), and what is known of it: whether Plex shares the library, and since when."""

    name: str
    hidden: bool
    shared: bool | None = True
    ago: float = 0.0
    linked: str = "1"
    role: Role = Role.MEMBER
    is_disabled: bool = False
    is_removed: bool = False


async def meet(ctx: Ctx, who: Told, key: int) -> Person:
    person = ctx.people.add(make_person(who.name, who.role, "plex.browse"))
    if who.linked:
        ctx.people.link(person.id, LinkedIdentity(provider="plex", subject=who.linked, username=who.name))
    if who.shared is not None:
        shown = [key] if who.shared else [key + 1000]
        at = ctx.clock.now() - timedelta(seconds=who.ago)
        await keep_shares(ctx.db, ctx.instance, person.id, "1", shown, at)
    if who.is_disabled:
        ctx.people.disable(person.id)
    if who.is_removed:
        ctx.people.known.pop(person.id)
    return person


async def arrive(owned: MemoryContext[PlexSettings], plex: PlexSimulator, *people: Told, shown: str = "Movies") -> Any:
    """A film comes into a library that was read before, which is shared with some; then only `shown` is to be shown."""
    plex.add_movie("Old")
    ctx = running(owned)
    await well_synced(ctx)
    key = (await section(ctx))["section_key"]
    later(ctx, plex, 3600)
    plex.add_movie("Élan", year=2011)
    await well_synced(ctx)
    later(ctx, plex, QUIET.total_seconds() + 1)
    met = [await meet(ctx, one, key) for one in people]
    object.__setattr__(ctx, "settings", ctx.settings.model_copy(update={"sections": [shown]}))
    for _ in range(2):
        await announced(ctx)
    return ctx, met


PEOPLE = [
    Told("ada", hidden=False),
    Told("bob", hidden=True, shared=False),
    Told("never asked", hidden=True, shared=None),
    Told("unlinked", hidden=True, linked=""),
    Told("another account", hidden=True, linked="2"),
    Told("not asked for long", hidden=True, ago=KNOWN.total_seconds() + 60),
    Told("asked in time", hidden=False, ago=KNOWN.total_seconds() - 600),
    Told("no account", hidden=False, linked="", shared=None),
    Told("admin", hidden=False, shared=False, role=Role.ADMIN),
    Told("disabled", hidden=True, shared=False, is_disabled=True),
    Told("removed", hidden=False, shared=False, is_removed=True),
]


async def test_what_came_in_is_told_once_to_everybody_but_those_it_is_not_shared_with(
    owned: MemoryContext[PlexSettings], plex: PlexSimulator
) -> None:
    ctx, met = await arrive(owned, plex, *PEOPLE)
    (told,) = ctx.notify.told
    assert (told.kind, told.title, told.body) == ("plex.item_added", "New: Élan (2011)", "In the library “Movies”.")
    assert told.person is None
    hidden = {who.name for who, person in zip(PEOPLE, met, strict=True) if person.id in told.hidden_from}
    assert hidden == {who.name for who in PEOPLE if who.hidden}
    assert ITEM_ADDED.default == "digest"
    words = fill(ITEM_ADDED, "de", told.params)
    assert (words.title, words.body) == ("Neu: Élan (2011)", "In der Mediathek „Movies“.")


async def test_nobody_is_told_of_a_library_the_settings_do_not_show(
    owned: MemoryContext[PlexSettings], plex: PlexSimulator
) -> None:
    ctx, _ = await arrive(owned, plex, shown="Music")
    assert ctx.notify.told == []


@pytest.mark.parametrize("app", ["https://app.plex.tv", "http://plex.home.test"])
async def test_it_says_how_much_came_where_and_leads_to_it(pair: Pair, app: str) -> None:
    ctx = replace(pair.ctx, settings=pair.ctx.settings.model_copy(update={"app_url": app}))
    pair.ctx = ctx
    pair.plex.add_section("TV Shows", "show")
    await pair.sync()
    later(ctx, pair.plex, 3600)
    pair.plex.add_show("The Wire", seasons=1, episodes=3)
    await pair.sync()
    later(ctx, pair.plex, QUIET.total_seconds() + 1)
    await announced(ctx)
    (told,) = ctx.notify.told
    assert (told.title, told.body) == ("New: The Wire (2005) (+3)", "In the library “TV Shows · Living room”.")
    assert (told.href or "").startswith(f"{app}/desktop/#!/server/") is app.startswith("https")


async def test_a_film_on_both_servers_is_told_once_to_whom_both_are_shown_and_to_others_too(pair: Pair) -> None:
    ctx = pair.ctx
    await pair.sync()
    later(ctx, pair.plex, 3600)
    for server in (pair.plex, pair.attic):
        server.add_movie("Élan", year=2011, ids=("tmdb://4711", "imdb://tt0000001"))
    await pair.sync()
    later(ctx, pair.plex, QUIET.total_seconds() + 1)
    for server in (ctx, pair.at_attic):
        await announced(server)
    assert {told.key for told in ctx.notify.told} == {ctx.notify.told[0].key}

    ada = ctx.people.add(make_person("ada", Role.MEMBER, "plex.browse"))
    ctx.people.link(ada.id, LinkedIdentity(provider="plex", subject="1", username="ada"))
    await keep_shares(ctx.db, "attic", ada.id, "1", [1], ctx.clock.now())
    ctx.notify.told.clear()
    later(ctx, pair.plex, 3600)
    for server in (pair.plex, pair.attic):
        server.add_movie("Solaris", year=1972, ids=("tmdb://4712",))
    await pair.sync()
    later(ctx, pair.plex, QUIET.total_seconds() + 1)
    for server in (ctx, pair.at_attic):
        await announced(server)
    assert [ada.id in told.hidden_from for told in ctx.notify.told] == [True, False]
    assert len({told.key for told in ctx.notify.told}) == 2
