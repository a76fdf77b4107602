"""Remembers what webhooks heard a moment ago, over all replicas, so that nothing is done twice. Judges no secret."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from medianest_hub.infrastructure.redis import RedisAway, RedisLink

_PREFIX: Final = "mn:hook:"
_MOST: Final = 4096
_LOST: Final = (RedisAway, RedisError)


class Replays:
    """In Redis, and in this process for when Redis is away."""

    def __init__(self, redis: RedisLink, now: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._now = now
        self._here: OrderedDict[str, float] = OrderedDict()

    async def is_first(self, mark: str, seconds: int) -> bool:
        """Whether that mark was not there; it now is, for so many seconds."""
        now = self._now()
        if self._here.get(mark, 0.0) > now:
            return False
        self._here[mark] = now + seconds
        self._here.move_to_end(mark)
        while len(self._here) > _MOST:
            self._here.popitem(last=False)
        try:
            return await self._redis.call("SET", _PREFIX + mark, "1", "NX", "EX", seconds) is not None
        except _LOST:
            return True

    async def forget(self, mark: str) -> None:
        """It came to nothing: the sender may try again."""
        self._here.pop(mark, None)
        try:
            await self._redis.call("DEL", _PREFIX + mark)
        except _LOST:
            return
