"""Access tokens: signed, short-lived proof of who calls and in which session; does no I/O and knows no request."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import jwt

from medianest_hub.accounts.permissions import NOT_FOR_KEYS
from medianest_hub.infrastructure.one_time import token_hash
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Unauthorized
from medianest_hub.plugin_api.people import ADMIN, Person, Role

ALGORITHM = "HS256"
ISSUER = "medianest-hub"
AUDIENCE = "medianest-hub/api"
PURPOSE = "access-token"

_LONGEST = 2048
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token or API key says. Whether its session still lives is asked elsewhere.

    `expires_at` is in seconds since 1970. `permissions` are those of an API key, whose id stands as `session_id`; None for
    a token, which has all of the person's.
    """

    person_id: UUID
    session_id: UUID
    expires_at: float
    permissions: frozenset[str] | None = None

    @property
    def is_key(self) -> bool:
        """Whether it is an API key's."""
        return self.permissions is not None

    def narrow(self, person: Person) -> Person:
        """The person as they may act by this: with an API key no more than it names, and as a guest where roles count."""
        if self.permissions is None:
            return person
        allowed = (person.permissions & self.permissions) - NOT_FOR_KEYS
        complete = ADMIN in allowed or allowed == person.permissions - NOT_FOR_KEYS
        return replace(person, permissions=allowed, role=person.role if complete else Role.GUEST)


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh token, good for `expires_in` seconds."""

    access_token: str
    expires_in: int


class Tokens:
    """Issues and reads. Tokens already verified are remembered by hash, at most 4096, until they expire.

    Keys are given once: they change with a restart only, which forgets what was verified under them.
    """

    def __init__(self, secrets: SecretBox, lifetime: int, *, now: Callable[[], float] = time.time) -> None:
        """`lifetime` is in seconds."""
        self._secrets = secrets
        self._lifetime = lifetime
        self._now = now
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()

    def issue(self, person_id: UUID, session_id: UUID) -> Issued:
        """A token under the key in use."""
        issued_at = int(self._now())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(person_id),
            "sid": str(session_id),
            "iat": issued_at,
            "exp": issued_at + self._lifetime,
        }
        key_id = self._secrets.current
        token = jwt.encode(
            claims, self._secrets.derive(PURPOSE, key_id), algorithm=ALGORITHM, headers={"kid": key_id, "typ": "at+jwt"}
        )
        return Issued(token, self._lifetime)

    def read(self, token: str) -> Claims:
        """The claims. Raises `Unauthorized`, code `token_expired` or `token_invalid`."""
        digest = token_hash(token)
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._verify(token)
            self._verified[digest] = claims
            if len(self._verified) > _KEPT:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(digest)
        if claims.expires_at <= self._now():
            self._verified.pop(digest, None)
            raise Unauthorized("The access token has expired; sign in again.", code="token_expired")
        return claims

    def _verify(self, token: str) -> Claims:
        if len(token) > _LONGEST:
            raise _invalid()
        try:
            content: dict[str, Any] = jwt.decode(
                token,
                self._key(token),
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                # Expiry is checked by `read` for remembered tokens too. "Issued in the future" only means that the clock
                # was set back since: the signature already proves that it was issued here.
                options={
                    "require": ["iss", "aud", "sub", "sid", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            # Exactly as they were issued: a list with our audience in it was meant for others, too.
            if type(content["exp"]) is not int or type(content["iat"]) is not int or content["aud"] != AUDIENCE:
                raise _invalid()
            return Claims(UUID(content["sub"]), UUID(content["sid"]), float(content["exp"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, KeyError, OverflowError):
            raise _invalid() from None

    def _key(self, token: str) -> bytes:
        """Of the ring only: a token names one of our keys, it never brings one."""
        key_id = jwt.get_unverified_header(token).get("kid")
        if not isinstance(key_id, str) or not key_id:
            raise jwt.InvalidTokenError
        return self._secrets.derive(PURPOSE, key_id)


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not valid; sign in again.", code="token_invalid")
