"""Ways an issuer, or somebody in its place, can forge or spoil the proof of who somebody is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from tests.simulators.oidc import Issuer
from tests.simulators.oidc.issuer import CLIENT_ID, CLIENT_SECRET

Lie = Callable[[Issuer], None]


def claims(**lies: Any) -> Lie:
    return lambda issuer: issuer.claims.update(lies)


def minted(make_token: Callable[[Issuer, dict[str, Any]], str]) -> Lie:
    return lambda issuer: setattr(issuer, "mint", lambda content: make_token(issuer, content))


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _none(issuer: Issuer, content: dict[str, Any]) -> str:
    return f"{_part({'alg': 'none', 'kid': 'first'})}.{_part(content)}."


def _confused(issuer: Issuer, content: dict[str, Any]) -> str:
    """Signed with the public key as if it were a shared secret; by hand, for a library will not."""
    text = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(content)}"
    mac = hmac.digest(issuer.key.as_pem(private=False), text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _with_client_secret(issuer: Issuer, content: dict[str, Any]) -> str:
    secret = OctKey.import_key(CLIENT_SECRET)
    return jws.serialize_compact(
        {"alg": "HS256", "kid": "first"}, json.dumps(content).encode(), secret, algorithms=["HS256"]
    )


def _own_key(issuer: Issuer, content: dict[str, Any]) -> str:
    """Signed by a key it brings along."""
    key = RSAKey.generate_key(2048, {"kid": "first"})
    return issuer.sign(content, key, jwk=key.as_dict(private=False))


def _tampered(issuer: Issuer, content: dict[str, Any]) -> str:
    head, _, signature = issuer.sign(content).split(".")
    return f"{head}.{_part({**content, 'sub': 'somebody-else'})}.{signature}"


def _other_algorithm(issuer: Issuer, content: dict[str, Any]) -> str:
    """A good signature, by an algorithm of ours the issuer does not announce."""
    return issuer.sign(content, algorithm="PS256")


NOW = int(time.time())
FORGED: dict[str, Lie] = {
    "no signature": minted(_none),
    "the public key as a shared secret": minted(_confused),
    "the client's secret": minted(_with_client_secret),
    "a key it brings along": minted(_own_key),
    "tampered": minted(_tampered),
    "an algorithm not announced": minted(_other_algorithm),
    "no token at all": minted(lambda *_: "nonsense"),
    "an enormous token": minted(lambda issuer, content: issuer.sign({**content, "x": "y" * 100_000})),
    "a deep token": minted(lambda *_: f"{'[' * 20_000}.x.y"),
    "another audience": claims(aud="somebody"),
    "an audience among others, without azp": claims(aud=[CLIENT_ID, "somebody"]),
    "another authorized party": claims(aud=[CLIENT_ID, "somebody"], azp="somebody"),
    "no audience": claims(aud=[]),
    "another issuer": claims(iss="https://evil.example"),
    "expired": claims(exp=NOW - 3600),
    "no end": claims(exp=None),
    "an end that is no number": claims(exp="tomorrow"),
    "of the future": claims(iat=NOW + 7200),
    "not yet": claims(nbf=NOW + 7200),
    "another nonce": claims(nonce="another"),
    "no nonce": claims(nonce=None),
    "another access token": claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "no subject": claims(sub=None),
    "an empty subject": claims(sub=""),
    "a subject that is no text": claims(sub=7),
    "a subject too long": claims(sub="s" * 300),
    "a subject with a line break": claims(sub="a\nb"),
    "userinfo of somebody else": lambda issuer: issuer.userinfo.update(sub="somebody-else"),
    "userinfo of nobody": lambda issuer: issuer.userinfo.update(sub=None),
    "no bearer token": lambda issuer: issuer.tokens.update(token_type="mac"),
}
