"""What is shown of one thing that several sources know, and in which order things are shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medianest_hub.media.folding import fold, fold_page, state_of
from medianest_hub.media.joining import Found, join
from medianest_hub.media.models import MediaState
from medianest_hub.media.ranking import rank
from medianest_hub.plugin_api import (
    Action,
    MediaDetails,
    MediaElsewhere,
    MediaHit,
    MediaLink,
    MediaRequest,
    MediaSeason,
)

from .found import found
from .test_joining import hits

TITLES = {"a.main.films": "Plex", "b.main.films": "Overseerr"}


def asked(state: Any, mine: bool = False) -> MediaRequest:
    return MediaRequest(state=state, mine=mine)


def hit(**fields: Any) -> MediaHit:
    return found("a", **fields).hit


@pytest.mark.parametrize(
    ("hits", "state"),
    [
        ([hit()], MediaState.UNKNOWN),
        ([hit(available=False)], MediaState.UNKNOWN),
        ([hit(requestable=True)], MediaState.REQUESTABLE),
        ([hit(requestable=True), hit(available=True)], MediaState.IN_LIBRARY),
        ([hit(requests=[asked("pending")], requestable=True)], MediaState.REQUESTED),
        ([hit(requests=[asked("failed")])], MediaState.REQUESTED),
        ([hit(requests=[asked("declined")], requestable=True)], MediaState.REQUESTABLE),
        ([hit(requests=[asked("deleted"), asked("blocklisted")])], MediaState.UNKNOWN),
        ([hit(requests=[asked("completed")])], MediaState.IN_LIBRARY),
        ([hit(requests=[asked("pending")]), hit(available=True)], MediaState.IN_LIBRARY),
        ([hit(kind="show", available=True), hit(kind="show", partly=True)], MediaState.PARTLY),
        ([hit(kind="show", requests=[asked("partly_available")])], MediaState.PARTLY),
        ([hit(kind="movie", available=True), hit(kind="movie", partly=True)], MediaState.IN_LIBRARY),
        ([hit(kind="movie", partly=True)], MediaState.PARTLY),
    ],
)
def test_the_state_is_what_all_sources_together_say(hits: list[MediaHit], state: MediaState) -> None:
    assert state_of(hits) is state
    assert state_of(hits[::-1]) is state


def test_one_item_tells_where_it_is_who_asked_and_what_can_be_done() -> None:
    go = Action(id="request", title="Ask for it in 4K", path="/api/v1/b/requests", body={"is4k": True})
    (group,) = join(
        [
            found("b", id="603", title="The Matrix", year=1999, summary="A hacker.", external_ids={"tmdb": "603"},
                  requests=[asked("available", mine=True)], actions=[go], href="/requests/1", popularity=0.9),
            found("a", id="x", title="Matrix", image="/api/v1/images/1", available=True, place="Attic", href="/w/1",
                  elsewhere=[MediaElsewhere(place="Cellar", href="/w/2")], external_ids={"tmdb": "603", "imdb": "tt0133093"}),
        ]
    )  # fmt: skip
    item = fold(group, TITLES)
    assert (item.id, item.title, item.year, item.summary) == ("tmdb:603", "Matrix", 1999, "A hacker.")
    assert (item.image, item.state) == ("/api/v1/images/1", MediaState.IN_LIBRARY)
    assert [(place.name, place.href, place.available) for place in item.places] == [
        ("Attic", "/w/1", True),
        ("Cellar", "/w/2", True),
        ("Overseerr", "/requests/1", None),
    ]
    assert (item.places[2].plugin, item.places[2].instance, item.places[2].source) == ("b", "main", "b.main.films")
    assert [(request.source, request.mine) for request in item.requests] == [("b.main.films", True)]
    assert [(action.source, action.path) for action in item.actions] == [("b.main.films", "/api/v1/b/requests")]
    assert item.external_ids == {"tmdb": "603", "imdb": "tt0133093"}


@pytest.mark.parametrize(
    ("hits", "places"),
    [
        ([found("a", available=True, place="Attic"), found("b", available=True)], ["Attic"]),
        ([found("a", place="Attic"), found("b", available=None)], ["Attic"]),
        ([found("a", available=True), found("b", available=False)], ["Plex"]),
        ([found("a", available=None), found("b", available=False)], []),
        ([found("a"), found("b", href="/requests/1")], ["Overseerr"]),
        ([found("a", available=True, elsewhere=[MediaElsewhere(place="Cellar", href="/w")])], ["Cellar"]),
    ],
)
def test_who_names_no_place_is_one_only_where_nobody_does_and_it_is_there(hits: list[Found], places: list[str]) -> None:
    hits = [Found(one.source, one.hit.model_copy(update={"external_ids": {"tmdb": "1"}})) for one in hits]
    for order in (hits, hits[::-1]):
        (group,) = join(order)
        assert [place.name for place in fold(group, TITLES).places] == places


def test_what_only_one_source_knows_is_asked_for_by_the_sources_own_id() -> None:
    (group,) = join([found("a", id="12:x", external_ids={"house": "1"})])
    assert fold(group, TITLES).id == "a.main.films:12:x"


def test_a_page_has_the_details_of_all_who_gave_some() -> None:
    more = MediaDetails(
        id="7", kind="show", title="Dark", external_ids={"tvdb": "7"}, genres=["Drama"], runtime_minutes=50, cast=["Louis"],
        seasons=[MediaSeason(number=2, episodes=8, available="none", requests=[asked("pending")]), MediaSeason(number=1)],
        trailers=[MediaLink(title="T", href="https://t.example/1")],
    )  # fmt: skip
    there = more.model_copy(
        update={
            "seasons": [MediaSeason(number=2, title="Two", episodes=6, available="partly", year=2019)],
            "genres": [],
            "available": True,
        }
    )
    (group,) = join([Found("b.main.films", more), Found("a.main.films", there)])
    page = fold_page(group, TITLES, [])
    assert (page.genres, page.runtime_minutes, page.cast, len(page.trailers)) == (["Drama"], 50, ["Louis"], 1)
    one, two = page.seasons
    assert (one.number, two.number, two.title, two.year) == (1, 2, "Two", 2019)
    assert (two.episodes, two.available, [request.state for request in two.requests]) == (8, "partly", ["pending"])


def order(typed: str, *some: Found) -> list[str]:
    return [group[0].hit.title for group in rank(join(some), typed)]


def test_the_better_match_comes_first_and_of_equal_ones_the_more_popular() -> None:
    titles = ["Alien Nation", "The Alien", "Aliens", "My Alien Friend", "Alein", "Alien", "Frozen"]
    some = [found(id=title, title=title, external_ids={"tmdb": str(n + 1)}) for n, title in enumerate(titles)]
    loved = found(id="x", title="Alien Covenant", popularity=0.7, external_ids={"tmdb": "99"})
    assert order("alien", *some, loved) == [
        "Alien",
        "The Alien",
        "Alien Covenant",
        "Alien Nation",
        "Aliens",
        "My Alien Friend",
        "Alein",
        "Frozen",
    ]


@given(hits, st.sampled_from(["alien", "the", "dune 1984", "x"]), st.randoms(use_true_random=False))
def test_the_order_shown_does_not_depend_on_who_answered_first(some: list[Found], typed: str, chance: Any) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    one = [fold(group, TITLES).model_dump_json() for group in rank(join(some), typed)]
    assert [fold(group, TITLES).model_dump_json() for group in rank(join(shuffled), typed)] == one
