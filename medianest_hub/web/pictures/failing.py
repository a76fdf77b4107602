"""Remembers for some seconds which pictures could not be had, so that one broken poster does not hammer its service."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from medianest_hub.plugin_api.errors import HubError, NotFound

MISSING_SECONDS: Final = 60.0
FAILED_SECONDS: Final = 10.0
_MOST: Final = 4096


class Failing:
    """By a picture's key; whoever was not asked for longest is forgotten first."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, tuple[float, HubError]] = OrderedDict()

    def note(self, key: str, error: HubError) -> None:
        """It could not be had just now."""
        lasts = MISSING_SECONDS if isinstance(error, NotFound) else FAILED_SECONDS
        self._failures[key] = (self._now() + lasts, error)
        self._failures.move_to_end(key)
        if len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def known(self, key: str) -> HubError | None:
        """Why it cannot be had, where that was found out a moment ago."""
        found = self._failures.get(key)
        if found is None:
            return None
        until, error = found
        if self._now() < until:
            return error
        del self._failures[key]
        return None
