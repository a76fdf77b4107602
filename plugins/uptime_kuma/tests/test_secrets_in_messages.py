"""Whatever part of a monitor's secrets a message repeats, and however it is written there, is masked."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from medianest_uptime_kuma.client.live import Listed, updates_of
from medianest_uptime_kuma.client.secrets import LONGEST_SECRET, MOST_SECRETS, secrets_of
from medianest_uptime_kuma.client.words import LONGEST_MESSAGE, message
from medianest_uptime_kuma.ways.live_view import LiveView

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"
BASIC = base64.b64encode(b"ada:correct-horse").decode()

CASES = [
    ({"headers": '{"Authorization": "Bearer sk-1234567890"}'}, "key sk-1234567890 refused", ["sk-1234567890"]),
    ({"headers": {"Authorization": "Bearer sk-1234567890"}}, "Bearer sk-1234567890", ["sk-1234567890"]),
    ({"headers": "X-Key: Token tk-1234567890"}, "got tk-1234567890", ["tk-1234567890"]),
    ({"headers": json.dumps({"Authorization": f"Basic {BASIC}"})}, f"{BASIC} is correct-horse", [BASIC, "horse"]),
    ({"headers": '{"Cookie": "session=abcdef123; lang=en"}'}, "no session abcdef123", ["abcdef123"]),
    ({"grpcMetadata": '{"token": "Bearer grpc-7654321"}'}, "grpc-7654321?", ["grpc-7654321"]),
    ({"body": "user=me&password=hunter2%21hunter2"}, "hunter2!hunter2 or hunter2%21hunter2", ["hunter2"]),
    ({"grpcBody": "password=hunter2+hunter2"}, "hunter2 hunter2, hunter2+hunter2", ["hunter2"]),
    ({"body": "<login><pass>hunter2hunter2</pass></login>"}, "wrong: hunter2hunter2", ["hunter2"]),
    ({"body": '{"login": {"pass": "hunter\\"2hunter"}}'}, 'hunter"2hunter or hunter\\"2hunter', ["2hunter"]),
    ({"url": "https://u:p%40ssword1@x/"}, "p%40ssword1 is p@ssword1", ["ssword1"]),
    ({"url": "https://u:p@ssword1@x/"}, "p@ssword1 is p%40ssword1", ["ssword1"]),
    ({"url": "https://token-of-the-user@x/"}, "token-of-the-user", ["token-of"]),
    ({"url": "https://x/?k=a%2Bbcdefgh"}, "k=a%2Bbcdefgh, a+bcdefgh", ["bcdefgh"]),
    ({"url": "https://x/?k=a+bcdefgh"}, "a+bcdefgh, a bcdefgh, a%20bcdefgh", ["bcdefgh"]),
    ({"tlsKey": KEY}, f"bad key {KEY} here", ["MIIEvQIBADANBg", "kqhkiG9w0BAQEF"]),
    ({"tlsKey": KEY.replace("\n", "\r\n")}, "in line kqhkiG9w0BAQEF of it", ["kqhkiG9w0BAQEF"]),
    ({"tlsCert": KEY}, "in line kqhkiG9w0BAQEF of it", ["kqhkiG9w0BAQEF"]),
    ({"body": "first line\nsecond line"}, "Line 2: second line", ["second line"]),
    ({"pushToken": "tab\tand-more"}, "said tab\tand-more", ["and-more"]),
    ({"basic_auth_user": "ada", "basic_auth_pass": "correct-horse"}, f"Basic {BASIC}", [BASIC]),
    ({"basic_auth_pass": "a b/c?d=e"}, "a%20b%2Fc%3Fd%3De and a+b%2Fc%3Fd%3De", ["%2Fc", "%3Fd"]),
    ({"databaseConnectionString": "mysql://root:db%21password@h/x"}, "db!password, db%21password", ["password"]),
    ({"databaseConnectionString": "Server=h;Password=word-for-it;"}, "using word-for-it", ["word-for-it"]),
]


@pytest.mark.parametrize(("raw", "said", "secrets"), CASES, ids=[str(next(iter(raw))) for raw, *_ in CASES])
def test_a_secret_is_masked_in_every_form(raw: dict[str, Any], said: str, secrets: list[str]) -> None:
    words = message(said, secrets_of(raw))
    assert "•••" in words
    for secret in secrets:
        assert secret not in words


def test_what_is_harmless_stays_readable():
    raw = {
        "headers": '{"User-Agent": "Mozilla/5.0 (Windows NT 10.0)", "Authorization": "Bearer sk-1234567890"}',
        "tlsKey": KEY,
    }
    said = "Request failed on Windows with status code 401 at -----BEGIN PRIVATE KEY----- of it"
    assert message(said, secrets_of(raw)) == said


def test_secrets_of_a_huge_monitor_are_bounded_and_the_short_ones_are_among_them():
    raw = {
        "pushToken": "the-token",
        "tlsKey": "\n".join(f"line number {number:06}" for number in range(50_000)),
        "body": "&".join(f"name=value-{number:06}" for number in range(50_000)),
        "headers": json.dumps({f"X-{number}": f"a header {number:06}" for number in range(50_000)}),
        "url": "https://x/?" + "&".join(f"q=query-{number:06}" for number in range(50_000)),
        "bearer_token": "x" * 1_000_000,
    }
    began = time.process_time()
    found = secrets_of(raw)
    assert time.process_time() - began < 1
    assert len(found) <= MOST_SECRETS
    assert max(map(len, found)) <= LONGEST_SECRET
    assert "the-token" in found
    assert list(found) == sorted(found, key=len, reverse=True)


def test_of_a_long_secret_nothing_is_left_at_the_end_of_what_is_kept():
    long = "".join(f"{number:05}-" for number in range(1500))
    words = message(f"body: {long} {long} {long}", secrets_of({"body": long}))
    assert "00001-" not in words
    assert len(words) <= LONGEST_MESSAGE
    assert "•••" in words


def test_a_long_message_is_searched_quickly():
    began = time.process_time()
    message("a." * 500_000, ["x" * 100] * MOST_SECRETS)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "value", ["[" * 100_000, '{"a":' * 100_000, 7, None, [[["x"]]], {"a": {"b": 3}}, "https://[", "\ud800" * 9]
)
def test_odd_values_are_no_reason_to_fail(value):
    names = ("headers", "body", "tlsKey", "url", "pushToken", "basic_auth_user", "databaseConnectionString")
    for name in names:
        secrets_of({name: value, "basic_auth_pass": value})


def test_names_of_groups_are_masked_as_the_groups_themselves_are():
    raw = {
        "1": {"id": 1, "name": "Group of the-token-1", "type": "group", "pushToken": "the-token-1"},
        "2": {"id": 2, "name": "Web", "type": "http", "parent": 1},
    }
    (listed,) = updates_of("monitorList", [raw])
    assert isinstance(listed, Listed)
    view = LiveView()
    view.take(listed)
    assert view.seen()[0].name == "Group of •••"
    assert list(view._groups(view.monitors[2])) == ["Group of •••"]
