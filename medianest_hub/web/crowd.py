"""How many connections one address may hold at once; knows no request, and nobody signed in.

Generous: a household behind one address is many browsers, and a proxy speaks for everybody.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from medianest_hub.web.client_address import limit_key

log = structlog.get_logger(__name__)

MOST_PER_ADDRESS: Final = 200
_SECONDS_BETWEEN_WORDS: Final = 60.0


class Crowd:
    """Counts this process's connections. `is_exempt` says of an address that it may have as many as it likes."""

    def __init__(self, is_exempt: Callable[[str], bool], most: int = MOST_PER_ADDRESS) -> None:
        self._is_exempt = is_exempt
        self._most = most
        self._held: Counter[str] = Counter()
        self._said = -_SECONDS_BETWEEN_WORDS

    def enter(self, peer: str) -> str | None:
        """What to give back to `leave`; empty for an address that is not counted, None when it has too many."""
        if not peer or self._is_exempt(peer):
            return ""
        key = limit_key(peer)
        if self._held[key] >= self._most:
            self._tell(key)
            return None
        self._held[key] += 1
        return key

    def leave(self, key: str) -> None:
        """One connection less."""
        if key:
            self._held[key] -= 1
            if self._held[key] <= 0:
                del self._held[key]

    def _tell(self, key: str) -> None:
        if time.monotonic() - self._said >= _SECONDS_BETWEEN_WORDS:
            self._said = time.monotonic()
            log.warning("too_many_connections", address=key, most=self._most)
