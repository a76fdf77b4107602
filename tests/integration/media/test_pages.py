"""One thing's page: by external ids or a source's own, joined with what the others know, never with what they mistake for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from medianest_hub.plugin_api import MediaDetails, MediaHit, errors
from tests.integration.media.conftest import OpenParts, WritePuppet, film, person
from tests.integration.media.test_search import PATIENT, hang


async def test_what_one_source_finds_the_others_are_asked_about(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    library, wishes = write_puppet("library"), write_puppet("wishes")
    library.answers["find"] = film(603, title="Matrix", available=True, place="Attic")
    wishes.answers["find"] = MediaDetails(
        **film(603, title="The Matrix", external_ids={"tmdb": "603", "imdb": "tt0133093"}).model_dump(),
        genres=["Action"],
    )
    parts = await open_parts(**PATIENT)
    page = await parts.media.page(person(), "movie", "tmdb:603")
    assert (page.id, page.title, page.genres, page.state.value) == ("tmdb:603", "Matrix", ["Action"], "in_library")
    assert [place.name for place in page.places] == ["Attic"]
    assert [(report.plugin, report.state.value, report.hits) for report in page.sources] == [
        ("library", "ok", 1),
        ("wishes", "ok", 1),
    ]
    assert library.asked("find") == [("movie", {"tmdb": "603"})]


async def test_who_does_not_know_it_by_one_id_is_asked_by_those_the_others_add(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    library, wishes = write_puppet("library"), write_puppet("wishes")

    async def by_imdb(_viewer: Any, kind: str, ids: dict[str, str]) -> MediaHit | None:
        known = film(603, external_ids={"imdb": "tt0133093"}, available=True)
        return known if ids.get("imdb") == "tt0133093" else None

    library.answers["find"] = by_imdb
    wishes.answers["find"] = film(603, external_ids={"tmdb": "603", "imdb": "tt0133093"})
    parts = await open_parts(**PATIENT)
    page = await parts.media.page(person(), "movie", "tmdb:603")
    assert page.state.value == "in_library"
    assert library.asked("find") == [("movie", {"tmdb": "603"}), ("movie", {"tmdb": "603", "imdb": "tt0133093"})]
    assert len(wishes.asked("find")) == 1


async def test_who_answered_is_not_called_slow_because_another_took_all_the_time(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    library, wishes = write_puppet("library"), write_puppet("wishes")
    wishes.answers["find"] = film(603, external_ids={"tmdb": "603", "imdb": "tt0133093"})
    write_puppet("slow", "deadline=30").answers["find"] = hang(asyncio.Event())
    parts = await open_parts(MEDIANEST_MEDIA__BUDGET_MS="2000")
    page = await parts.media.page(person(), "movie", "tmdb:603")
    states = {report.plugin: report.state.value for report in page.sources}
    assert states == {"library": "ok", "wishes": "ok", "slow": "slow"}
    assert len(library.asked("find")) == 1


async def test_a_sources_own_id_leads_to_its_details_and_to_the_others(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    library, wishes = write_puppet("library"), write_puppet("wishes")
    library.answers["details"] = film(7, id="a:b", available=True)
    wishes.answers["find"] = film(7, requestable=True, title="Seven")
    parts = await open_parts(**PATIENT)
    page = await parts.media.page(person(), "movie", "library.main.films:a:b")
    assert (page.id, {place.plugin for place in page.places}) == ("tmdb:7", {"library"})
    assert library.asked("details") == [("a:b",)]
    assert library.asked("find") == []


async def test_what_only_one_source_knows_has_a_page_too(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    library, wishes = write_puppet("library"), write_puppet("wishes")
    library.answers["details"] = MediaHit(id="v", kind="video", title="Birthday")
    parts = await open_parts(**PATIENT)
    page = await parts.media.page(person(), "video", "library.main.films:v")
    assert (page.id, page.title) == ("library.main.films:v", "Birthday")
    assert wishes.calls == []


@pytest.mark.parametrize(
    ("kind", "id"),
    [
        ("movie", "tmdb:99"),
        ("movie", "tmdb:abc"),
        ("movie", "imdb:603"),
        ("movie", "house:7"),
        ("movie", "library.main.films:9"),
        ("movie", "library.main.films:"),
        ("movie", "library.main.shows:1"),
        ("movie", "nobody.main.films:1"),
        ("show", "tmdb:603"),
        ("show", "library.main.films:1"),
        ("movie", "tmdb"),
        ("movie", ":::"),
    ],
)
async def test_what_nobody_knows_is_not_found(
    open_parts: OpenParts, write_puppet: WritePuppet, kind: str, id: str
) -> None:
    library = write_puppet("library")

    async def details(_viewer: Any, own: str) -> MediaHit | None:
        return film(603, id="1") if own == "1" else None

    async def find(_viewer: Any, _kind: str, ids: dict[str, str]) -> MediaHit | None:
        return film(603)  # whatever was asked for

    library.answers.update(details=details, find=find)
    parts = await open_parts(**PATIENT)
    assert (await parts.media.page(person(), "movie", "tmdb:603")).title == "Film 603"
    with pytest.raises(errors.NotFound) as refused:
        await parts.media.page(person(), kind, id)
    assert refused.value.error_code == "media_not_found"


async def test_a_source_that_mistakes_or_fails_does_not_spoil_the_page(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    for name, answer in (
        ("good", film(603, available=True)),
        ("mistaken", film(604, title="Another")),
        ("broken", RuntimeError("hunter2")),
        ("mad", ["?"]),
    ):
        write_puppet(name).answers["find"] = answer
    write_puppet("slow", "deadline=0.1").answers["find"] = hang(asyncio.Event())
    parts = await open_parts(**PATIENT)
    page = await parts.media.page(person(), "movie", "tmdb:603")
    assert {place.plugin for place in page.places} == {"good"}
    assert {report.plugin: report.state.value for report in page.sources} == {
        "good": "ok",
        "mistaken": "ok",
        "broken": "failed",
        "mad": "failed",
        "slow": "slow",
    }
    assert "hunter2" not in page.model_dump_json()


async def test_while_the_only_one_who_might_know_cannot_be_asked_that_is_said(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    write_puppet("good")
    puppet = write_puppet("sick")
    puppet.answers.update(find=errors.Unavailable("away"), details=errors.Unavailable("away"))
    parts = await open_parts(**PATIENT)
    for id in ("tmdb:603", "sick.main.films:1"):
        with pytest.raises(errors.Unavailable) as refused:
            await parts.media.page(person(), "movie", id)
        assert refused.value.error_code == "media_sources_unavailable"
        assert "Synthetic cannot be asked" in refused.value.message


async def test_a_hit_without_any_ids_is_what_it_was_found_by(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    write_puppet("library").answers["find"] = film(1, external_ids={})
    parts = await open_parts(**PATIENT)
    assert (await parts.media.page(person(), "movie", "tmdb:603")).external_ids == {"tmdb": "603"}
