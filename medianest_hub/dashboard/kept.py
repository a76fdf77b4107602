"""One cached tile and what it is still worth at a given moment; pure, no I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from medianest_hub.dashboard.models import TileError, TileState
from medianest_hub.plugin_api.kinds import WidgetData
from medianest_hub.plugin_api.widgets import Widget

CLOCK_SLACK = 5.0
"""Seconds by which another replica's clock may be ahead before its answers count as out of date."""

HARMLESS_LIFE = 60.0
"""Seconds a page may be kept at most: nothing on it is expected to change by itself."""

_FIRST_RETRY = 2.0
_LONGEST_RETRY = 60.0
_LONGEST_WISH = 300.0


class Kept(BaseModel):
    """The outcome of the latest load of one tile, as cached. Times are Unix seconds.

    `data` and `as_of` outlive failed loads; `error`, `failures` and `retry_at` tell of those. `stamp` names the settings
    and the viewer it was loaded for, `version` the last change known when the load began.
    """

    data: WidgetData | None = None
    as_of: float = 0.0
    error: TileError | None = None
    failures: int = 0
    retry_at: float = 0.0
    landed_at: float = 0.0
    stamp: str = ""
    version: str = ""

    @classmethod
    def parse(cls, raw: bytes | None) -> Kept | None:
        """Read what `pack` wrote; None for anything else (another version of the hub may have written it)."""
        if raw is None:
            return None
        try:
            return cls.model_validate_json(raw)
        except ValidationError:
            return None

    def pack(self) -> bytes:
        """As stored."""
        return self.model_dump_json().encode()

    def same_face(self, other: Kept) -> bool:
        """Whether a person would see no difference, the age apart."""
        return (self.data, self.error) == (other.data, other.error)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to show of a cached tile, whether to load it anew, and whether a page should wait for that.

    `fresh_for`: seconds this verdict holds if nothing changes; 0 while a load is wanted.
    """

    state: TileState
    refresh: bool
    wait: bool
    fresh_for: float = 0.0


ABSENT = Verdict(TileState.LOADING, refresh=True, wait=True)


def effective_ttl(widget: Widget) -> float:
    """At least a second: with less, each look would start a load whose end makes every page look again."""
    return max(widget.ttl, 1.0)


def lifetime(widget: Widget) -> float:
    """Seconds after which old data is shown no more."""
    return effective_ttl(widget) + max(widget.stale_for, 0.0)


def judge(kept: Kept | None, widget: Widget, stamp: str, version: str, now: float) -> Verdict:
    """What `kept` is worth at `now` for a viewer and settings of `stamp` when the last known change is `version`."""
    if kept is None or kept.stamp != stamp:
        return ABSENT
    age = now - kept.as_of
    # A clock that stepped back must not keep an answer fresh for ever: from the future means out of date.
    fresh = -CLOCK_SLACK <= age < effective_ttl(widget)
    usable = kept.data is not None and age < lifetime(widget)
    shown = TileState.STALE if usable else TileState.LOADING
    if kept.version != version:
        return Verdict(shown, refresh=True, wait=True)
    if kept.error is None:
        if usable and fresh:
            return Verdict(TileState.OK, refresh=False, wait=False, fresh_for=effective_ttl(widget) - max(age, 0.0))
        return Verdict(shown, refresh=True, wait=not usable)
    shown = TileState.STALE if usable else TileState.ERROR
    until_retry = kept.retry_at - now
    if 0 < until_retry <= _LONGEST_WISH + CLOCK_SLACK:
        return Verdict(shown, refresh=False, wait=False, fresh_for=until_retry)
    return Verdict(shown, refresh=True, wait=not usable)


def remaining(kept: Kept, widget: Widget, now: float) -> float:
    """Seconds for which an outcome that has just landed holds."""
    ends = kept.as_of + effective_ttl(widget) if kept.error is None else kept.retry_at
    return max(ends - now, 0.0)


def succeeded(data: WidgetData, stamp: str, version: str, now: float) -> Kept:
    """What to keep of a load that went well."""
    return Kept(data=data, as_of=now, landed_at=now, stamp=stamp, version=version)


def failed(error: TileError, wish: float | None, before: Kept | None, stamp: str, version: str, now: float) -> Kept:
    """What to keep of a load that failed: older data if it is of this stamp and version, and when to try again.

    `wish`: seconds the upstream asked to be left alone, if it did. Data known to be out of date is not shown beside a
    failure: it may be what a person has just taken back.
    """
    same = before is not None and before.stamp == stamp and before.version == version
    failures = before.failures + 1 if before is not None and same else 1
    delay = min(_FIRST_RETRY * 2.0 ** min(failures - 1, 10), _LONGEST_RETRY)
    delay *= 0.8 + 0.4 * random.random()  # nosec B311 # noqa: S311 - jitter, not a secret
    if wish is not None:
        delay = min(max(delay, wish), _LONGEST_WISH)
    return Kept(
        data=before.data if before is not None and same else None,
        as_of=before.as_of if before is not None and same else 0.0,
        error=error,
        failures=failures,
        retry_at=now + delay,
        landed_at=now,
        stamp=stamp,
        version=version,
    )
