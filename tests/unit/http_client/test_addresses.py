"""A query that is written as it goes over the wire goes so; anything else is made fit for it."""

from __future__ import annotations

import pytest

from medianest_hub.infrastructure.http_client.outgoing import address, websocket_address


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("http://films.test/search?query=mission%3A%20impossible", "query=mission%3A%20impossible"),
        ("http://films.test/search?query=who%27s%20there%3F%2F%2B%21", "query=who%27s%20there%3F%2F%2B%21"),
        ("http://films.test/search?query=a%2Fb#part", "query=a%2Fb"),
        ("http://films.test/search?query=two words", "query=two+words"),
        ("http://films.test/search?query=100%", "query=100%25"),
        ("http://films.test/search?query=m%3Aé", "query=m:%C3%A9"),
        ("http://films.test/search", ""),
    ],
)
def test_a_query_that_is_encoded_already_is_kept_letter_for_letter(given: str, sent: str) -> None:
    assert address(given, "films").raw_query_string == sent


def test_all_but_the_query_is_as_ever() -> None:
    made = address("HTTP://Films.test:8080/a b/?q=%3A#x", "films")
    assert str(made) == "http://films.test:8080/a%20b/?q=%3A"
    assert str(websocket_address("wss://films.test/live?t=%3A", "films")) == "https://films.test/live?t=%3A"
