"""A plugin's cache: JSON values in Redis under its own prefix, loaded at most once at a time over all replicas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

from redis.exceptions import RedisError

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.redis import RedisAway, RedisLink, Script

ValueT = TypeVar("ValueT")

LOCK_MS = 15_000
EPOCH_PREFIX = "mn:epoch:"
_LOST = (RedisAway, RedisError)
_UNLOCK = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")


class PluginCache:
    """Implements `plugin_api.services.Cache`. With Redis away it keeps nothing: every read misses, every load runs."""

    def __init__(self, redis: RedisLink, plugin: str, instance: str) -> None:
        self._redis = redis
        self._prefix = f"mn:cache:{plugin}:{instance}:"
        self._tags = f"{EPOCH_PREFIX}{plugin}:"
        self._label = plugin
        self._loading: dict[str, asyncio.Task[Any]] = {}

    async def get(self, key: str) -> Any | None:
        """The value, or None."""
        try:
            raw = await self._redis.call("GET", self._prefix + key)
        except _LOST:
            raw = None
        metrics.cache_reads.labels(self._label, "miss" if raw is None else "hit").inc()
        return None if raw is None else json.loads(raw)

    async def set(self, key: str, value: Any, ttl: float) -> None:
        """Keep it for `ttl` seconds."""
        try:
            await self._redis.call(
                "SET", self._prefix + key, json.dumps(value, separators=(",", ":")), "PX", max(1, int(ttl * 1000))
            )
        except _LOST:
            return

    async def delete(self, key: str) -> None:
        """Forget it."""
        try:
            await self._redis.call("DEL", self._prefix + key)
        except _LOST:
            return

    async def bump(self, tag: str) -> None:
        """Make every answer cached under this tag out of date."""
        try:
            await self._redis.call("INCR", self._tags + tag)
        except _LOST:
            return

    async def remember(self, key: str, ttl: float, load: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """The value, loading it when missing: one load in this process, and one over all replicas while Redis is there."""
        known = await self.get(key)
        if known is not None:
            value: ValueT = known
            return value
        task = self._loading.get(key)
        if task is None:
            task = asyncio.ensure_future(self._load(key, ttl, load))
            self._loading[key] = task
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        loaded: ValueT = await asyncio.shield(task)
        return loaded

    async def _load(self, key: str, ttl: float, load: Callable[[], Awaitable[ValueT]]) -> ValueT:
        lock, token = f"{self._prefix}lock:{key}", uuid4().hex
        if not await self._lock(lock, token):
            known = await self._wait_for_other(key, lock)
            if known is not None:
                value: ValueT = known
                return value
        try:
            loaded = await load()
            await self.set(key, loaded, ttl)
        finally:
            await self._unlock(lock, token)
        return loaded

    async def _lock(self, lock: str, token: str) -> bool:
        try:
            return await self._redis.call("SET", lock, token, "NX", "PX", LOCK_MS) is not None
        except _LOST:
            return True

    async def _unlock(self, lock: str, token: str) -> None:
        try:
            await self._redis.eval(_UNLOCK, [lock], [token])
        except _LOST:
            return

    async def _wait_for_other(self, key: str, lock: str) -> Any | None:
        """Wait for the replica that holds the lock; None when it gave up without a value."""
        while True:
            await asyncio.sleep(0.05)
            if (known := await self.get(key)) is not None:
                return known
            try:
                if not await self._redis.call("EXISTS", lock):
                    return None
            except _LOST:
                return None
