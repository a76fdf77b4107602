"""Encrypts a push message for one browser (RFC 8291, aes128gcm) and signs for the push service (RFC 8292). No I/O."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MOST_PLAIN: Final = 3993
"""Bytes of a message: what is left of the 4096 every push service takes (RFC 8291, 4)."""

TOKEN_LIFE: Final = timedelta(hours=12)
"""RFC 8292 allows a day; clocks differ."""

_RECORD: Final = 4096
_POINT: Final = 65
_SECRET: Final = 16


@dataclass(frozen=True, slots=True)
class Receiver:
    """The keys of a browser: `point` its public key, uncompressed, and `secret` of 16 bytes."""

    point: bytes
    secret: bytes

    @classmethod
    def read(cls, p256dh: str, auth: str) -> Receiver:
        """From the texts a browser gives. Raises `ValueError` for what is no key on P-256."""
        point, secret = unpadded(p256dh), unpadded(auth)
        if len(point) != _POINT or len(secret) != _SECRET:
            raise ValueError("keys of the wrong length")
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        return cls(point, secret)


def unpadded(text: str) -> bytes:
    """Bytes from base64url, padded or not. Raises `ValueError`."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("this is no base64url") from None


def padless(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half, uncompressed, 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(
    message: bytes, receiver: Receiver, *, key: ec.EllipticCurvePrivateKey | None = None, salt: bytes | None = None
) -> bytes:
    """The body of the request, in one record. `key` and `salt` are new ones each time; given only to try the standard's example.

    Raises `ValueError` for a message of more than `MOST_PLAIN` bytes.
    """
    if len(message) > MOST_PLAIN:
        raise ValueError(f"a push message has {MOST_PLAIN} bytes at most")
    ours = key or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(_SECRET)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), receiver.point)
    point = public_point(ours)
    shared = ours.exchange(ec.ECDH(), theirs)
    secret = _derived(shared, receiver.secret, b"WebPush: info\0" + receiver.point + point, 32)
    content_key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    # The delimiter of the last record (RFC 8188, 2).
    sealed = AESGCM(content_key).encrypt(nonce, message + b"\x02", None)
    return salt + _RECORD.to_bytes(4, "big") + bytes([len(point)]) + point + sealed


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def authorization(key: ec.EllipticCurvePrivateKey, endpoint: str, now: datetime, contact: str) -> str:
    """The `Authorization` header: a token for that push service alone, and our public key."""
    import jwt

    split = urlsplit(endpoint)
    claims = {"aud": f"{split.scheme}://{split.netloc}", "exp": int((now + TOKEN_LIFE).timestamp())}
    if contact:
        claims["sub"] = contact
    token = jwt.encode(claims, key, algorithm="ES256", headers={"typ": "JWT"})
    return f"vapid t={token}, k={padless(public_point(key))}"
