"""One trip to Redis for all requests of a turn: counts limits, reads session verdicts and cached answers in one script.

Requests that ask the same thing (one person's page opening, say) are one question with a count. Never raises for a
Redis that is away: the answer is then None, and the gate uses what it has without it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from medianest_hub.accounts.sessions import ENDED, LIVE, session_key
from medianest_hub.infrastructure.redis import RedisAway, RedisLink, Script
from medianest_hub.web.answer_cache import LocalBodies
from medianest_hub.web.rate_limits import Refusal, Zone

log = structlog.get_logger(__name__)

_MOST_QUESTIONS: Final = 128
"""How many different questions go into one run of the script, so that it never holds Redis up."""

_ALIVE: Final = {LIVE: True, ENDED: False}
"""Anything else is no verdict: Postgres is asked."""

ASK: Final = Script(
    """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local k, a, out = 0, 1, {}
for u = 1, tonumber(ARGV[1]) do
  local granted, zones, refused, wait = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), 0, 0
  local tight, left, reset = 0, 0, 0
  a = a + 2
  for z = 1, zones do
    k = k + 1
    if granted > 0 then
      local limit, window, slices = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
      local width = window / slices
      local current = math.floor(now / width)
      local counts, sum, oldest = redis.call('HGETALL', KEYS[k]), 0, current
      for i = 1, #counts, 2 do
        local number = tonumber(counts[i])
        if number < current - slices or number > current + slices then
          redis.call('HDEL', KEYS[k], counts[i])
        else
          sum = sum + tonumber(counts[i + 1])
          if number < oldest then oldest = number end
        end
      end
      local room = math.max(0, math.min(granted, limit - sum))
      if room > 0 then
        if redis.call('HINCRBY', KEYS[k], string.format('%.0f', current), room) == room then
          redis.call('PEXPIRE', KEYS[k], window + math.ceil(width))
        end
      end
      local again = math.ceil((oldest + slices + 1) * width - now)
      if room < granted then refused, wait = z, again end
      if tight == 0 or limit - sum - room < left then tight, left, reset = z, limit - sum - room, again end
      granted = room
    end
    a = a + 3
  end
  local session, epochs, version, body = false, '', '', ''
  if ARGV[a + 1] == '1' then
    k = k + 1
    if granted > 0 then session = redis.call('GET', KEYS[k]) end
  end
  local tags = tonumber(ARGV[a + 2])
  if tags >= 0 then
    k = k + 1
    local answer = KEYS[k]
    if granted > 0 then
      for t = 1, tags do epochs = epochs .. (redis.call('GET', KEYS[k + t]) or '0') .. ',' end
      local kept = redis.call('HMGET', answer, 'e', 'v')
      if kept[1] == epochs then
        version = kept[2]
        if version ~= ARGV[a + 3] then body = redis.call('HGET', answer, 'b') end
      end
    end
    k = k + tags
  end
  a = a + 3
  out[u] = {granted, refused, wait, session, epochs, version, body, tight, left, reset}
end
return out
"""
)
"""Fixed numbers of keys and arguments per question; see `Question`.

Slices a little ahead of the clock count as well: it may have been set back since, and that must not open the gate.
"""


class Question:
    """What one kind of request must know: whose limits, which session, which cached answer. Compared by identity."""

    __slots__ = ("answer", "keys", "packed", "session", "tags", "who", "zones")

    def __init__(
        self,
        zones: tuple[Zone, ...],
        who: str,
        session: str | None = None,
        answer: str | None = None,
        tags: tuple[str, ...] = (),
    ) -> None:
        """`session` is a session's id, `answer` a cached answer's key, `tags` the keys of its epochs."""
        self.zones = zones
        self.who = who
        self.session = session
        self.answer = answer
        self.tags = tags
        keys = [zone.key(who) for zone in zones]
        if session is not None:
            keys.append(session_key(session))
        if answer is not None:
            keys += [answer, *tags]
        packed: list[int] = [len(zones)]
        for zone in zones:
            packed += [zone.rate.count, zone.rate.seconds * 1000, zone.slices]
        packed += [1 if session is not None else 0, len(tags) if answer is not None else -1]
        # As bytes: the client encodes anything else anew at every trip.
        self.keys = tuple(key.encode() for key in keys)
        self.packed = tuple(b"%d" % number for number in packed)

    def without_limits(self) -> Question:
        """Only the cached answer, for a request that was counted already."""
        return Question((), self.who, None, self.answer, self.tags)


@dataclass(frozen=True, slots=True)
class Reply:
    """What Redis knows. `alive` is None when it does not know the session; `version` is empty without a cached answer.

    `limits` is the header line that tells how much is left of the zone with the least left; empty where none is counted.
    """

    alive: bool | None
    epochs: str
    version: str
    body: bytes
    refusal: Refusal | None = None
    limits: bytes = b""


class RedisTrip:
    """Gathers the questions of a turn; while one trip is under way the next one gathers."""

    def __init__(self, redis: RedisLink, bodies: LocalBodies) -> None:
        self._redis = redis
        self._bodies = bodies
        self._waiting: dict[Question, list[asyncio.Future[Reply | None]]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._failing = False

    def ask(self, question: Question) -> asyncio.Future[Reply | None]:
        """The reply, or None when Redis is away."""
        future: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        if self._redis.is_away:
            future.set_result(None)
            return future
        same = self._waiting.get(question)
        if same is None:
            self._waiting[question] = [future]
            if self._pump is None:
                self._pump = asyncio.create_task(self._run(), name="gate-trip")
        else:
            same.append(future)
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                try:
                    await self._send(batch)
                except Exception:  # nobody may be left waiting, whatever is wrong
                    log.exception("gate_trip_failed")
                    for futures in batch.values():
                        _settle(futures, None)
        finally:
            self._pump = None
            for futures in self._waiting.values():  # only after being cancelled
                _settle(futures, None)

    async def _send(self, batch: dict[Question, list[asyncio.Future[Reply | None]]]) -> None:
        asked = list(batch.items())
        for start in range(0, len(asked), _MOST_QUESTIONS):
            part = asked[start : start + _MOST_QUESTIONS]
            keys: list[bytes] = []
            args: list[bytes] = [b"%d" % len(part)]
            for question, futures in part:
                keys += question.keys
                args.append(b"%d" % len(futures))
                args += question.packed
                args.append(self._bodies.version(question.answer).encode() if question.answer is not None else b"")
            try:
                rows = await self._redis.eval(ASK, keys, args)
            except (RedisAway, RedisError) as error:
                self._failed(error)
                rows = [None] * len(part)
            except asyncio.CancelledError:
                for _, futures in asked[start:]:
                    _settle(futures, None)
                raise
            else:
                self._failing = False
            for (question, futures), row in zip(part, rows, strict=True):
                self._answer(question, futures, row)

    def _answer(self, question: Question, futures: list[asyncio.Future[Reply | None]], row: Any) -> None:
        if row is None:
            _settle(futures, None)
            return
        granted, refused, wait, session, epochs, version, body, tight, left, reset = row
        limits = question.zones[tight - 1].line(left, reset) if tight else b""
        reply = Reply(_ALIVE.get(session), epochs.decode(), version.decode(), body, None, limits)
        if body and question.answer is not None:
            self._bodies.keep(question.answer, reply.version, body)
        if granted == len(futures):
            _settle(futures, reply)
            return
        _settle(futures[:granted], reply)
        refusal = Refusal(question.zones[refused - 1], wait / 1000)
        _settle(futures[granted:], Reply(None, "", "", b"", refusal))

    def _failed(self, error: Exception) -> None:
        """Say once that Redis answers, but not as it should (out of memory, read-only); its absence is logged elsewhere."""
        if isinstance(error, RedisError) and not self._failing:
            log.warning("redis_refuses_gate", error=str(error)[:200])
            self._failing = True


def _settle(futures: list[asyncio.Future[Reply | None]], reply: Reply | None) -> None:
    for future in futures:
        if not future.done():
            future.set_result(reply)
