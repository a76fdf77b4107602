"""Remembers which status of each check was told last, over all replicas and restarts, so that a change is told once.

Tells nobody itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import RedisError

from medianest_hub.infrastructure.redis import RedisAway, RedisLink
from medianest_hub.plugin_api.health import HealthStatus

Place = tuple[str, str, str]
"""Plugin (empty for the core), instance, check."""

_KEPT_SECONDS: Final = 7 * 86400
_LOST = (RedisAway, RedisError)


@dataclass(frozen=True, slots=True)
class _Told:
    """`shared`: Redis knows it too. Otherwise it was told by this process alone, and so is what follows it."""

    status: HealthStatus
    shared: bool


class Announced:
    """What was told last is kept in Redis, and in this process for as long as Redis is away."""

    def __init__(self, redis: RedisLink) -> None:
        self._redis = redis
        self._told: dict[Place, _Told] = {}

    def learn(self, place: Place, status: HealthStatus) -> None:
        """Another process found it out, and told it if it was news."""
        self._told[place] = _Told(status, shared=True)

    async def is_news(self, place: Place, status: HealthStatus, *, at_first: HealthStatus = HealthStatus.OK) -> bool:
        """Whether that status is to be told now; True to one asker only. `at_first`: what goes without saying."""
        known = self._told.get(place)
        try:
            # One command reads and replaces: of two processes that see a change at once, one is told of the other.
            raw = await self._redis.call("SET", _key(place), status.value, "EX", _KEPT_SECONDS, "GET")
        except _LOST:
            self._told[place] = _Told(status, shared=False)
            return status is not (known.status if known is not None else at_first)
        self._told[place] = _Told(status, shared=True)
        if known is not None and not known.shared:
            return status is not known.status
        last = _status(raw)
        return status is not (last or (known.status if known is not None else at_first))

    async def drop(self, places: Collection[Place]) -> None:
        """Forget them: what comes next is the first again."""
        known = [place for place in places if self._told.pop(place, None) is not None]
        if known:
            await asyncio.gather(self._redis.call("DEL", *map(_key, known)), return_exceptions=True)


def _key(place: Place) -> str:
    return "mn:health-told:" + ":".join(place)


def _status(raw: Any) -> HealthStatus | None:
    try:
        return HealthStatus(raw.decode())
    except (AttributeError, UnicodeDecodeError, ValueError):
        return None
