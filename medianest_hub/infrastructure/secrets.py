"""Sealing, signing and key derivation from the one secret key; keeps keys in memory only and logs nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from medianest_hub.plugin_api.errors import Forbidden, Gone


class SecretBox:
    """Keys derived per purpose (HKDF-SHA256) from a ring of secret keys, the first of which is in use.

    A sealed text is `mn1.<key id>.<nonce+ciphertext>` (AES-256-GCM); older keys of the ring still open theirs.
    """

    def __init__(self, secret_keys: list[str]) -> None:
        if not secret_keys:
            raise ValueError("a secret key is needed")
        self._ring = {_key_id(key): key.encode() for key in secret_keys}
        self.current = _key_id(secret_keys[0])
        self._derived: dict[tuple[str, str], bytes] = {}

    @property
    def key_ids(self) -> list[str]:
        """The ids of all keys of the ring, the one in use first."""
        return list(self._ring)

    def derive(self, purpose: str, key_id: str | None = None) -> bytes:
        """32 bytes for this purpose, of the key in use or another of the ring (`KeyError` when it is not there)."""
        key_id = key_id or self.current
        known = self._derived.get((key_id, purpose))
        if known is None:
            known = HKDF(SHA256(), 32, b"medianest-hub", purpose.encode()).derive(self._ring[key_id])
            self._derived[key_id, purpose] = known
        return known

    def seal(self, purpose: str, value: bytes) -> str:
        """Encrypt; only the same purpose opens it."""
        nonce = os.urandom(12)
        sealed = AESGCM(self.derive(purpose)).encrypt(nonce, value, purpose.encode())
        return f"mn1.{self.current}.{_b64(nonce + sealed)}"

    def open(self, purpose: str, sealed: str) -> bytes:
        """Decrypt; `ValueError` if it was not sealed here for this purpose, or its key has left the ring."""
        try:
            key_id, text = sealed.removeprefix("mn1.").split(".")
            raw = _unb64(text)
            return AESGCM(self.derive(purpose, key_id)).decrypt(raw[:12], raw[12:], purpose.encode())
        except (ValueError, KeyError, InvalidTag) as error:
            raise ValueError("this was not sealed with a key of this hub") from error

    def sign(self, purpose: str, claims: Mapping[str, str | int], ttl: float) -> str:
        """A URL-safe token proving `claims` for `ttl` seconds."""
        body = json.dumps({**claims, "exp": int(time.time() + ttl)}, separators=(",", ":"), sort_keys=True).encode()
        return f"{self.current}.{_b64(body)}.{_b64(self._mac(purpose, self.current, body))}"

    def verify(self, purpose: str, token: str) -> dict[str, str | int]:
        """The claims, without `exp`. Raises `Forbidden` if forged, `Gone` if expired."""
        try:
            key_id, text, mac = token.split(".")
            body = _unb64(text)
            good = hmac.compare_digest(_unb64(mac), self._mac(purpose, key_id, body))
        except (ValueError, KeyError):
            good, body = False, b""
        if not good:
            raise Forbidden("This link is not valid; ask for a new one.", code="link_invalid")
        claims: dict[str, str | int] = json.loads(body)
        if int(claims.pop("exp")) < time.time():
            raise Gone("This link has expired; ask for a new one.", code="link_expired")
        return claims

    def _mac(self, purpose: str, key_id: str, body: bytes) -> bytes:
        return hmac.digest(self.derive(f"sign:{purpose}", key_id), body, hashlib.sha256)


def _key_id(key: str) -> str:
    return hashlib.sha256(b"medianest-key-id:" + key.encode()).hexdigest()[:8]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
