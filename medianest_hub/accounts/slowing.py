"""Slows guessing at one account, counted per account and address, so that a stranger cannot lock anyone out.

Whoever fails again and again from one address must wait longer and longer before that address may try that account again.
When an account is tried from many addresses, an address it was never signed in from is answered late; nobody is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from redis.exceptions import RedisError

from medianest_hub.infrastructure.redis import RedisAway, RedisLink, Script
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import TooMany

FREE_TRIES: Final = 5
FREE_TRIES_ALONE: Final = 3
"""Failures in a row without a wait; fewer while only this process counts."""

FIRST_WAIT: Final = 10.0
LONGEST_WAIT: Final = 300.0
REMEMBERED: Final = 900
"""Seconds: the wait after one failure too many, doubled by each further one; how long failures are remembered."""

CROWD: Final = 20
LONGEST_DELAY: Final = 4.0
"""Tries of one account from anywhere within `REMEMBERED` seconds before strangers are answered late, and how late at most."""

_LATE_AT_ONCE = 256
_KEPT = 10_000

# KEYS: waiting, tries, crowd. ARGV: free tries, first wait ms, longest wait ms, remembered ms.
# Answers {ms to wait before trying, tries of that account from anywhere}. A try counts as failed until `clear`.
_TRY = Script("""
local left = redis.call('PTTL', KEYS[1])
if left > 0 then return {left, 0} end
local tries = redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
local over = tries - tonumber(ARGV[1])
if over >= 0 then
  local wait = math.min(tonumber(ARGV[2]) * 2 ^ math.min(over, 20), tonumber(ARGV[3]))
  redis.call('SET', KEYS[1], '1', 'PX', math.floor(wait))
end
local crowd = redis.call('INCR', KEYS[3])
if crowd == 1 then redis.call('PEXPIRE', KEYS[3], ARGV[4]) end
return {0, crowd}
""")


@dataclass(slots=True)
class _Local:
    tries: int = 0
    wait_until: float = 0.0
    forget_at: float = 0.0


class Slowing:
    """Call `before_try`, then check the password, then `succeeded` if it was right. Names and addresses are kept as hashes.

    One a process: while Redis is away it counts by itself, and whoever tries passwords must not be counted twice over.
    """

    def __init__(
        self, redis: RedisLink, secrets: SecretBox, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis
        self._key = secrets.derive("sign-in-slowing")
        self._monotonic = monotonic
        self._alone: OrderedDict[str, _Local] = OrderedDict()
        self._late = 0

    async def before_try(self, account: str, network: str) -> int:
        """Count one try; returns how often the account was tried lately from anywhere. `TooMany` says how long to wait."""
        pair, crowd = self._names(account, network)
        try:
            wait_ms, tries = await self._redis.eval(
                _TRY,
                [f"mn:signin:wait:{pair}", f"mn:signin:tries:{pair}", f"mn:signin:crowd:{crowd}"],
                [FREE_TRIES, int(FIRST_WAIT * 1000), int(LONGEST_WAIT * 1000), REMEMBERED * 1000],
            )
            wait = wait_ms / 1000
        except (RedisAway, RedisError):
            wait, tries = self._try_alone(pair), 0
        if wait > 0:
            raise TooMany(
                "Too many failed sign-ins to this account from your address; wait before trying again.",
                code="sign_in_slowed",
                retry_after=wait,
            )
        return int(tries)

    async def keep_waiting(self, tries: int) -> None:
        """Answer a stranger late, by how often the account was tried; nobody waits longer than `LONGEST_DELAY` seconds."""
        if tries <= CROWD:
            return
        if self._late >= _LATE_AT_ONCE:
            raise TooMany("Too many people are signing in right now.", code="sign_in_busy", retry_after=LONGEST_DELAY)
        self._late += 1
        try:
            await asyncio.sleep(min(0.25 * 2 ** ((tries - CROWD) / 10), LONGEST_DELAY))
        finally:
            self._late -= 1

    async def succeeded(self, account: str, network: str) -> None:
        """The password was right: that address starts afresh."""
        pair, _ = self._names(account, network)
        self._alone.pop(pair, None)
        try:
            await self._redis.call("DEL", f"mn:signin:wait:{pair}", f"mn:signin:tries:{pair}")
        except (RedisAway, RedisError):
            return

    def _try_alone(self, pair: str) -> float:
        now = self._monotonic()
        known = self._alone.get(pair)
        if known is None or known.forget_at <= now:
            known = self._alone[pair] = _Local()
        self._alone.move_to_end(pair)
        if len(self._alone) > _KEPT:
            self._alone.popitem(last=False)
        if known.wait_until > now:
            return known.wait_until - now
        known.tries += 1
        known.forget_at = now + REMEMBERED
        if (over := known.tries - FREE_TRIES_ALONE) >= 0:
            known.wait_until = now + min(FIRST_WAIT * 2 ** min(over, 20), LONGEST_WAIT)
        return 0.0

    def _names(self, account: str, network: str) -> tuple[str, str]:
        # People type passwords into the username field: what they typed is not written down anywhere.
        def name(*parts: str) -> str:
            return hashlib.blake2b("\0".join(parts).encode(), key=self._key, digest_size=16).hexdigest()

        return name("pair", account, network), name("account", account)
