"""What is kept of random tokens and secrets that are shown once; makes and compares none."""

from __future__ import annotations

import hashlib


def token_hash(token: str) -> bytes:
    """Its SHA-256: 192 random bits and more need no slow hash. Anything a caller can send has one."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
