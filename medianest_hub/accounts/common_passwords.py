"""Whether a text is one of the passwords most often found in breaches; knows only their digests and stores nothing.

The list is that of zxcvbn (MIT, Dropbox and contributors) and of Django (BSD-3-Clause, after Royce Williams), some 40,000
together. Of each it holds five bytes, sorted, in one string: 0.2 MB read at first use, where the words would take ten times
that; `scripts/common-passwords` makes it. One text in thirty million is taken for one of them and is not.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

SHORTEST: Final = 4
"""Characters; shorter words are no passwords anybody here may have, and are found by chance."""

_BYTES: Final = 5


def is_common_password(text: str) -> bool:
    """Whether it is one of them; `text` is to be case-folded."""
    if len(text) < SHORTEST:
        return False
    wanted, digests = digest(text), _digests()
    low, high = 0, len(digests) // _BYTES
    while low < high:
        middle = (low + high) // 2
        if digests[middle * _BYTES : (middle + 1) * _BYTES] < wanted:
            low = middle + 1
        else:
            high = middle
    return digests[low * _BYTES : (low + 1) * _BYTES] == wanted


def digest(text: str) -> bytes:
    """What the list holds of a password."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()


@cache
def _digests() -> bytes:
    return (files("medianest_hub.accounts") / "common_passwords.bin").read_bytes()
