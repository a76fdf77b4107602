"""Where answers of plugins are kept: in Redis for all replicas, and a bounded copy in this process for while Redis is away.

Decides nothing about freshness. Redis may lose everything at any moment: that costs a load, never more.
"""

from __future__ import annotations

import contextlib
import itertools
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from redis.exceptions import RedisError

from medianest_hub.infrastructure.redis import RedisAway, RedisLink, Script
from medianest_hub.plugin_host.loads.kept import DataT, Kept

LOCAL_BYTES = 8 * 1024 * 1024
"""How much this process keeps for itself."""

_MISSED = 10_000
"""How many changes are remembered that Redis could not be told of."""

# A Redis whose disk is full still answers reads and refuses writes: for us that is as good as away.
_NO_REDIS = (RedisAway, RedisError)

_ACQUIRE = Script("""
local got = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return {got and 1 or 0, redis.call('MGET', unpack(KEYS, 2))}
""")

# A load that lost its lock to a later one must not overwrite that one's answer.
_LAND = Script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[1])
return 1
""")

_RELEASE = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")


class CacheKey(Protocol):
    """Which answer, and among whom it is shared; hashable, equal for equal answers."""

    @property
    def entry(self) -> str:
        """The Redis key that holds the `Kept`."""

    @property
    def lock(self) -> str:
        """The Redis key held by the one process that loads."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The Redis keys whose values name the last changes; as long as they are the same, nothing is known to have changed."""


@dataclass(frozen=True, slots=True)
class Stored(Generic[DataT]):
    """What is cached under a key, if anything, and the last change known of it."""

    kept: Kept[DataT] | None
    version: str


class AnswerStore(Generic[DataT]):
    """Reads many answers in one trip; every call answers from the local copy when Redis is away."""

    def __init__(self, redis: RedisLink, kind: type[Kept[DataT]], local_bytes: int = LOCAL_BYTES) -> None:
        """`kind`: what is kept, such as `Kept[Stat]`."""
        self.kind = kind
        self._redis = redis
        self._local: OrderedDict[str, bytes] = OrderedDict()
        self._local_size = 0
        self._local_limit = local_bytes
        self._missed: dict[str, tuple[str, float]] = {}
        self._ahead: set[str] = set()  # names whose local copy is newer than what Redis may hold

    async def read(self, keys: Sequence[CacheKey]) -> list[Stored[DataT]]:
        """The cached answers, in the order of `keys`."""
        if not keys:
            return []
        sets = [(key.entry, *key.versions) for key in keys]
        names = [name for one in sets for name in one]
        try:
            found = self._mirror(names, await self._redis.call("MGET", *names))
        except _NO_REDIS:
            found = [self._local.get(name) for name in names]
        values = iter(found)
        return [self._stored(*itertools.islice(values, len(one))) for one in sets]

    async def acquire(self, key: CacheKey, token: str, hold: float) -> tuple[bool, Stored[DataT]]:
        """Try to become the one who loads for at most `hold` seconds; with what is cached at that very moment.

        Without Redis everybody may load: this process has its own single flight.
        """
        names = [key.entry, *key.versions]
        try:
            got, found = await self._redis.eval(_ACQUIRE, [key.lock, *names], [token, int(hold * 1000)])
        except _NO_REDIS:
            return True, self._stored(*(self._local.get(name) for name in names))
        return bool(got), self._stored(*self._mirror(names, found))

    async def land(self, key: CacheKey, token: str, kept: Kept[DataT], keep_for: float) -> None:
        """Cache the outcome for `keep_for` seconds and let go of the lock."""
        packed = kept.pack()
        self._put(key.entry, packed)
        try:
            await self._redis.eval(_LAND, [key.lock, key.entry], [token, packed, _milliseconds(keep_for)])
        except _NO_REDIS:
            self._get_ahead(key.entry)
        else:
            self._ahead.discard(key.entry)
            await self.catch_up()

    async def release(self, key: CacheKey, token: str) -> None:
        """Let go of the lock without an outcome."""
        with contextlib.suppress(*_NO_REDIS):
            await self._redis.eval(_RELEASE, [key.lock], [token])

    async def outdate(self, version_name: str, keep_for: float) -> None:
        """Make all that was loaded under this version (one of a key's `versions`) out of date.

        `keep_for`: seconds for which anything older could still be cached.
        """
        version = self.outdate_here(version_name)
        try:
            await self._redis.call("SET", version_name, version, "PX", _milliseconds(keep_for))
        except _NO_REDIS:
            self._get_ahead(version_name)
            self._missed[version_name] = (version, keep_for)
            while len(self._missed) > _MISSED:
                del self._missed[next(iter(self._missed))]
        else:
            self._ahead.discard(version_name)
            self._missed.pop(version_name, None)

    def outdate_here(self, version_name: str) -> str:
        """The same for this process's own copies alone; the new version."""
        version = uuid.uuid4().hex[:16]
        self._put(version_name, version.encode())
        return version

    async def catch_up(self) -> None:
        """Tell Redis, there again, of the changes it missed."""
        while self._missed:
            name, (version, keep_for) = self._missed.popitem()
            try:
                await self._redis.call("SET", name, version, "PX", _milliseconds(keep_for))
            except _NO_REDIS:
                self._missed[name] = (version, keep_for)
                return
            self._ahead.discard(name)

    async def redis_back(self) -> None:
        """Redis is there again: it knows what others loaded meanwhile."""
        await self.catch_up()
        self._ahead.intersection_update(self._missed)

    def _stored(self, entry: Any, *versions: Any) -> Stored[DataT]:
        return Stored(self.kind.parse(entry), "/".join((version or b"").decode() for version in versions))

    def _get_ahead(self, name: str) -> None:
        if len(self._ahead) >= _MISSED:
            self._ahead.clear()
        self._ahead.add(name)

    def _mirror(self, names: Sequence[str], found: Sequence[bytes | None]) -> list[bytes | None]:
        """Copy what Redis answered, except where this process knows better; answers the better of the two."""
        merged: list[bytes | None] = []
        for name, value in zip(names, found, strict=True):
            if name in self._ahead and name in self._local:
                merged.append(self._local[name])
            else:
                self._put(name, value)
                merged.append(value)
        return merged

    def _put(self, name: str, value: bytes | None) -> None:
        old = self._local.pop(name, None)
        self._local_size -= len(name) + len(old) if old is not None else 0
        if value is None:
            return
        self._local[name] = value
        self._local_size += len(name) + len(value)
        while self._local_size > self._local_limit and self._local:
            dropped, content = self._local.popitem(last=False)
            self._local_size -= len(dropped) + len(content)


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)
