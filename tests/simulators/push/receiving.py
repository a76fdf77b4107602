"""The browser's half of RFC 8291 and the push service's of RFC 8292, by the standards alone: no code of the sender."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class NotForUs(Exception):
    """What a push service or a browser finds wrong with a message."""


def decoded(text: str) -> bytes:
    """Base64url without padding."""
    if "=" in text:
        raise NotForUs("base64url is written without padding here")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True)
class BrowserKeys:
    """What a browser made for one subscription."""

    private: ec.EllipticCurvePrivateKey
    secret: bytes

    @property
    def point(self) -> bytes:
        """Its public key, uncompressed."""
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def decrypt(body: bytes, keys: BrowserKeys) -> bytes:
    """The message in the body of a push (RFC 8188 with the keys of RFC 8291). Raises `NotForUs`."""
    if len(body) > 4096 + 86:
        raise NotForUs("larger than a push service takes")
    salt, record, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    point, sealed = body[21 : 21 + length], body[21 + length :]
    if length != 65 or record < len(sealed):
        raise NotForUs("not one record with a key of 65 bytes")
    shared = keys.private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
    prk_key = _hmac(keys.secret, shared)
    ikm = _hmac(prk_key, b"WebPush: info\x00" + keys.point + point + b"\x01")
    prk = _hmac(salt, ikm)
    cek = _hmac(prk, b"Content-Encoding: aes128gcm\x00\x01")[:16]
    nonce = _hmac(prk, b"Content-Encoding: nonce\x00\x01")[:12]
    padded = AESGCM(cek).decrypt(nonce, sealed, None).rstrip(b"\x00")
    if not padded.endswith(b"\x02"):
        raise NotForUs("the last record does not end with its delimiter")
    return padded[:-1]


def check_authorization(header: str, audience: str, subscribed_with: bytes) -> dict[str, Any]:
    """The claims of a VAPID token for this service, signed by the key the browser subscribed with. Raises `NotForUs`."""
    scheme, _, rest = header.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    if scheme.lower() != "vapid" or set(parts) != {"t", "k"}:
        raise NotForUs("not a vapid header")
    if decoded(parts["k"]) != subscribed_with:
        raise NotForUs("another key than the browser subscribed with")
    signed, _, signature = parts["t"].rpartition(".")
    head, claims = (json.loads(decoded(part)) for part in signed.split("."))
    raw = decoded(signature)
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscribed_with)
        dss = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key.verify(dss, signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise NotForUs("the token is not signed by that key") from None
    now = time.time()
    if head.get("alg") != "ES256" or claims["aud"] != audience or not now < claims["exp"] <= now + 86_400:
        raise NotForUs("the token is for another service, or for too long")
    return dict(claims)


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()
