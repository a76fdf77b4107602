"""A circuit breaker: holds calls back while a service keeps failing, then lets one through to try; does no I/O."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """`closed` lets all calls through, `open` none, `half_open` one at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to make one call; handed back to exactly one of `succeeded`, `failed` and `abandoned`."""

    probe: bool


class BreakerOpen(Exception):
    """No call may be made for another `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"open for another {retry_after:.1f} s")
        self.retry_after = retry_after


class Breaker:
    """Opens after `threshold` failures in a row, for `cool_down` seconds, doubled by each failed trial up to `longest`.

    Each cool-down is spread by up to a quarter either way, so that replicas do not all try at one moment.
    `on_change` is called with the new state.
    """

    def __init__(
        self,
        *,
        threshold: int = 5,
        cool_down: float = 5.0,
        longest: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[BreakerState], None] = lambda _state: None,
    ) -> None:
        self._threshold = threshold
        self._first_cool_down = cool_down
        self._longest = longest
        self._clock = clock
        self._on_change = on_change
        self._failures = 0
        self._cool_down = cool_down
        self._open_until = 0.0
        self._probing = False
        self.state = BreakerState.CLOSED

    def admit(self) -> Ticket:
        """Ask for a call; `BreakerOpen` says when to come again."""
        if self.state is BreakerState.CLOSED:
            return Ticket(probe=False)
        if (left := self._open_until - self._clock()) > 0:
            raise BreakerOpen(left)
        if self._probing:
            raise BreakerOpen(1.0)
        self._probing = True
        self._become(BreakerState.HALF_OPEN)
        return Ticket(probe=True)

    def succeeded(self, ticket: Ticket) -> None:
        """The service answered."""
        self._release(ticket)
        self._failures = 0
        self._cool_down = self._first_cool_down
        self._become(BreakerState.CLOSED)

    def failed(self, ticket: Ticket) -> None:
        """The service did not answer, or said that it cannot."""
        self._release(ticket)
        self._failures += 1
        if ticket.probe:
            self._cool_down = min(self._cool_down * 2, self._longest)
            self._open()
        elif self.state is BreakerState.CLOSED and self._failures >= self._threshold:
            self._open()

    def abandoned(self, ticket: Ticket) -> None:
        """The call ended without telling anything about the service."""
        self._release(ticket)

    def _open(self) -> None:
        spread = 0.75 + 0.5 * random.random()  # nosec B311 # noqa: S311 - jitter, not a secret
        self._open_until = self._clock() + self._cool_down * spread
        self._become(BreakerState.OPEN)

    def _release(self, ticket: Ticket) -> None:
        if ticket.probe:
            self._probing = False

    def _become(self, state: BreakerState) -> None:
        if state is not self.state:
            self.state = state
            self._on_change(state)
