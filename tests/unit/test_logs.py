"""Log lines, ours and those of libraries: nothing secret in them, in either format, tracebacks included."""

import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.infrastructure.masking import MASK, mask_text, secret_name

SECRET = "hunter2-of-ours"


@pytest.fixture(params=["json", "console"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Logs go into a text, which calling gives; once as JSON, once for people."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    configure_logs("debug", request.param, process="test")
    yield stream.getvalue
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


class Opaque:
    """Something whose `repr` tells too much."""

    def __repr__(self) -> str:
        return f"Opaque(url='https://svc/?token={SECRET}')"


class Unprintable:
    """Something that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


LEAKS: list[dict[str, Any]] = [
    {"url": f"https://svc/api?token={SECRET}&page=1"},
    {"url": f"https://svc/api?page=1&X-Plex-Token={SECRET}"},
    {"url": f"https://svc/oauth#access_token={SECRET}"},
    {"url": f"postgresql://me:{SECRET}@h/x"},
    {"url": f"redis://:p@{SECRET}@h/0"},
    {"headers": {"X-Plex-Token": SECRET, "x-api-key": SECRET, "Cookie": f"a={SECRET}"}},
    {"headers": [("Authorization", f"Bearer {SECRET}"), ("set-cookie", f"Set-Cookie: a={SECRET}; Path=/")]},
    {"accessToken": SECRET, "APIKey": SECRET, "clientSecret": SECRET, "apikey": SECRET, "passphrase": SECRET},
    {"answer": {"items": [{"deep": [f"password={SECRET}", {"auth_token": SECRET}]}]}},
    {"reason": f"401 for Bearer {SECRET}"},
    {"reason": f"Authorization: Basic {SECRET}"},
    {"reason": f"connecting with password={SECRET}, twice"},
    {"reason": f"""sent {{'token': '{SECRET}', "api_key": "{SECRET}"}}"""},
    {"reason": f"X-Plex-Token: {SECRET}"},
    {"cookies": [SECRET], "secrets": {"a": SECRET}},
    {"thing": Opaque(), "error": ValueError(f"token={SECRET}")},
]


@pytest.mark.parametrize("fields", LEAKS)
def test_no_secret_leaves_in_a_field(written: Callable[[], str], fields: dict[str, Any]) -> None:
    structlog.get_logger("a").warning("something", **fields)
    logging.getLogger("b").warning("something", extra=fields)
    assert SECRET not in written()
    assert written().count("something") == 2
    assert MASK in written() or json.dumps(MASK)[1:-1] in written()


def test_no_secret_leaves_in_the_words(written: Callable[[], str]) -> None:
    structlog.get_logger("a").warning(f"refused: https://svc/?apikey={SECRET}")
    logging.getLogger("b").warning("refused: %s", f"https://me:{SECRET}@svc/")
    assert SECRET not in written()
    assert written().count("refused") == 2


def test_number_under_a_secret_name_is_masked(written: Callable[[], str]) -> None:
    structlog.get_logger("a").info("something", token=76543210, has_token=True, password=None)
    assert "76543210" not in written()
    assert "True" in written() or "true" in written(), "whether there is one may be told"


@pytest.mark.parametrize("own", [True, False], ids=["ours", "of a library"])
def test_no_secret_leaves_in_a_traceback(written: Callable[[], str], own: bool) -> None:
    logger = structlog.get_logger("a") if own else logging.getLogger("b")
    try:
        try:
            raise ConnectionError(f"cannot reach postgresql://u:{SECRET}@h/x")
        except ConnectionError as error:
            raise RuntimeError(f"GET https://svc/?token={SECRET}") from error
    except RuntimeError:
        logger.exception("it broke")
    assert SECRET not in written()
    assert "ConnectionError: cannot reach postgresql://u:" in written(), "the traceback itself is kept"
    assert "RuntimeError: GET https://svc/?token=" in written()


def test_what_cannot_be_shown_does_not_break_the_line(written: Callable[[], str]) -> None:
    endless: list[Any] = []
    endless.append(endless)
    structlog.get_logger("a").info("something", thing=Unprintable(), endless=endless)
    assert "something" in written()
    assert "Unprintable" in written()


def test_callers_values_stay_as_they_are(written: Callable[[], str]) -> None:
    headers = {"token": SECRET, "list": [f"token={SECRET}"]}
    structlog.get_logger("a").info("something", headers=headers)
    assert headers == {"token": SECRET, "list": [f"token={SECRET}"]}
    assert SECRET not in written()


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:4000/setup#token=the-link-somebody-has-to-open",
        "token: Field required",
        "secret_key: must be at least 32 characters of randomness",
        "postgresql://app@/app?host=/run/pg",
        "ratio=1 url=https://svc/api?page=2&monkey=x at 10:20:30",
        "tokenizer=fast; author=me; passed=3",
    ],
)
def test_words_without_a_secret_stay_readable(text: str) -> None:
    assert mask_text(text) == text


def test_numbers_and_other_values_stay_what_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config()
    configure_logs("info", "json")
    structlog.get_logger("a").info("something", count=3, ratio=0.5, ok=True, none=None, names=["a"], table={"b": 1})
    structlog.configure(**before)
    line = json.loads(capsys.readouterr().err)
    assert {name: line[name] for name in ("count", "ratio", "ok", "none", "names", "table")} == {
        "count": 3, "ratio": 0.5, "ok": True, "none": None, "names": ["a"], "table": {"b": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("X-Plex-Token", True),
        ("x-api-key", True),
        ("accessToken", True),
        ("APIKey", True),
        ("api.key", True),
        ("db_password", True),
        ("Set-Cookie", True),
        ("key", False),
        ("monkey", False),
        ("tokenizer", False),
        ("person", False),
    ],
)
def test_names_are_secret_however_they_are_spelled(name: str, secret: bool) -> None:
    assert secret_name(name) is secret


@pytest.mark.parametrize(
    "piece", ["a", "token='", "a=", "://", "://a:", "Bearer ", "cookie: ", "password=\\'", "-", "eyJ."]
)
def test_hostile_text_takes_no_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    mask_text(text)
    assert time.process_time() - began < 2.0
