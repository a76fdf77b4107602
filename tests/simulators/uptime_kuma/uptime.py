"""Uptime and response time over a window, as either line of Uptime Kuma works them out; keeps nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

HOURS = {"1d": 24, "30d": 720, "365d": 8760}
_UP, _MAINTENANCE = 1, 3


def _zeros() -> dict[str, float]:
    return dict.fromkeys(HOURS, 0)


@dataclass
class Statistics:
    """`ratios` and `pings` (milliseconds) by window; `ping` is what `avgPing` says, None without a beat that was up."""

    ping: float | None = None
    ratios: dict[str, float] = field(default_factory=_zeros)
    pings: dict[str, float] = field(default_factory=_zeros)


def measured(beats: Sequence[Any], now: float, v2: bool) -> Statistics:
    """The statistics of beats (newest last)."""
    made = Statistics()
    windows = list(_windows(beats, now))
    for window, within in windows:
        pings = [one.ping for one in within if one.ping is not None]
        average = sum(pings) / len(pings) if pings else None
        made.pings[window] = whole(average or 0)
        made.ratios[window] = _by_count(within) if v2 else _by_time(within)
        if window == "1d":
            made.ping = None if average is None else whole(round(average, 2) if v2 else int(average))
    return made


def whole(value: float) -> float:
    """JavaScript has one kind of number: 1, not 1.0."""
    return int(value) if value == int(value) else value


def _windows(beats: Sequence[Any], now: float) -> Iterable[tuple[str, list[Any]]]:
    for window, hours in HOURS.items():
        since = now - hours * 3600
        if beats and beats[0].time > since:
            yield window, list(beats)
        else:
            yield window, [one for one in beats if one.time > since]


def _by_count(beats: list[Any]) -> float:
    """2.x counts beats; maintenance counts as up, pending as down."""
    if not beats:
        return 0
    return whole(sum(one.status in (_UP, _MAINTENANCE) for one in beats) / len(beats))


def _by_time(beats: list[Any]) -> float:
    """1.x weighs each beat by the seconds since the one before; a first beat has none, so alone it decides."""
    total = sum(one.duration for one in beats)
    if total:
        return whole(sum(one.duration for one in beats if one.status in (_UP, _MAINTENANCE)) / total)
    return int(bool(beats) and beats[-1].status == _UP)
