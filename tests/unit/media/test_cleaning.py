"""What of a source's answer can be shown: whatever else it says is left out, and harms nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest

from medianest_hub.media.cleaning import MOST_BYTES, MOST_HITS, NotHits, cleaned_hits, cleaned_one, link, path
from medianest_hub.plugin_api import Action, MediaDetails, MediaHit, MediaLink, MediaRequest, MediaSeason

GOOD = MediaHit(id="1", kind="movie", title="Alien")


def with_action(path: str) -> MediaHit:
    return GOOD.model_copy(update={"actions": [Action(id="go", title="Go", path=path)]})


@pytest.mark.parametrize(
    "answer", [None, 7, "Alien", {"id": "1"}, GOOD, iter([GOOD])], ids=lambda answer: type(answer).__name__
)
def test_what_is_no_list_is_no_answer(answer: Any) -> None:
    with pytest.raises(NotHits):
        cleaned_hits(answer, "shop")


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {"id": "1", "kind": "movie", "title": "Alien"},
        MediaHit.model_construct(id=1, kind="movie", title="Alien"),
        MediaHit.model_construct(id="1", kind="opera", title="Alien"),
        MediaHit.model_construct(id="1", kind="movie"),
        MediaHit(id="1", kind="movie", title="\ud800"),
        MediaHit(id="1", kind="movie", title="  "),
        MediaHit(id="", kind="movie", title="Alien"),
        MediaHit(id="x" * 201, kind="movie", title="Alien"),
        MediaHit(id="a\nb", kind="movie", title="Alien"),
        MediaHit(id="1", kind="movie", title="Alien", summary="x" * 100_000),
        with_action("/api/v1/users/7"),
    ],
    ids=lambda bad: type(bad).__name__,
)
def test_a_hit_that_cannot_be_shown_is_left_out_alone(bad: Any) -> None:
    cleaned = cleaned_hits([GOOD, bad, GOOD], "shop")
    assert (cleaned.hits, cleaned.refused) == ([GOOD, GOOD], 1)
    assert cleaned.why
    with pytest.raises(NotHits):
        cleaned_hits([bad], "shop")
    if bad is not None:
        with pytest.raises(NotHits):
            cleaned_one(bad, "shop")


def test_too_much_is_cut_at_the_end() -> None:
    many = [GOOD.model_copy(update={"id": str(number)}) for number in range(5000)]
    assert [hit.id for hit in cleaned_hits(many, "shop").hits] == [str(number) for number in range(MOST_HITS)]
    large = [one.model_copy(update={"summary": "x" * 10_000}) for one in many[:MOST_HITS]]
    shown = cleaned_hits(large, "shop").hits
    assert 0 < len(shown) <= MOST_BYTES // 10_000
    assert len(shown[0].summary) == 2000


def test_what_a_subclass_adds_does_not_leave_the_house() -> None:
    class Richer(MediaHit):
        token: str = "hunter2"

    (hit,) = cleaned_hits([Richer(id="1", kind="movie", title="Alien")], "shop").hits
    assert type(hit) is MediaHit
    assert "hunter2" not in hit.model_dump_json()


def test_fields_are_brought_into_their_bounds() -> None:
    given = MediaDetails(
        id="1", kind="show", title=" Dark\u202e\x07 ", year=123456, popularity=float("inf"), href="javascript:x", image="//x",
        external_ids={str(number): "1" for number in range(100)}, cast=["A", " "], genres=["G" * 100],
        requests=[MediaRequest(state="pending", mine=True, href="http://x.example")] * 100,
        seasons=[MediaSeason(number=1, title="\x00One", requests=[MediaRequest(state="pending", mine=False)] * 99)],
        trailers=[MediaLink(title="T", href="https://t.example"), MediaLink(title="T", href="/on/the/hub")],
    )  # fmt: skip
    one = cleaned_one(given.model_copy(update={"popularity": 7.0}), "shop").one
    assert one is not None
    assert (one.title, one.year, one.popularity, one.href, one.image) == ("Dark", None, 1.0, None, None)
    assert (len(one.external_ids), one.cast, len(one.genres[0])) == (20, ["A"], 60)
    assert (len(one.requests), one.requests[0].href) == (30, None)
    assert (one.seasons[0].title, len(one.seasons[0].requests)) == ("One", 30)
    assert [trailer.href for trailer in one.trailers] == ["https://t.example"]


def test_a_plain_hit_is_details_with_nothing_more() -> None:
    assert cleaned_one(GOOD, "shop").one == MediaDetails(id="1", kind="movie", title="Alien")
    assert cleaned_one(None, "shop").one is None


@pytest.mark.parametrize("good", ["/api/v1/images/x", "/media/api/v1/images/x?y=1", "/"])
def test_paths_on_the_hub_are_links_and_pictures(good: str) -> None:
    assert link(good) == path(good) == good


@pytest.mark.parametrize("good", ["https://app.plex.tv/desktop#!/x", "https://x.example:8443/a?b=c"])
def test_other_addresses_are_only_links(good: str) -> None:
    assert (link(good), path(good)) == (good, None)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "http://x.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "//x.example/",
        "/\\x.example",
        "https://",
        "https://user:pass@x.example/",
        "https://x.example/ y",
        "https://[x/",
        "/a\nb",
        "https://x.example/" + "x" * 3000,
        "relative/path",
    ],
)
def test_nothing_else_is_a_link(bad: str) -> None:
    assert (link(bad), path(bad)) == (None, None)
