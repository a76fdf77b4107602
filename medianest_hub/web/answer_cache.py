"""Cached answers of GET routes: their keys, tags and the hook by which a handler shortens their life; calls no Redis."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from medianest_hub.infrastructure.redis import Script

STORE: Final = Script(
    """
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'e', ARGV[1], 'v', ARGV[2], 'b', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
)
"""KEYS: answer. ARGV: epochs read before the handler ran, version, body, life in ms."""

_LOCAL_BYTES = 8 * 1024 * 1024
_KEEP_BELOW = 256 * 1024
"""Larger answers are not worth a place in memory twice; they are made again."""


@dataclass(slots=True)
class _Life:
    seconds: float


_life: ContextVar[_Life | None] = ContextVar("answer_life", default=None)


def cache_for_at_most(seconds: float) -> None:
    """Called by a handler: keep the answer being made no longer than this; 0 or less: not at all.

    The shortest wish wins, and the route's declared `ttl` is never exceeded. Without an `AnswerCache` it does nothing.
    """
    life = _life.get()
    if life is not None:
        life.seconds = min(life.seconds, seconds)


def begin_life(seconds: float) -> _Life:
    """Let `cache_for_at_most` in this context act on the answer about to be made; returns what is left to read after."""
    life = _Life(seconds)
    _life.set(life)
    return life


def epoch_key(source: str, tag: str) -> str:
    """The Redis key of a tag's epoch; `source` is the plugin's (or core router's) name."""
    return f"mn:epoch:{source}:{tag}"


def answer_key(route: str, scope: str, url: bytes) -> str:
    """The Redis key of one answer: of that route, for that scope, to that path and query."""
    return f"mn:answer:{route}:{scope}:{hashlib.blake2b(url, digest_size=12).hexdigest()}"


def version_of(body: bytes) -> str:
    """The version of a body, used as ETag."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def storable(body: bytes) -> bool:
    """Whether an answer is small enough to be kept."""
    return len(body) <= _KEEP_BELOW


class LocalBodies:
    """Bodies already fetched, by Redis key and version, so that an unchanged one need not travel again. Bounded in bytes."""

    def __init__(self, limit: int = _LOCAL_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def version(self, key: str) -> str:
        """The version at hand, or an empty text."""
        kept = self._kept.get(key)
        return kept[0] if kept is not None else ""

    def body(self, key: str, version: str) -> bytes | None:
        """That version's body, if it is the one at hand."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and kept[0] == version else None

    def keep(self, key: str, version: str, body: bytes) -> None:
        """Remember the body; forgets those not stored for longest when there are too many bytes."""
        old = self._kept.pop(key, None)
        if old is not None:
            self._size -= len(old[1])
        self._kept[key] = (version, body)
        self._size += len(body)
        while self._size > self._limit:
            _, (_, gone) = self._kept.popitem(last=False)
            self._size -= len(gone)
