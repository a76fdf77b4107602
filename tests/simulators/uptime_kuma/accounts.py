"""Who may enter: the user, their second factor, session tokens, API keys, and how often one may try. Knows no monitors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyotp

LOGINS_PER_MINUTE = 20
KEY_USES_PER_MINUTE = 60


@dataclass(eq=False)
class ApiKey:
    """`secret` is what follows `uk<id>_`; `expires` is UTC text, or None for never."""

    id: int
    name: str
    secret: str
    created: str
    expires: str | None = None
    active: bool = True

    @property
    def text(self) -> str:
        """The whole key, as it is shown once."""
        return f"uk{self.id}_{self.secret}"


class Limit:
    """So many a minute, counted from the first of the minute, for everybody together."""

    def __init__(self, now: Callable[[], float], per_minute: int) -> None:
        self._now = now
        self._per_minute = per_minute
        self._since, self._used = 0.0, 0

    def passes(self, count: int = 1) -> bool:
        """Use `count` of them; False, and none used, when there are not as many left."""
        if self._now() - self._since >= 60:
            self._since, self._used = self._now(), 0
        if self._used + max(count, 1) > self._per_minute:
            return False
        self._used += count
        return True


class Accounts:
    """One user, as Uptime Kuma has one. `auth_disabled` is the setting "disable authentication"."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self.username = "admin"
        self.password = "Passw0rd123"
        self.totp_secret: str | None = None
        self.auth_disabled = False
        self.limit_logins = True
        self.limit_keys = True
        self.api_keys: dict[int, ApiKey] = {}
        self.keys_used = False
        """Set by the first key ever made; from then on a password no longer opens /metrics."""
        self._logins = Limit(self.now, LOGINS_PER_MINUTE)
        self._key_uses = Limit(self.now, KEY_USES_PER_MINUTE)
        self._jwt_secret = secrets.token_bytes(32)
        self._last_code = ""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += seconds

    # --- passwords and codes

    def may_try(self, count: int = 1) -> bool:
        """Whether the limit on logins lets one more through."""
        return not self.limit_logins or self._logins.passes(count)

    def is_password(self, username: Any, password: Any) -> bool:
        """Whether they are the user's."""
        return (username, password) == (self.username, self.password)

    def takes_code(self, code: Any) -> bool:
        """Whether the code of the second factor is right; the last one that was is not taken again."""
        assert self.totp_secret is not None
        moment = datetime.fromtimestamp(self.now(), UTC)
        right = pyotp.TOTP(self.totp_secret).verify(str(code), for_time=moment, valid_window=1)
        if code == self._last_code or not right:
            return False
        self._last_code = code
        return True

    def totp_code(self) -> str:
        """What the user's authenticator shows now."""
        assert self.totp_secret is not None
        return pyotp.TOTP(self.totp_secret).at(datetime.fromtimestamp(self.now(), UTC))

    def second_factor(self) -> str:
        """Switch it on; returns its secret."""
        self.totp_secret = pyotp.random_base32()
        return self.totp_secret

    def change_password(self, password: str) -> None:
        """Tokens carry a trace of the password, so those given out no longer hold."""
        self.password = password

    # --- session tokens

    def _trace(self) -> str:
        return hashlib.shake_256(self.password.encode()).hexdigest(16)

    def session_token(self) -> str:
        """A JWT that never expires."""
        payload = {"username": self.username, "h": self._trace(), "iat": int(self.now())}
        signed = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(payload)}"
        return f"{signed}.{self._signature(signed)}"

    def is_token(self, token: Any) -> bool:
        """Whether it is one of ours and the password is still the one it was given for."""
        signed, _, signature = str(token).rpartition(".")
        if not signed or not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return False
        part = signed.partition(".")[2]
        payload = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return bool(payload["h"] == self._trace() and payload["username"] == self.username)

    def _signature(self, signed: str) -> str:
        return _encoded(hmac.digest(self._jwt_secret, signed.encode(), "sha256"))

    # --- API keys

    def api_key(self, name: str = "hub", expires: str | None = None) -> str:
        """A new one, as it is shown once."""
        created = datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%d %H:%M:%S")
        made = ApiKey(len(self.api_keys) + 1, name, secrets.token_urlsafe(30), created, expires)
        self.api_keys[made.id] = made
        self.keys_used = True
        return made.text

    def key_status(self, key: ApiKey) -> str:
        """`active`, `inactive` or `expired`."""
        if key.expires is not None:
            expires = datetime.fromisoformat(key.expires).replace(tzinfo=UTC)
            if expires.timestamp() < self.now():
                return "expired"
        return "active" if key.active else "inactive"

    def opens_metrics(self, authorization: str) -> bool:
        """Whether the header lets one read /metrics: Basic alone; a key as the password once there was a key."""
        if self.auth_disabled:
            return True
        given = _basic(authorization)
        if given is None:
            return False
        if self.keys_used:
            return (not self.limit_keys or self._key_uses.passes()) and self._is_key(given[1])
        if not self.may_try(0):
            return False
        right = self.is_password(*given)
        return right or (self.may_try() and False)

    def _is_key(self, text: str) -> bool:
        number, _, secret = text.removeprefix("uk").partition("_")
        key = self.api_keys.get(int(number)) if number.isdigit() else None
        return key is not None and key.secret == secret and self.key_status(key) == "active"


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (username, password) if colon else None


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _packed(value: dict[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())
