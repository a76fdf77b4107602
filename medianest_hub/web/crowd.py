"""How many connections one address may hold at once, and all strangers together; knows no request, and nobody signed in.

Generous: a household behind one address is many browsers, and a proxy speaks for everybody. Some descriptors are always
left: for the proxy and health probes, and for the hub's own databases and files.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from medianest_hub.infrastructure.addresses import network_of

log = structlog.get_logger(__name__)

MOST_PER_ADDRESS: Final = 200
MOST_FILES: Final = 16_384
FILES_OF_OUR_OWN: Final = 256
"""Descriptors that connections of strangers never take."""

_SECONDS_BETWEEN_WORDS: Final = 60.0


class Crowd:
    """Counts this process's connections. `is_exempt` says of an address that it may have as many as it likes."""

    def __init__(
        self, is_exempt: Callable[[str], bool], most: int = MOST_PER_ADDRESS, most_in_all: int | None = None
    ) -> None:
        self._is_exempt = is_exempt
        self._most = most
        self._most_in_all = most_in_all if most_in_all is not None else _room()
        self._counted = 0
        self._held: Counter[str] = Counter()
        self._said = -_SECONDS_BETWEEN_WORDS

    def enter(self, peer: str) -> str | None:
        """What to give back to `leave`; empty for an address that is not counted, None when it has too many."""
        if not peer or self._is_exempt(peer):
            return ""
        key = network_of(peer)
        if self._held[key] >= self._most:
            self._tell("too_many_connections", address=key, most=self._most)
            return None
        if self._counted >= self._most_in_all:
            self._tell("connections_used_up", most=self._most_in_all)
            return None
        self._held[key] += 1
        self._counted += 1
        return key

    def leave(self, key: str) -> None:
        """One connection less."""
        if key:
            self._held[key] -= 1
            self._counted -= 1
            if self._held[key] <= 0:
                del self._held[key]

    def _tell(self, event: str, **said: object) -> None:
        if time.monotonic() - self._said >= _SECONDS_BETWEEN_WORDS:
            self._said = time.monotonic()
            log.warning(event, **said)


def raise_file_limit() -> None:
    """Take as many descriptors as the system gives without being asked for more: the usual 1024 are five addresses' worth."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _room() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(FILES_OF_OUR_OWN, (MOST_FILES if soft == resource.RLIM_INFINITY else soft) - FILES_OF_OUR_OWN)
