"""What any way in yields: monitors as seen, and what one was found to be. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from medianest_uptime_kuma.models import Status

SLACK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A monitor as one way in shows it; None is what that way does not tell.

    `group` is the nearest of `groups`; tags are `name` or `name:value`. `given_day` and `given_month` are uptimes, 0-1.
    """

    name: str
    kuma_id: int | None = None
    kind: str = ""
    group: str | None = None
    groups: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    address: str | None = None
    position: int = 0
    certificate_days: int | None = None
    certificate_valid: bool | None = None
    given_day: float | None = None
    given_month: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a monitor was found to be at `at` (UTC), for at most `hold` seconds unless it is looked at again.

    `ping` in milliseconds; `message` None where the way in tells none.
    """

    at: datetime
    status: Status
    hold: float
    ping: float | None = None
    message: str | None = None


def hold_of(interval: float) -> float:
    """Seconds a check holds if the next one comes `interval` later: room for a slow check and one that is missed."""
    return 2 * interval + SLACK_SECONDS
