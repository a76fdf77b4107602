"""Known attacks on JSON Web Tokens (RFC 8725 and the lists of those who break them): each is answered 401 and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from medianest_hub.accounts.tokens import AUDIENCE, ISSUER, PURPOSE, Claims, Tokens
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import Unauthorized

BOX = SecretBox(["k" * 40])
KEY = BOX.derive(PURPOSE)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(BOX, 900)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(uuid4()), "sid": str(uuid4()), "iat": now, "exp": now + 900}
    return {**good, **changes}


def part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def made(header: object, content: object, key: bytes = KEY, digest: str = "sha256") -> str:
    """A token of any header and content, rightly signed with `key`."""
    body = f"{part(header)}.{part(content)}"
    return f"{body}.{part(hmac.digest(key, body.encode(), digest))}"


def header(**changes: Any) -> dict[str, Any]:
    return {"alg": "HS256", "kid": BOX.current, "typ": "at+jwt", **changes}


def refuses(tokens: Tokens, token: str) -> bool:
    with pytest.raises(Unauthorized) as refused:
        tokens.read(token)
    return refused.value.error_code in ("token_invalid", "token_expired")


def test_the_maker_of_these_tokens_makes_good_ones_too(tokens: Tokens) -> None:
    assert isinstance(tokens.read(made(header(), claims())).session_id, UUID)


@pytest.mark.parametrize(
    "name", ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "hs256", "RS256", "ES256", "A128KW"]
)
def test_only_one_algorithm_is_known_whatever_the_header_says(tokens: Tokens, name: str) -> None:
    assert refuses(tokens, made(header(alg=name), claims()))
    assert refuses(tokens, f"{part(header(alg=name))}.{part(claims())}.")
    digest = {"HS384": "sha384", "HS512": "sha512"}.get(name, "sha256")
    assert refuses(tokens, made(header(alg=name), claims(), digest=digest))


def test_a_public_key_is_no_secret_and_a_private_one_no_key_of_ours(tokens: Tokens) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert refuses(tokens, jwt.encode(claims(), private, algorithm="RS256", headers={"kid": BOX.current}))
    assert refuses(tokens, made(header(), claims(), key=public))
    # HS/RS confusion the other way: our own secret under an asymmetric name.
    assert refuses(tokens, made(header(alg="RS256"), claims()))


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/etc/hostname",
        "' UNION SELECT 'key'; --",
        "| sleep 5",
        "key\0" + BOX.current,
        f" {BOX.current}",
        BOX.current.upper() + "x",
        "http://evil.example/key",
        "",
        None,
        True,
        0,
        [BOX.current],
        {"kid": BOX.current},
    ],
    ids=repr,
)
@pytest.mark.parametrize("key", [b"", b"\0", hashlib.sha256(b"").digest(), KEY], ids=["empty", "nul", "hash", "ours"])
def test_a_key_is_chosen_by_its_whole_name_from_the_ring_and_nowhere_else(tokens: Tokens, kid: Any, key: bytes) -> None:
    assert refuses(tokens, made(header(kid=kid), claims(), key=key))


def test_a_token_without_a_kid_is_refused(tokens: Tokens) -> None:
    assert refuses(tokens, made({"alg": "HS256", "typ": "at+jwt"}, claims()))


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": {"kty": "oct", "k": part(b"evil")}},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["MII"]},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_a_key_the_token_brings_along_is_not_used(tokens: Tokens, extra: dict[str, Any]) -> None:
    assert refuses(tokens, made(header(**extra), claims(), key=b"evil"))


@pytest.mark.parametrize("extra", [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": False}], ids=str)
def test_extensions_this_hub_does_not_know_are_refused(tokens: Tokens, extra: dict[str, Any]) -> None:
    assert refuses(tokens, made(header(**extra), claims()))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [AUDIENCE, "another"]},
        {"aud": []},
        {"aud": {AUDIENCE: 1}},
        {"aud": AUDIENCE + "/"},
        {"iss": [ISSUER]},
        {"iss": ISSUER.upper()},
        {"sub": ["018f0000-0000-7000-8000-000000000000"]},
        {"sub": "../018f0000-0000-7000-8000-000000000000"},
        {"sid": {"$ne": None}},
        {"sid": "' OR 1=1"},
        {"sid": 1},
        {"exp": None},
        {"exp": True},
        {"exp": "9999999999"},
        {"exp": 9999999999.5},
        {"exp": -1},
        {"exp": 0},
        {"exp": 10**400},
        {"exp": [9999999999]},
        {"nbf": 4_000_000_000},
        {"nbf": "never"},
        {"iat": "now"},
        {"iat": None},
    ],
    ids=str,
)
def test_claims_that_are_not_ours_are_refused_though_the_signature_is_good(
    tokens: Tokens, changes: dict[str, Any]
) -> None:
    assert refuses(tokens, made(header(), claims(**changes)))


def test_a_token_issued_in_the_future_is_good_for_no_longer_than_one_of_now(tokens: Tokens) -> None:
    # A clock set back must sign nobody out; whoever holds the key needs no such token.
    read = tokens.read(made(header(), claims(iat=int(time.time()) + 600)))
    assert read.expires_at <= time.time() + 900


def test_of_claims_named_twice_only_one_reading_is_ever_taken(tokens: Tokens) -> None:
    """The signature covers the bytes, so that nobody but the hub could have named them twice; nothing depends on the order."""
    good = json.dumps(claims())
    twice = good[:-1].encode() + b', "sid": "%s"}' % str(uuid4()).encode()
    read = tokens.read(made(header(), twice))
    assert tokens.read(made(header(), twice)).session_id == read.session_id
    assert refuses(tokens, made(header(), twice, key=b"another"))
    assert refuses(tokens, made(b'{"alg": "HS256", "kid": "%s", "alg": "none"}' % BOX.current.encode(), claims()))


def test_nothing_of_a_good_token_can_be_changed_or_left_out(tokens: Tokens) -> None:
    good = made(header(), claims())
    head, content, signature = good.split(".")
    other = part(claims(sub=str(uuid4())))
    for changed in (
        f"{head}.{other}.{signature}",
        f"{part(header(typ='JWT'))}.{content}.{signature}",
        f"{head}.{content}.",
        f"{head}.{content}",
        f"{head}..{signature}",
        f".{content}.{signature}",
        f"{head}.{content}.{signature}.{signature}",
        f"{head}.{content}.{signature[:-2]}",
        f"{head}.{content}.{signature}AAAA",
        f"{head}.{content}.{part(b'0' * 32)}",
        f"{head}=.{content}.{signature}",
        good.upper(),
        good[::-1],
    ):
        assert refuses(tokens, changed)


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c.d.e",
        f"{part({'alg': 'dir', 'enc': 'A128GCM', 'kid': BOX.current})}..{part(b'0' * 12)}.{part(b'0' * 64)}.{part(b'0' * 16)}",
        f"{part(header(cty='JWT'))}.{part(made(header(), claims()).encode())}.{part(b'0' * 32)}",
        made(header(), made(header(), claims()).encode()),
        made(header(), [claims()]),
        made(header(), b"null"),
        made(header(), b"\xff\xfe"),
        made([header()], claims()),
        made(b"null", claims()),
        made(header(), b'{"a":' * 5000 + b"1" + b"}" * 5000),
        made(header(), b"[" * 600),
        made(header(), claims(padding="x" * 5000)),
        "x" * 1_000_000,
        "ü.ü.ü",
        "\0.\0.\0",
        "٠.٠.٠",
        "Bearer " + made(header(), claims()),
        " ".join(made(header(), claims())),
    ],
    ids=[
        *("five parts", "encrypted", "nested", "nested and signed", "list", "null", "no utf-8", "list header"),
        *("null header", "deep", "deep and open", "long", "huge", "umlauts", "nul", "digits", "twice bearer", "spaced"),
    ],
)
def test_what_only_looks_like_a_token_is_refused(tokens: Tokens, token: str) -> None:
    assert refuses(tokens, token)


def test_a_session_token_narrows_nobody_and_a_key_to_what_it_names() -> None:
    admin = frozenset({"hub.admin", "hub.account", "hub.people", "hub.signed_in", "a.b", "a.c"})
    ada = Person(uuid4(), "ada", Role.ADMIN, admin)

    def narrowed(*names: str) -> Person:
        return Claims(ada.id, uuid4(), 0.0, frozenset(names)).narrow(ada)

    assert Claims(ada.id, uuid4(), 0.0).narrow(ada) is ada
    some = narrowed("a.b", "a.z", "hub.account")
    assert (some.permissions, some.role, some.is_admin) == (frozenset({"a.b"}), Role.GUEST, False)
    assert (narrowed("hub.admin").role, narrowed("hub.admin").is_admin) == (Role.ADMIN, True)
    assert narrowed(*admin).permissions == admin - {"hub.account", "hub.people"}
    assert narrowed().permissions == frozenset()
