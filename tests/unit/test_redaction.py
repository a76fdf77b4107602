"""No secret survives redaction, in no spelling, and nothing else is lost by it."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from medianest_hub.plugin_host.redaction import MASK, Redactor

SECRET = 'p"ss/w0rd+ü'


@pytest.mark.parametrize(
    "text",
    [
        f"refused: {SECRET}",
        f"http://me:{SECRET}@host/path",
        f"https://host/?key={quote(SECRET, safe='')}",
        json.dumps({"deep": SECRET}),
        repr({"deep": SECRET}),
    ],
)
def test_a_known_secret_is_taken_out_in_every_spelling(text: str) -> None:
    cleaned = Redactor([SECRET]).text(text)
    assert MASK in cleaned
    for spelling in (SECRET, quote(SECRET, safe=""), json.dumps(SECRET)[1:-1]):
        assert spelling not in cleaned


def test_secrets_hide_in_keys_lists_and_numbers_too() -> None:
    cleaned = Redactor([SECRET, "123456"]).clean({SECRET: [1, {"x": (SECRET,)}], "pin": 123456, "port": 8080})
    assert cleaned == {MASK: [1, {"x": [MASK]}], "pin": MASK, "port": 8080}


@pytest.mark.parametrize("name", ["api_key", "password", "X-Auth.token", "client-secret", "Authorization"])
def test_what_is_called_a_secret_is_masked_whatever_it_holds(name: str) -> None:
    assert Redactor([]).clean({name: "unheard of", "author": "kept", "monkey": "kept"}) == {
        name: MASK,
        "author": "kept",
        "monkey": "kept",
    }


def test_logins_in_addresses_and_credentials_in_headers_need_not_be_known() -> None:
    cleaned = Redactor([]).text("GET https://me:pw@host/x with Bearer abc.def-ghi and Basic bWU6cHc=")
    assert cleaned == f"GET https://{MASK}@host/x with Bearer {MASK} and Basic {MASK}"


def test_a_short_secret_is_only_masked_where_it_stands_alone() -> None:
    assert Redactor(["on"]).clean(["on", "connection"]) == [MASK, "connection"]


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Redactor(["abcd", "abcdefgh"]).text("abcdefgh") == MASK
    assert "efgh" not in Redactor(["abcd", "abcdefgh"]).text("x abcdefgh y")
