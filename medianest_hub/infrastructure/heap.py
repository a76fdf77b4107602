"""Asks the C library to give large blocks back to the machine as soon as they are free. Knows nobody who needs some."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # <malloc.h>
_LARGE: Final = 1024 * 1024


@cache
def give_large_blocks_back() -> None:
    """From now on, once a process: glibc would otherwise hold on to what hashing or decoding needed for a moment, for good."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, and gives memory back by itself
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
