"""Verifies an ID token: signature, algorithm, issuer, audience, times, nonce; fetches nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from medianest_hub.accounts.oidc.failures import untrusted

if TYPE_CHECKING:
    from joserfc.jwk import Key

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""Signatures with a public key alone: neither `none`, nor one that whoever knows the public key could make."""

LEEWAY_SECONDS: Final = 60
LONGEST: Final = 64 * 1024
LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core 2: at most 255 ASCII characters."""


def key_id(token: str) -> str | None:
    """The key id in the header of a token that is not verified yet; None where there is none."""
    try:
        head = token.partition(".")[0]
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    found = header.get("kid") if isinstance(header, dict) else None
    return found if isinstance(found, str) else None


def fitting(keys: Sequence[Key], kid: str | None) -> list[Key]:
    """The keys such a token may be signed with: the one of that id, or any where the token names none."""
    return [key for key in keys if kid is None or key.kid == kid]


def verify(
    token: str,
    keys: Sequence[Key],
    *,
    service: str,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    algorithms: Sequence[str] = ALGORITHMS,
) -> dict[str, Any]:
    """The claims of a good ID token. Raises `Untrusted` naming what is wrong with it."""
    from authlib.oidc.core import CodeIDToken
    from joserfc.errors import JoseError

    header, claims = _read(token, keys, service, [name for name in algorithms if name in ALGORITHMS])
    options: Any = {
        "iss": {"essential": True, "value": issuer},
        "sub": {"essential": True},
        "aud": {"essential": True, "value": client_id},
        "nonce": {"essential": True, "value": nonce},
    }
    params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    try:
        CodeIDToken(claims, header, options, params).validate(leeway=LEEWAY_SECONDS)
    except JoseError as error:
        # Named by the library: which claim it is, never its value.
        raise untrusted(service, f"{error.error}{_claim(error)}") from None
    except (TypeError, ValueError, AttributeError):
        raise untrusted(service, "a claim of it is of the wrong kind") from None
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise untrusted(service, "its subject is no text of up to 255 characters")
    return claims


def _read(
    token: str, keys: Sequence[Key], service: str, algorithms: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that one of the keys signed."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jws import JWSRegistry

    if len(token) > LONGEST:
        raise untrusted(service, "it is too long")
    registry = JWSRegistry(algorithms=list(algorithms))
    problem = "its key is not among those the provider publishes"
    for key in fitting(keys, key_id(token)):
        try:
            found = jwt.decode(token, key, list(algorithms), registry)
        except JoseError as error:
            problem = error.error
        except (ValueError, TypeError, RecursionError):
            problem = "it cannot be read"
        else:
            return dict(found.header), dict(found.claims)
    raise untrusted(service, problem)


def _claim(error: Exception) -> str:
    name = getattr(error, "claim", None)
    return f" ({name})" if isinstance(name, str) else ""
