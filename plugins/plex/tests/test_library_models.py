"""Answers of the server as they really come: recorded ones, numbers as text, lists that are missing, ids of old agents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from medianest_hub.testing import FakeUpstream, MemoryContext
from medianest_plex.client.headers import plex_headers
from medianest_plex.client.library import PlexLibrary
from medianest_plex.library_models import FittingListing, Listing, PlexItem, PlexSection
from medianest_plex.settings import PlexSettings

CAPTURES = Path(__file__).parents[4] / "shared" / "captures" / "plex"


MBID = "0383dadf-2a4e-4d10-a46a-e9e041da8eb3"


def item(**fields: Any) -> PlexItem:
    return PlexItem.model_validate_json(json.dumps({"ratingKey": "7", "type": "movie", "title": "X", **fields}))


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the recordings are not on this machine")
def test_recorded_films_are_understood() -> None:
    text = (CAPTURES / "json/library-recentlyAdded-movie-2017.json").read_bytes()
    films = Listing[PlexItem].model_validate_json(text).container.entries
    first = films[0]
    assert (first.rating_key, first.title, first.year, first.section_key) == (49724, "Hidden Figures", 2017, 1)
    assert (first.resolution, first.rating, first.duration) == ("1080", 9.3, 7603062)
    assert all(one.added_at and one.updated_at and one.resolution for one in films)
    assert "PLEX-MEDIA" not in repr(films)


def test_numbers_may_be_text_and_what_is_no_number_is_left_out() -> None:
    one = item(year="1999", rating="7.5", leafCount="", index=None, duration="long", addedAt="1490327405", updatedAt=-5)
    assert (one.year, one.rating, one.leaves, one.number, one.duration) == (1999, 7.5, None, None, None)
    assert (one.added_at, one.updated_at) == (1490327405, None)


@pytest.mark.parametrize("fields", [{"ratingKey": None}, {"ratingKey": "x"}, {"ratingKey": 0}, {"type": None}])
def test_what_is_needed_must_fit(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        item(**fields)


def test_lists_that_are_missing_or_no_lists_are_empty() -> None:
    one = item(Genre=None, Media={"videoResolution": "4K"}, Guid="nothing")
    assert (one.tags, one.resolution, one.external_ids) == ([], "4k", {})


def test_the_best_of_several_versions_counts() -> None:
    assert item(Media=[{"videoResolution": "sd"}, {"videoResolution": "1080"}, {}]).resolution == "1080"


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        (
            {"Guid": [{"id": "imdb://tt0111161"}, {"id": "tmdb://278"}, {"id": "tvdb://9"}]},
            {"imdb": "tt0111161", "tmdb": "278", "tvdb": "9"},
        ),
        ({"Guid": [{"id": f"mbid://{MBID}"}]}, {"musicbrainz": MBID}),
        ({"guid": "com.plexapp.agents.imdb://tt0111161?lang=en"}, {"imdb": "tt0111161"}),
        ({"guid": "com.plexapp.agents.themoviedb://278?lang=de"}, {"tmdb": "278"}),
        ({"guid": "com.plexapp.agents.thetvdb://121361?lang=en", "type": "show"}, {"tvdb": "121361"}),
        ({"guid": "com.plexapp.agents.thetvdb://121361/1/2?lang=en", "type": "episode"}, {}),
        ({"guid": "plex://movie/5d776834880197001ec967c6"}, {}),
        ({"guid": "local://123"}, {}),
        ({"guid": "com.plexapp.agents.none://b3f1"}, {}),
        ({"Guid": [{"id": "imdb://"}, {"id": 5}, {"id": "tmdb://1 OR 1=1"}]}, {}),
        ({"Guid": [{"id": "tmdb://1"}, {"id": "tmdb://2"}], "guid": "com.plexapp.agents.themoviedb://3"}, {"tmdb": "1"}),
    ],
)  # fmt: skip
def test_external_ids_are_known_whichever_agent_wrote_them(fields: dict[str, Any], ids: dict[str, str]) -> None:
    assert item(**fields).external_ids == ids


ODD: list[Any] = [
    {"ratingKey": None},
    {"ratingKey": "abc"},
    {"type": None},
    {"type": 4},
    {"title": ["x"]},
    {"ratingKey": -1},
]


@pytest.mark.parametrize("fields", ODD)
def test_an_entry_that_does_not_fit_is_left_out_and_counted(fields: Any) -> None:
    films = [{"ratingKey": key, "type": "movie", "title": "X"} for key in (1, 2, 3)]
    said = {"MediaContainer": {"totalSize": 5, "Metadata": [{**films[0], **fields}, films[1], "x", films[2]]}}
    found = FittingListing[PlexItem].model_validate(said).container
    assert ([one.rating_key for one in found.entries], found.sent, found.total) == ([2, 3], 4, 5)


@pytest.mark.parametrize(("odd", "of"), [(2, 2), (11, 100), (60, 1000)])
def test_an_answer_of_which_much_does_not_fit_is_none(odd: int, of: int) -> None:
    films = [{"ratingKey": key, "type": "movie" if key > odd else None} for key in range(1, of + 1)]
    with pytest.raises(ValidationError):
        FittingListing[PlexItem].model_validate({"MediaContainer": {"Metadata": films}})


def test_a_title_may_be_a_number() -> None:
    assert item(title=1917).title == "1917"


@pytest.mark.parametrize(
    "path",
    ["http://evil.example/x.jpg", "//evil.example/x", "/photo?X-Plex-Token=abc", "relative", "/with space", 7, None],
)
def test_pictures_are_paths_on_the_server_and_nothing_else(path: Any) -> None:
    assert item(thumb=path).thumb == ""


def test_text_is_made_fit_to_be_kept() -> None:
    one = item(title=" A\x00b\u202e ", summary="one\r\ntwo\x07", studio="x" * 999)
    assert (one.title, one.summary, len(one.studio)) == ("Ab", "one\ntwo", 200)


def test_a_section_may_have_several_folders() -> None:
    section = PlexSection.model_validate(
        {"key": "3", "type": "movie", "title": "Films", "Location": [{"id": 1, "path": "/a"}, {"path": "/b"}]}
    )
    assert (section.key, [one.path for one in section.locations]) == (3, ["/a", "/b"])


@pytest.fixture
async def library(settled: MemoryContext[PlexSettings], fake_upstream: FakeUpstream) -> PlexLibrary:
    headers = plex_headers("Hub", "abcdefgh", "a-secret-token")
    return PlexLibrary(settled.http, fake_upstream.url, headers, settled.settings.tls)


async def test_a_server_that_counts_nothing_is_read_until_a_page_is_not_full(
    library: PlexLibrary, fake_upstream: FakeUpstream
) -> None:
    films = [{"ratingKey": key, "type": "movie", "title": "X"} for key in (1, 2)]
    fake_upstream.answer("GET", "/library/sections/1/all", json={"MediaContainer": {"size": 2, "Metadata": films}})
    assert (await library.page(1, "movie", 0, 2, sort="id:asc")).total == 3
    assert (await library.page(1, "movie", 0, 3, sort="id:asc")).total == 2


async def test_keys_nobody_knows_are_no_items(library: PlexLibrary, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/library/metadata/1,2", status=404)
    assert await library.items([1, 2]) == []


async def test_a_size_of_zero_tells_how_many_there_are(library: PlexLibrary, fake_upstream: FakeUpstream) -> None:
    fake_upstream.answer("GET", "/library/sections/1/all", json={"MediaContainer": {"size": 0, "totalSize": 321}})
    assert await library.count(1, "movie", sort="id:asc") == 321
    (seen,) = await fake_upstream.seen()
    assert seen.query["X-Plex-Container-Size"] == "0"
    assert "a-secret-token" not in str(seen.query)
