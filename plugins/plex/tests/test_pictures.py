"""Pictures: only those whose paths the server gave, fetched with the owner's token in a header; and how each fault ends."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api.errors import HubError, NotFound
from medianest_plex import images

from . import asking
from .shelf import ADA, MOVIES, furnish


@pytest.fixture(autouse=True)
def impatient(request, monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    if "hang" in request.node.name:
        monkeypatch.setattr("medianest_plex.client.pictures._DEADLINE", 0.5)


@pytest.fixture
def film(plex):
    plex.add_section("Movies")
    return plex.add_movie("Alien")


@pytest.fixture
def ref(film):
    return f"/library/metadata/{film.rating_key}/thumb/1700000000"


async def test_a_picture_comes_from_the_server_in_the_size_it_is_shown_in(owned, plex, ref):
    picture = await images.ART_SOURCE(owned, ref, 320, 0)
    assert picture[:2] == b"\xff\xd8"
    (asked,) = plex.asked_of("transcode")
    assert (asked.query["url"], asked.query["width"], asked.query["height"]) == (ref, "320", "640")
    assert asked.headers["X-Plex-Token"] == owned.settings.token.get_secret_value()
    assert owned.settings.token.get_secret_value() not in f"{asked.path}{asked.query}"


async def test_no_size_asked_for_is_the_largest(owned, plex, ref):
    await images.ART_SOURCE(owned, ref, 0, 0)
    assert plex.asked_of("transcode")[0].query["width"] == "2048"


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "/",
        "/identity",
        "/library/metadata/1",
        "/library/metadata/1/thumb/1?X-Plex-Token=x",
        "/library/metadata/1/thumb/1/../../../../status/sessions",
        "/library/metadata/1%2f..%2f/thumb/1",
        "/library/parts/1/1/file.mkv",
        "//evil.example/library/metadata/1/thumb/1",
        "http://evil.example/library/metadata/1/thumb/1",
        "/library/metadata/1/thumb/1\n",
        "/library/metadata/\u0661/thumb/1",
        "/library/metadata/1/file/1",
    ],
)
async def test_nothing_but_a_pictures_path_is_ever_asked_for(owned, plex, ref):
    with pytest.raises(NotFound):
        await images.ART_SOURCE(owned, ref, 320, 0)
    assert plex.asked_of("transcode") == []


async def test_odd_paths_in_the_library_are_shown_as_no_picture(owned, plex):
    shelf = await furnish(owned)
    for thumb in ("", "/:/resources/movie.png", "https://image.example/1.jpg", "/library/metadata/1/thumb/1?token=x"):
        await shelf.movie(f"Film {thumb}", thumb=thumb)
    found = (await asking.items(owned, MOVIES, ADA)).items
    assert {one.image is None for one in found[1:]} == {True}
    # What stands behind the question mark is left away.
    assert [one.ref for one in owned.images.made] == ["/library/metadata/1/thumb/1"]


async def test_collections_and_backgrounds_have_pictures_too(owned, plex):
    shelf = await furnish(owned)
    movie = await shelf.movie("Alien")
    await shelf.group("collection", "Films", [movie], MOVIES)
    assert (await asking.collections(owned, ADA)).items[0].image is not None
    one = await asking.item(owned, movie.id, ADA)
    assert one.background is not None
    assert {(made.source, made.width) for made in owned.images.made} == {("art", 320), ("art", 1280)}


async def test_a_picture_that_is_not_there_is_not_found(owned, plex):
    with pytest.raises(NotFound):
        await images.ART_SOURCE(owned, "/library/metadata/999999/thumb/1", 320, 0)


async def test_without_the_owners_token_there_are_no_pictures(ctx, plex, ref):
    with pytest.raises(NotFound):
        await images.ART_SOURCE(ctx, ref, 320, 0)


FAULTS = {"hang": 504, "reset": 502, "empty": 502, "cut": 502, "endless": 502, "500": 502, "503": 502, "429": 502}
FAULTS |= {"html_401": 502, "json_403": 502, "redirect": 502}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_ends_in_words(owned, plex, ref, fault):
    plex.faults.set("transcode", fault)
    with pytest.raises(HubError) as caught:
        await images.ART_SOURCE(owned, ref, 320, 0)
    assert caught.value.status == FAULTS[fault], caught.value.message
    assert "Plex server" in caught.value.message
    assert owned.settings.token.get_secret_value() not in caught.value.message
