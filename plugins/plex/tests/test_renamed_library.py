"""A library is renamed at the server while the settings name it: it is hidden, said, and kept for a while."""

from __future__ import annotations

import pytest

from medianest_plex.library.sections import RENAMED_KEPT
from medianest_plex.library.state import read_server
from medianest_plex.library.sync import due

from . import asking
from .asking import titles
from .shelf import ADA
from .syncing import index, later, running, well_synced


@pytest.fixture
async def ctx(make, plex):
    """The settings show the films alone, which have just been renamed."""
    ctx = running(await make(token=plex.token(), sections=["Movies"]))
    movies = plex.add_section("Movies")
    plex.fill(movies=30, shows=1, seasons=1, episodes=1)
    await well_synced(ctx)
    assert titles(await asking.libraries(ctx, ADA)) == ["Movies"]
    movies.title = "Films"
    return ctx


async def renamed(ctx):
    """Whether an admin is told so; nobody is shown anything meanwhile."""
    await well_synced(ctx)
    assert titles(await asking.libraries(ctx, ADA)) == []
    return "\u201cFilms\u201d" in (await read_server(ctx.db, ctx.instance)).trouble


async def test_it_is_hidden_and_an_admin_told_and_it_comes_back_as_it_was(ctx, plex):
    before = await index(ctx)
    for _ in range(2):
        assert await renamed(ctx)
        assert await index(ctx) == before
        assert not await due(ctx)
        later(ctx, plex, RENAMED_KEPT.total_seconds() / 2 - 60)
    object.__setattr__(ctx, "settings", ctx.settings.model_copy(update={"sections": ["films"]}))
    await well_synced(ctx)
    assert titles(await asking.libraries(ctx, ADA)) == ["Films"]
    assert {key: row["id"] for key, row in (await index(ctx)).items()} == {
        key: row["id"] for key, row in before.items()
    }
    assert (await read_server(ctx.db, ctx.instance)).trouble == ""


async def test_it_goes_when_nobody_does_anything_about_it(ctx, plex):
    assert await renamed(ctx)
    later(ctx, plex, RENAMED_KEPT.total_seconds() + 60)
    assert not await renamed(ctx)
    assert await index(ctx) == {}


async def test_one_that_is_taken_out_of_the_settings_goes_at_once(ctx, plex):
    plex.pms.library.section_of("movie").title = "Movies"
    object.__setattr__(ctx, "settings", ctx.settings.model_copy(update={"sections": ["TV Shows"]}))
    await well_synced(ctx)
    assert {row["kind"] for row in (await index(ctx)).values()} == {"show", "season", "episode"}
    assert (await read_server(ctx.db, ctx.instance)).trouble == ""
