"""What people see of two servers of which they may have one only, and what is on both of them."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api import Viewer, errors
from medianest_plex import widgets

from . import asking
from .pair import ATTIC, Pair
from .shelf import ADA, MIA


@pytest.mark.parametrize(
    "which", [{"server": "nowhere"}, {"server": ATTIC}, {"server": "main", "library": 9}, {"library": 9}]
)
async def test_a_server_or_library_that_is_not_to_be_seen_is_not_there_wherever_it_is_asked_for(pair: Pair, which):
    await pair.sync()
    await pair.link(MIA, pair.plex.world.find("friend"))
    await pair.refresh(MIA)
    library, server = which.get("library"), {key: one for key, one in which.items() if key == "server"}
    calls = [
        lambda: asking.collections(pair.ctx, MIA, **which),
        lambda: asking.recently_added(pair.ctx, MIA, **which),
        lambda: asking.items(pair.ctx, library or 1, MIA, **server),
        lambda: asking.genres(pair.ctx, library or 1, MIA, **server),
    ]
    if library is None:
        calls += [lambda: asking.search(pair.ctx, "a", MIA, **which), lambda: asking.playlists(pair.ctx, MIA, **which)]
    for call in calls:
        with pytest.raises(errors.NotFound) as refused:
            await call()
        assert refused.value.error_code == "library_not_found"


async def test_of_a_server_one_does_not_have_neither_name_nor_state_is_told(pair: Pair):
    await pair.sync()
    friend = pair.plex.world.find("friend")
    await pair.link(MIA, friend)
    await pair.refresh(MIA)

    async def named(person) -> tuple[list[str], list[str]]:
        tile = await widgets.server(pair.ctx, Viewer(person=person, role=person.role))
        found = await asking.libraries(pair.ctx, person)
        return [one.title for one in tile.items], [one.name for one in found.freshness.servers]

    assert await named(ADA) == (["Living room", "Attic"], ["Living room", "Attic"])
    assert await named(MIA) == (["Living room"], ["Living room"])
    pair.plex.world.unshare(friend)
    await pair.refresh(MIA)
    assert await named(MIA) == ([], [])


async def test_what_came_onto_both_servers_is_one_entry_where_it_came_last_on_whatever_page(pair: Pair):
    began = int(pair.plex.world.now()) - 10_000
    for number in range(4):
        one = {"ids": (f"tmdb://{number}",), "year": 2000 + number}
        pair.plex.add_movie(f"Twin {number}", added_at=began - number * 60, **one)
        pair.attic.add_movie(f"Twin {number}", added_at=began - number * 60 - 3000, **one)
    await pair.sync()
    whole = (await asking.recently_added(pair.ctx, ADA, limit=50)).items
    assert sorted(one.title for one in whole) == ["Alien", "Brazil", "Casablanca", *(f"Twin {n}" for n in range(4))]
    assert {one.instance for one in whole if one.title.startswith("Twin")} == {"main"}
    cursor, found = None, []
    for _ in range(9):
        page = await asking.recently_added(pair.ctx, ADA, limit=2, cursor=cursor)
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [one.id for one in whole]
    assert len((await asking.recently_added(pair.ctx, ADA, limit=50, server=ATTIC)).items) == 6
