"""The page about this plugin quotes what people are told, all of it, and lists the services there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medianest_notify import notifiers, routes
from medianest_notify.addresses.catalogue import OFFERED_AT_FIRST, SERVICES
from medianest_notify.outcomes import _WORDS, Outcome, words

PAGE = (Path(__file__).parents[3] / "docs" / "plugins" / "notify.md").read_text()
ELSEWHERE = {"The key for web push can no longer be opened"}
"""Said by a route."""


def test_every_trouble_is_on_the_page_and_every_one_on_the_page_is_told():
    table = PAGE.partition("## When something is wrong")[2].partition("\n## ")[0]
    quoted = set(re.findall(r"^\| \*([^*]+)\* \|", table, re.MULTILINE))
    assert [one for one in quoted - ELSEWHERE if not any(one in said for said in _WORDS.values())] == []
    passing = {"busy"}  # nothing anybody could do about it
    assert [
        code for code, said in _WORDS.items() if code not in passing and not any(one in said for one in quoted)
    ] == []


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("de-AT,en;q=0.5", "de"), ("en, de", "en"), ("fr, en;q=0.3, de;q=0.4", "de"), ("de;q=0, fr", "en"),
     ("de;q=x", "en"), ("de;q=nan", "en"), ("de;q=9", "en")],
)  # fmt: skip
def test_a_test_is_in_the_language_the_browser_asks_for(accepted, language):
    assert routes.language_of(accepted) == language
    assert "Test" in routes.TEST_BODIES["de"]


def test_ways_are_titled_in_both_languages():
    for way in (notifiers.APPRISE, notifiers.WEB_PUSH):
        assert way.titled("de") != way.titled("en") == way.titled("fr")


def test_every_service_is_on_the_page_with_its_schemas():
    rows = dict(re.findall(r"^\| `(\w+)` \| ((?:`\w+://`(?:, )?)+) \|$", PAGE, re.MULTILINE))
    assert rows == {one.name: ", ".join(f"`{schema}://`" for schema in one.schemas) for one in SERVICES.values()}
    assert set(OFFERED_AT_FIRST) < set(SERVICES)


def test_what_the_process_says_without_sense_is_taken_for_not_known():
    assert Outcome.read({}) == Outcome("uncertain", "no_answer")
    assert Outcome.read({"outcome": "refused", "code": "<b>token</b>"}) == Outcome("refused", "no_answer")
    assert Outcome.read({"outcome": "passing", "code": "service_busy", "retry_after": "soon"}).retry_after is None
    assert Outcome.read({"outcome": "delivered"}).words == ""
    assert words("anything") == "It could not be delivered."
