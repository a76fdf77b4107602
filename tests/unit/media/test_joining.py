"""Which hits of different sources are one thing: always the same, in whatever order they came, and never two things."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medianest_hub.media.external_ids import NAMESPACES, known_ids
from medianest_hub.media.joining import Found, join

from .found import found, ids


def test_one_id_in_common_is_enough() -> None:
    hits = [
        found("a", external_ids={"tmdb": "1", "imdb": "tt1"}),
        found("b", title="Other", external_ids={"imdb": "tt1"}),
    ]
    assert ids(join(hits)) == [["a1", "b1"]]


def test_what_is_in_between_joins_what_has_no_id_in_common() -> None:
    hits = [
        found("a", external_ids={"tmdb": "1"}),
        found("b", external_ids={"tmdb": "1", "imdb": "tt1"}),
        found("c", external_ids={"imdb": "TT1", "tvdb": "9"}),
        found("d", external_ids={"tvdb": "009"}),
    ]
    assert ids(join(hits)) == [["a1", "b1", "c1", "d1"]]


def test_a_film_and_a_show_of_one_number_are_two_things() -> None:
    hits = [found("a", external_ids={"tmdb": "1"}), found("b", kind="show", external_ids={"tmdb": "1"})]
    assert ids(join(hits)) == [["a1"], ["b1"]]


def test_the_more_trusted_id_decides_a_contradiction() -> None:
    same_tmdb = [
        found("a", external_ids={"tmdb": "1", "imdb": "tt1"}),
        found("b", external_ids={"tmdb": "1", "imdb": "tt2"}),
        found("c", external_ids={"imdb": "tt2"}),
    ]
    assert ids(join(same_tmdb)) == [["a1", "b1", "c1"]]
    same_imdb = [
        found("a", external_ids={"tmdb": "1", "imdb": "tt1"}),
        found("b", external_ids={"tmdb": "2", "imdb": "tt1"}),
    ]
    assert ids(join(same_imdb)) == [["a1"], ["b1"]]


@pytest.mark.parametrize(
    "nonsense", [{"tmdb": ""}, {"tmdb": "0"}, {"tmdb": "abc"}, {"imdb": "1"}, {"house": "7"}, {"musicbrainz": "x"}]
)
def test_what_is_no_id_joins_nothing(nonsense: dict[str, str]) -> None:
    hits = [found("a", title="A", external_ids=nonsense), found("b", title="B", external_ids=nonsense)]
    assert ids(join(hits)) == [["a1"], ["b1"]]


def test_without_any_id_title_and_year_count() -> None:
    hits = [
        found("a", title="The Thing", year=1982, external_ids={"tmdb": "1"}),
        found("b", title="thing", year=1982),
        found("c", title="Das Ding", original_title="The Thing", year=1982),
    ]
    assert ids(join(hits)) == [["a1", "b1", "c1"]]


@pytest.mark.parametrize(
    "other",
    [
        {"year": 1983},
        {"year": None},
        {"kind": "show"},
        {"external_ids": {"tmdb": "2"}},
        {"external_ids": {"imdb": "tt5"}},
    ],
)
def test_but_not_where_anything_says_otherwise(other: dict[str, Any]) -> None:
    hits = [found("a", year=1982, external_ids={"tmdb": "1"}), found("b", **{"year": 1982, **other})]
    assert ids(join(hits)) == [["a1"], ["b1"]]


@pytest.mark.parametrize("kind", ["episode", "album", "track", "video", "person", "season", "artist"])
def test_things_that_are_often_called_alike_are_joined_by_ids_alone(kind: str) -> None:
    assert len(join([found("a", kind=kind, year=2008), found("b", kind=kind, year=2008)])) == 2


def test_a_title_that_may_be_either_of_two_films_is_neithers() -> None:
    hits = [
        found("a", year=2013, external_ids={"tmdb": "1"}),
        found("a", id="2", year=2013, external_ids={"tmdb": "2"}),
        found("b", year=2013),
    ]
    assert ids(join(hits)) == [["a1"], ["a2"], ["b1"]]


def test_what_one_source_tells_apart_is_not_joined_by_title() -> None:
    both = [found("b", year=2013), found("b", id="2", year=2013)]
    assert ids(join(both)) == [["b1"], ["b2"]]
    assert ids(join([*both, found("a", year=2013), found("c", year=2013)])) == [["a1", "c1"], ["b1"], ["b2"]]
    assert ids(join([*both, found("a", year=2013, external_ids={"tmdb": "1"})])) == [["a1"], ["b1"], ["b2"]]


def test_several_places_of_one_hit_stay_together() -> None:
    hits = [found("a", place="Attic", href="/1"), found("a", place="Cellar", href="/2")]
    assert len(join(hits)) == 1


hits = st.lists(
    st.builds(
        found,
        st.sampled_from(["a", "b", "c"]),
        id=st.sampled_from(["1", "2", "3", "4"]),
        kind=st.sampled_from(["movie", "movie", "show", "episode"]),
        title=st.sampled_from(["Alien", "The Alien", "Dune", "Dune, The"]),
        year=st.sampled_from([None, 1979, 1984]),
        place=st.sampled_from(["", "Attic"]),
        external_ids=st.dictionaries(st.sampled_from(NAMESPACES[:3]), st.sampled_from(["1", "2", "3"])).map(
            lambda some: {name: f"tt{value}" if name == "imdb" else value for name, value in some.items()}
        ),
    ),
    max_size=14,
)


def contents(groups: list[list[Found]]) -> list[list[str]]:
    return sorted(sorted(f"{one.source} {one.hit.model_dump_json()}" for one in group) for group in groups)


@given(hits, st.randoms(use_true_random=False))
def test_the_order_in_which_sources_answer_makes_no_difference(some: list[Found], chance: Any) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert contents(join(shuffled)) == contents(join(some))


@given(hits)
def test_nothing_is_lost_doubled_or_joined_with_another_kind_or_another_tmdb(some: list[Found]) -> None:
    groups = join(some)
    assert sorted(id(one) for group in groups for one in group) == sorted(id(one) for one in some)
    for group in groups:
        assert len({one.hit.kind for one in group}) == 1
        assert len({known_ids(one.hit.external_ids).get("tmdb") for one in group} - {None}) <= 1


@given(hits)
def test_whatever_has_one_tmdb_is_together(some: list[Found]) -> None:
    at = {id(one): number for number, group in enumerate(join(some)) for one in group}
    of_tmdb: dict[tuple[str, str], set[int]] = defaultdict(set)
    for one in some:
        if tmdb := known_ids(one.hit.external_ids).get("tmdb"):
            of_tmdb[one.hit.kind, tmdb].add(at[id(one)])
    assert all(len(groups) == 1 for groups in of_tmdb.values())


@given(hits)
def test_two_of_one_group_are_linked_by_ids_or_by_title_and_year(some: list[Found]) -> None:
    """Each group is connected by what was allowed to connect it."""
    for group in join(some):
        reached, left = [group[0]], list(group[1:])
        while nearby := [one for one in left if any(linked(one, other) for other in reached)]:
            reached += nearby
            left = [one for one in left if one not in nearby]
        assert left == []


def linked(one: Found, other: Found) -> bool:
    mine, others = known_ids(one.hit.external_ids), known_ids(other.hit.external_ids)
    if one.source == other.source and one.hit.id == other.hit.id and mine == others:
        return True
    if any(mine.get(name) == value for name, value in others.items()):
        return True
    called_alike = {one.hit.title.replace("The ", "").removesuffix(", The")} == {
        other.hit.title.replace("The ", "").removesuffix(", The")
    }
    nameless = not (mine and others)
    return nameless and called_alike and one.hit.year is not None and one.hit.year == other.hit.year


@given(hits)
def test_where_nothing_is_contradicted_ids_alone_decide(some: list[Found]) -> None:
    with_ids = [one for one in some if known_ids(one.hit.external_ids)]
    components = connected(with_ids)
    if any(
        len({known_ids(one.hit.external_ids)[name] for one in group if name in known_ids(one.hit.external_ids)}) > 1
        for group in components
        for name in NAMESPACES
    ):
        return
    assert contents(join(with_ids)) == contents(components)


def connected(some: list[Found]) -> list[list[Found]]:
    """The same, computed the slow and plain way."""
    groups = [[one] for one in some]

    def alike(one: Found, other: Found) -> bool:
        mine, others = known_ids(one.hit.external_ids), known_ids(other.hit.external_ids)
        same = any(mine.get(name) == value for name, value in others.items())
        return one.hit.kind == other.hit.kind and same

    while pair := next(
        ((a, b) for a, b in combinations(groups, 2) if any(alike(one, other) for one in a for other in b)), None
    ):
        groups = [group for group in groups if group is not pair[0] and group is not pair[1]] + [[*pair[0], *pair[1]]]
    return groups
