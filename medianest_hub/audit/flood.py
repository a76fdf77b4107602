"""Bounds what refusals, failures and strangers can fill the log with: so many a minute, then one row for how many more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias

from medianest_hub.audit.entry import Entry
from medianest_hub.infrastructure.ids import new_id

PER_MINUTE: Final = 20
"""How many entries of one kind are written by each process in a minute before they are only counted."""

WINDOW_SECONDS: Final = 60.0
MORE: Final = "and_more"
"""The code of a row that stands for several; `details.more` says for how many."""

_MOST_KINDS: Final = 1000
_MOST_ADDRESSES: Final = 256

_Kind: TypeAlias = tuple[str, str, str, str]


@dataclass(slots=True)
class _Window:
    ends: float
    written: int = 0
    more: int = 0
    last: Entry | None = None
    addresses: set[str] = field(default_factory=set)


class Flood:
    """Counts by action and by who did it; for strangers by the account they aim at, so that noise hides no aimed attack."""

    def __init__(self, per_minute: int = PER_MINUTE, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._windows: dict[_Kind, _Window] = {}

    def admits(self, entry: Entry) -> bool:
        """Whether it is to be written. What somebody known did always is."""
        if entry.result == "ok" and entry.actor.kind != "anonymous":
            return True
        window = self._window(entry)
        if window.written < self._per_minute:
            window.written += 1
            return True
        window.more += 1
        window.last = entry
        if len(window.addresses) < _MOST_ADDRESSES:
            window.addresses.add(entry.address)
        return False

    def next_end(self) -> float | None:
        """In how many seconds the next row about several is due; None when nothing was left out."""
        ends = [window.ends for window in self._windows.values() if window.more]
        return max(0.0, min(ends) - self._monotonic()) if ends else None

    def summaries(self, *, all_of_them: bool = False) -> list[Entry]:
        """The rows that are due, which are forgotten here; `all_of_them`: also those whose minute is not over."""
        now = self._monotonic()
        due = [kind for kind, window in self._windows.items() if all_of_them or window.ends <= now]
        closed = [self._windows.pop(kind) for kind in due]
        return [_summary(window, window.last) for window in closed if window.last is not None]

    def _window(self, entry: Entry) -> _Window:
        now = self._monotonic()
        actor, target = str(entry.actor.id or entry.actor.kind), entry.target.id if entry.actor.id is None else ""
        kind = (entry.action, entry.result, actor, target)
        window = self._windows.get(kind)
        if window is None and len(self._windows) >= _MOST_KINDS:
            # Forget those that left nothing out; if there are none, all further kinds of this action share one.
            for old in [old for old, one in self._windows.items() if one.ends <= now and not one.more]:
                del self._windows[old]
            if len(self._windows) >= _MOST_KINDS:
                kind = (entry.action, entry.result, "", "")
                window = self._windows.get(kind)
        if window is None or (window.ends <= now and not window.more):
            window = self._windows[kind] = _Window(now + WINDOW_SECONDS)
        return window


def _summary(window: _Window, last: Entry) -> Entry:
    """One row like the last one left out, but for all of them."""
    details = {"more": window.more, "addresses": len(window.addresses), "seconds": int(WINDOW_SECONDS)}
    more = replace(last, id=new_id(), at=datetime.now(UTC), code=MORE, request_id="", details=details)
    return more if len(window.addresses) == 1 else replace(more, address="")
