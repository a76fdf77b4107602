"""Another server takes the place of one in the settings: nothing of the first is shown, taken for the other's, or told of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medianest_hub.plugin_api import SIGN_IN_SECRET, LinkedIdentity
from medianest_plex.connection import connection
from medianest_plex.events import ItemAdded
from medianest_plex.library.arrivals import QUIET
from medianest_plex.library.state import heard
from medianest_plex.lifecycle import startup

from . import asking
from .asking import titles
from .shelf import ADA, MIA
from .syncing import announced, index, later, running, well_synced


@pytest.fixture
async def ctx(make, plex, attic):
    """The first server is read, and shown to somebody who has not the other; keys of films are the same at both."""
    plex.add_section("Movies")
    attic.add_section("Home videos")
    alien, holiday = plex.add_movie("Alien"), attic.add_movie("Holiday at the lake")
    assert alien.rating_key == holiday.rating_key
    plex.add_playlist("Evening", [alien])
    friend = plex.world.find("friend")
    ctx = running(await make(token=plex.world.token(plex.world.owner)))
    await well_synced(ctx)
    ctx.people.add(MIA)
    ctx.people.link(MIA.id, LinkedIdentity(provider="plex", subject=str(friend.id), username="mia"))
    await ctx.people.set_secret(MIA.id, SIGN_IN_SECRET, plex.world.token(friend))
    assert titles(await asking.libraries(ctx, MIA)) == ["Movies"]
    return ctx


def at(ctx, url):
    """The context once that address is in the settings."""
    return replace(ctx, settings=ctx.settings.model_copy(update={"url": url}), state={})


async def seen(ctx, person):
    """What the person is shown of the libraries."""
    items = [] if not titles(await asking.libraries(ctx, person)) else titles(await asking.items(ctx, 1, person))
    recent = titles(await asking.recently_added(ctx, person))
    return titles(await asking.libraries(ctx, person)), items, recent, titles(await asking.playlists(ctx, person))


async def test_what_was_kept_of_the_first_is_hidden_at_once_and_gone_before_the_other_is_read(ctx, attic, plex):
    before = await index(ctx)
    plex.add_movie("Brazil")
    await well_synced(ctx)  # waits to be told of
    ctx = at(ctx, attic.server_url)
    await startup(ctx)
    await heard(ctx, machine_identifier=attic.world.home.machine_identifier)
    assert await index(ctx)  # not gone yet, as if a worker was killed meanwhile
    for person in (ADA, MIA):
        assert await seen(ctx, person) == ([], [], [], [])
    later(ctx, attic, QUIET.total_seconds() + 1)
    await well_synced(ctx)
    assert await seen(ctx, ADA) == (["Home videos"], ["Holiday at the lake"], ["Holiday at the lake"], [])
    assert await seen(ctx, MIA) == ([], [], [], [])
    (now,) = (await index(ctx)).values()
    assert now["id"] not in {row["id"] for row in before.values()}
    later(ctx, attic, QUIET.total_seconds() + 1)
    assert await announced(ctx) == []
    assert not any(isinstance(data, ItemAdded) for data, _ in ctx.events.emitted)
    await well_synced(ctx)
    assert (await index(ctx)).keys() == {now["rating_key"]}


async def test_the_same_server_at_another_address_keeps_everything(ctx, plex):
    before = await index(ctx)
    ctx = at(ctx, plex.server_url.replace("127.0.0.1", "localhost"))
    await startup(ctx)
    assert titles(await asking.libraries(ctx, MIA)) == ["Movies"]
    await well_synced(ctx)
    assert {key: row["id"] for key, row in (await index(ctx)).items()} == {
        key: row["id"] for key, row in before.items()
    }


async def test_a_process_that_learns_of_it_later_hides_nothing_of_the_new_one(ctx, attic):
    ctx = at(ctx, attic.server_url)
    await well_synced(ctx)
    await connection(replace(ctx, state={}))
    assert titles(await asking.libraries(ctx, ADA)) == ["Home videos"]
