"""Access tokens: what is issued is read again, and nothing else is."""

import base64
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from medianest_hub.accounts.tokens import AUDIENCE, ISSUER, PURPOSE, Tokens
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Unauthorized

KEY, OTHER_KEY = "k" * 40, "o" * 40


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(SecretBox([KEY]), 3600, now=clock)


def forged(box: SecretBox, header: dict[str, Any] | None = None, key: bytes | None = None, **changes: Any) -> str:
    """A token signed as ours are, with some claims and headers changed; a claim set to None is left out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None},
        key or box.derive(PURPOSE),
        algorithm="HS256",
        headers={"kid": box.current, **(header or {})},
    )


def code_of(tokens: Tokens, token: str) -> str:
    with pytest.raises(Unauthorized) as refused:
        tokens.read(token)
    return refused.value.error_code


def test_what_was_issued_is_read(tokens: Tokens, clock: Clock) -> None:
    person, session = uuid4(), uuid4()
    issued = tokens.issue(person, session)
    claims = tokens.read(issued.access_token)
    assert (claims.person_id, claims.session_id) == (person, session)
    assert issued.expires_in == 3600
    assert claims.expires_at == pytest.approx(clock.now + 3600, abs=1)
    assert tokens.read(issued.access_token) is claims


def test_a_token_names_its_key_and_kind(tokens: Tokens) -> None:
    header = jwt.get_unverified_header(tokens.issue(uuid4(), uuid4()).access_token)
    assert header == {"alg": "HS256", "kid": SecretBox([KEY]).current, "typ": "at+jwt"}


def test_a_remembered_token_still_expires(tokens: Tokens, clock: Clock) -> None:
    token = tokens.issue(uuid4(), uuid4()).access_token
    tokens.read(token)
    clock.now += 3600
    assert code_of(tokens, token) == "token_expired"
    assert code_of(tokens, token) == "token_expired"


def test_a_clock_set_back_leaves_tokens_good(tokens: Tokens, clock: Clock) -> None:
    token = tokens.issue(uuid4(), uuid4()).access_token
    clock.now -= 900
    assert tokens.read(token)


def test_tokens_of_an_older_key_in_the_ring_are_good_and_those_of_a_dropped_one_not(clock: Clock) -> None:
    token = Tokens(SecretBox([KEY]), 3600, now=clock).issue(uuid4(), uuid4()).access_token
    assert Tokens(SecretBox([OTHER_KEY, KEY]), 3600, now=clock).read(token)
    assert code_of(Tokens(SecretBox([OTHER_KEY]), 3600, now=clock), token) == "token_invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody else"},
        {"aud": "another service"},
        {"aud": [AUDIENCE + "x"]},
        {"sub": "not an id"},
        {"sub": 7},
        {"sid": None},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        {"aud": None},
        {"iss": None},
        {"exp": "soon"},
        {"exp": 1e400},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
def test_wrong_claims_are_refused_even_when_signed(tokens: Tokens, changes: dict[str, Any]) -> None:
    assert code_of(tokens, forged(SecretBox([KEY]), **changes)) == "token_invalid"


@pytest.mark.parametrize("kid", ["", "unknown", "../secret.key", "0" * 10_000, 7, None, ["a"], {"a": 1}], ids=repr)
def test_a_key_named_from_outside_the_ring_is_refused(tokens: Tokens, kid: Any) -> None:
    token = forged(SecretBox([KEY]))
    _, claims, signature = token.split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": kid}).encode()).rstrip(b"=").decode()
    assert code_of(tokens, f"{header}.{claims}.{signature}") == "token_invalid"


def test_another_algorithm_is_refused(tokens: Tokens) -> None:
    box = SecretBox([KEY])
    claims = jwt.decode(forged(box), options={"verify_signature": False})
    header = {"kid": box.current}
    unsigned = jwt.encode(claims, None, algorithm="none", headers=header)
    long = jwt.encode(claims, box.derive(PURPOSE) * 2, algorithm="HS512", headers=header)
    assert {code_of(tokens, unsigned), code_of(tokens, long)} == {"token_invalid"}


@pytest.mark.parametrize("key", [b"x" * 32, KEY.encode()], ids=["another key", "the secret key itself"])
def test_a_token_signed_with_anything_else_is_refused(tokens: Tokens, key: bytes) -> None:
    assert code_of(tokens, forged(SecretBox([KEY]), key=key)) == "token_invalid"


def test_every_single_changed_character_is_noticed(tokens: Tokens) -> None:
    token = tokens.issue(uuid4(), uuid4()).access_token
    body = token[: token.rindex(".")]
    for position in range(0, len(body), 7):
        changed = "A" if token[position] != "A" else "B"
        assert code_of(tokens, token[:position] + changed + token[position + 1 :]) == "token_invalid"


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "x" * 5000, "é.ü.ß", "\ud800.a.b", "null", "e30.e30.e30"], ids=ascii
)
def test_rubbish_is_refused(tokens: Tokens, text: str) -> None:
    assert code_of(tokens, text) == "token_invalid"
