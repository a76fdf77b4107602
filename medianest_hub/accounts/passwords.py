"""Password rules, hashing and checking with argon2id, off the event loop; knows no people and stores nothing."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import unicodedata
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from medianest_hub.accounts.password_rules import LONGEST_BYTES
from medianest_hub.infrastructure.heap import give_large_blocks_back
from medianest_hub.plugin_api.errors import TooMany

ResultT = TypeVar("ResultT")

MEMORY_KIB = 19 * 1024
TIME_COST = 2
"""OWASP's parameters for argon2id: 19 MiB, two passes, one lane (Password Storage Cheat Sheet)."""

AT_ONCE = 2
WAITING = 64
"""Hashes computed side by side, each with 19 MiB, and how many may wait for their turn in each of two lines: strangers wait
until nobody waits who is expected, and however many they are, they take none of the others' places."""

_SALT_BYTES, _HASH_BYTES = 16, 32


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password fits; `outdated` when its hash was made at another cost and should be made anew."""

    fits: bool
    outdated: bool = False


class Passwords:
    """Hashes in at most two threads of its own, made at the first use; `close` ends them."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, time_cost: int = TIME_COST) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost,
            memory_cost=memory_kib,
            parallelism=1,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
            type=Type.ID,
        )
        self._nobody = _hash_of_nothing(memory_kib, time_cost)
        self._threads: ThreadPoolExecutor | None = None
        self._running = 0
        self._expected: deque[asyncio.Future[None]] = deque()
        self._strangers: deque[asyncio.Future[None]] = deque()

    @property
    def busy(self) -> bool:
        """Whether whoever comes now must wait."""
        return self._running >= AT_ONCE

    async def hash(self, password: str) -> str:
        """An argon2id string with its parameters. Raises `TooMany` while too many wait.

        For those who have proven by something else that they may set a password; strangers do not get this far.
        """
        return await self._run(lambda: self._hasher.hash(_normal(password)), expected=True)

    async def verify(self, known: str | None, password: str, *, expected: bool = False) -> Verdict:
        """Compare; the work is the same for `None`, somebody who has no password or does not exist.

        `expected`: whoever tries is signed in, or was signed in to that account from there before. Raises as `hash` does.
        """
        return await self._run(lambda: self._verify(known, password), expected=expected)

    def close(self) -> None:
        """End the threads; a hash under way is finished first, and nobody waits any longer."""
        for turn in (*self._expected, *self._strangers):
            turn.cancel()
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None

    def _verify(self, known: str | None, password: str) -> Verdict:
        normal = _normal(password)
        too_long = len(normal.encode()) > LONGEST_BYTES
        against = self._nobody if known is None or too_long else known
        try:
            self._hasher.verify(against, "" if too_long else normal)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return Verdict(False)
        return Verdict(known is not None and not too_long, self._hasher.check_needs_rehash(against))

    async def _run(self, work: Callable[[], ResultT], *, expected: bool) -> ResultT:
        if not self.busy:
            self._running += 1
        else:
            await self._turn(self._expected if expected else self._strangers)
        try:
            if self._threads is None:
                give_large_blocks_back()
                self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pass_on()

    async def _turn(self, line: deque[asyncio.Future[None]]) -> None:
        """Wait for a place among those who run."""
        if len(line) >= WAITING:
            raise TooMany("Too many people are signing in right now.", code="sign_in_busy", retry_after=2)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with contextlib.suppress(ValueError):
                    line.remove(turn)
            else:  # given the place and cancelled at the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give one's place to whoever is next."""
        for line in (self._expected, self._strangers):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._running -= 1


def _normal(password: str) -> str:
    # The same password typed on another keyboard may arrive composed otherwise (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


def _hash_of_nothing(memory_kib: int, time_cost: int) -> str:
    """A well-formed hash no password has, at the cost of real ones."""
    salt = base64.b64encode(bytes(_SALT_BYTES)).rstrip(b"=").decode()
    digest = base64.b64encode(bytes(_HASH_BYTES)).rstrip(b"=").decode()
    return f"$argon2id$v=19$m={memory_kib},t={time_cost},p=1${salt}${digest}"
