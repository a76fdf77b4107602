"""One kept answer of a plugin and what it is still worth at a given moment; pure, no I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ValidationError

CLOCK_SLACK = 5.0
"""Seconds by which another replica's clock may be ahead before its answers count as out of date."""

_FIRST_RETRY = 2.0
_LONGEST_RETRY = 60.0
_LONGEST_WISH = 300.0

DataT = TypeVar("DataT")


class LoadState(StrEnum):
    """`stale` still has data, `loading` may have none yet: it is under way."""

    OK = "ok"
    STALE = "stale"
    ERROR = "error"
    LOADING = "loading"


class LoadError(BaseModel):
    """Why the latest load failed: a stable code, words for a person, and parameters for translating them."""

    code: str
    message: str
    params: dict[str, str | int | float | bool] = {}


class Lasting(Protocol):
    """For how long an answer is good: `ttl` seconds fresh, and then for `stale_for` seconds better than none."""

    @property
    def ttl(self) -> float:
        """Seconds."""

    @property
    def stale_for(self) -> float:
        """Seconds."""


class Kept(BaseModel, Generic[DataT]):
    """The outcome of the latest load, as cached. Times are Unix seconds.

    `data` and `as_of` outlive failed loads; `error`, `failures` and `retry_at` tell of those. `stamp` names the settings
    and the viewer it was loaded for, `version` the last change known when the load began.
    """

    data: DataT | None = None
    as_of: float = 0.0
    error: LoadError | None = None
    failures: int = 0
    retry_at: float = 0.0
    landed_at: float = 0.0
    stamp: str = ""
    version: str = ""

    @classmethod
    def parse(cls, raw: bytes | None) -> Self | None:
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

    def same_face(self, other: Kept[DataT]) -> bool:
        """Whether a person would see no difference, the age apart."""
        return (self.data, self.error) == (other.data, other.error)

    @classmethod
    def succeeded(cls, data: DataT, stamp: str, version: str, now: float) -> Self:
        """What to keep of a load that went well."""
        return cls(data=data, as_of=now, landed_at=now, stamp=stamp, version=version)

    @classmethod
    def failed(
        cls, error: LoadError, wish: float | None, before: Self | None, stamp: str, version: str, now: float
    ) -> Self:
        """What to keep of a load that failed: older data if it is of this stamp and version, and when to try again.

        `wish`: seconds the upstream asked to be left alone, if it did. Data known to be out of date is not shown beside
        a failure: it may be what a person has just taken back.
        """
        same = before is not None and before.stamp == stamp and before.version == version
        failures = before.failures + 1 if before is not None and same else 1
        delay = min(_FIRST_RETRY * 2.0 ** min(failures - 1, 10), _LONGEST_RETRY)
        delay *= 0.8 + 0.4 * random.random()  # nosec B311 # noqa: S311 - jitter, not a secret
        if wish is not None:
            delay = min(max(delay, wish), _LONGEST_WISH)
        return cls(
            data=before.data if before is not None and same else None,
            as_of=before.as_of if before is not None and same else 0.0,
            error=error,
            failures=failures,
            retry_at=now + delay,
            landed_at=now,
            stamp=stamp,
            version=version,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to show of a kept answer, whether to load it anew, and whether whoever asks should wait for that.

    `fresh_for`: seconds this verdict holds if nothing changes; 0 while a load is wanted.
    """

    state: LoadState
    refresh: bool
    wait: bool
    fresh_for: float = 0.0


ABSENT = Verdict(LoadState.LOADING, refresh=True, wait=True)


def effective_ttl(lasting: Lasting) -> float:
    """At least a second: with less, each look would start a load whose end makes every page look again."""
    return max(lasting.ttl, 1.0)


def lifetime(lasting: Lasting) -> float:
    """Seconds after which old data is shown no more."""
    return effective_ttl(lasting) + max(lasting.stale_for, 0.0)


def judge(kept: Kept[Any] | None, lasting: Lasting, stamp: str, version: str, now: float) -> Verdict:
    """What `kept` is worth at `now` for a viewer and settings of `stamp` when the last known change is `version`."""
    if kept is None or kept.stamp != stamp:
        return ABSENT
    age = now - kept.as_of
    # A clock that stepped back must not keep an answer fresh for ever: from the future means out of date.
    fresh = -CLOCK_SLACK <= age < effective_ttl(lasting)
    usable = kept.data is not None and age < lifetime(lasting)
    shown = LoadState.STALE if usable else LoadState.LOADING
    if kept.version != version:
        return Verdict(shown, refresh=True, wait=True)
    if kept.error is None:
        if usable and fresh:
            return Verdict(LoadState.OK, refresh=False, wait=False, fresh_for=effective_ttl(lasting) - max(age, 0.0))
        return Verdict(shown, refresh=True, wait=not usable)
    shown = LoadState.STALE if usable else LoadState.ERROR
    until_retry = kept.retry_at - now
    if 0 < until_retry <= _LONGEST_WISH + CLOCK_SLACK:
        return Verdict(shown, refresh=False, wait=False, fresh_for=until_retry)
    return Verdict(shown, refresh=True, wait=not usable)


def remaining(kept: Kept[Any], lasting: Lasting, now: float) -> float:
    """Seconds for which an outcome that has just landed holds."""
    ends = kept.as_of + effective_ttl(lasting) if kept.error is None else kept.retry_at
    return max(ends - now, 0.0)
