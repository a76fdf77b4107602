"""What is played and having a folder scanned, by their routes and tile."""

from __future__ import annotations

from typing import Any

import pytest

from medianest_hub.plugin_api import Tone, Viewer, errors
from medianest_hub.testing import make_call
from medianest_plex import routes, widgets
from medianest_plex.library.state import heard
from medianest_plex.playing.board import Board

from .shelf import ADA, MIA, MOVIES, SHOWS, TOM, Shelf, furnish
from .stage import Ctx, film, session


@pytest.fixture
async def playing(ctx) -> Ctx:
    """Somebody watches a film of the movies."""
    shelf = await furnish(ctx)
    movie = await shelf.movie("Metropolis", rating_key=11)
    board = await Board.claim(ctx, 1)
    await board.looked([session("1", film("Metropolis", 11, section_key=MOVIES))], await board.begin_look())
    await heard(ctx)
    assert movie.key == 11
    return ctx


async def test_what_is_played_comes_with_a_picture_and_only_of_libraries_one_may_see(playing):
    (one,) = (await routes.playing(playing, make_call(person=TOM))).items
    assert (one.title, one.account, one.mine) == ("Metropolis", None, False)
    assert "thumb" not in one.model_dump()
    shelf = Shelf(playing, playing.clock.now())
    await shelf.share(MIA, SHOWS)
    assert (await routes.playing(playing, make_call(person=MIA))).items == []
    await shelf.share(MIA, MOVIES)
    assert len((await routes.playing(playing, make_call(person=MIA))).items) == 1


async def test_the_tile_shows_how_far_it_is_and_says_when_nobody_knows(playing):
    (one,) = (await widgets.playing(playing, Viewer(person=TOM, role=TOM.role))).items
    assert one.title == "Metropolis"
    assert one.fraction is not None
    assert 0 <= one.fraction <= 1
    assert one.eta is not None
    assert "Fred" not in str(one)
    playing.clock.advance(600)
    (old,) = (await widgets.playing(playing, Viewer(person=TOM, role=TOM.role))).items
    assert (old.state, old.tone) == ("unknown", Tone.WARN)
    with pytest.raises(errors.Forbidden):
        await widgets.playing(playing, Viewer())


async def scan(ctx: Ctx, library: int, folder: str, **query: Any) -> routes.ScanWanted:
    path, body = routes.LibraryPath(key=library), routes.Folder(folder=folder)
    return await routes.scan_folder(ctx, make_call(person=ADA, path=path, query=routes.OfServer(**query), body=body))


async def test_a_folder_of_a_library_is_looked_at_once_however_often_it_is_asked_for(owned):
    await furnish(owned)
    await owned.db.execute("UPDATE plugin_plex.section SET locations = ARRAY['/media/' || section_key]")
    first, again = await scan(owned, MOVIES, "/media/1/Alien"), await scan(owned, MOVIES, "/media/1/Alien/")
    assert first.job_id is not None
    assert first == again
    assert [(job.task, job.unique) for job in owned.jobs.queued] == [("scan", "/media/1/Alien")]


async def test_a_folder_elsewhere_is_refused_in_words_at_its_field(owned):
    await furnish(owned)
    await owned.db.execute("UPDATE plugin_plex.section SET locations = ARRAY['/media/' || section_key]")
    for folder, code in (
        ("/media/2/Show", "other_library"),
        ("/etc", "no_library"),
        ("media/1", "relative"),
        ("/media/1/../../etc", "climbs"),
        ("/media/1/\x00", "unusable"),
    ):
        with pytest.raises(errors.BadInput) as refused:
            await scan(owned, MOVIES, folder)
        assert [(one.field, one.code) for one in refused.value.fields] == [("body.folder", code)], folder
    with pytest.raises(errors.NotFound):
        await scan(owned, 99, "/media/1")
    assert owned.jobs.queued == []


async def test_without_the_owners_token_no_folder_can_be_scanned(ctx):
    await furnish(ctx)
    with pytest.raises(errors.Conflict) as refused:
        await scan(ctx, MOVIES, "/media")
    assert refused.value.error_code == "plex_token_needed"
