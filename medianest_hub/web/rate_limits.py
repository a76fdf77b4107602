"""How many requests one person or address may make: zones, their windows, and the local count used while Redis is away.

A window is counted in slices: a request is let in only if all slices that overlap the window before it hold fewer than
the limit. So no window of that length, wherever it begins, ever sees more than the limit. Refused requests are not counted.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from medianest_hub.plugin_api.errors import TooMany
from medianest_hub.plugin_api.plugin import Limit
from medianest_hub.settings import LimitSettings, Rate

FEW: Final = 128
"""Up to this many, slices may be fine, for there are never more of them than requests."""
FINE_SLICES: Final = 1000
COARSE_SLICES: Final = 12

STRICT_ZONES: Final = frozenset({"auth"})
"""Zones that guard credentials: counted by each process alone, half as many are let in."""

_MOST_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Zone:
    """A limit zone: `name` as people see it, and its rate."""

    name: str
    rate: Rate

    @property
    def slices(self) -> int:
        """Into how many slices a window is cut."""
        return FINE_SLICES if self.rate.count <= FEW else COARSE_SLICES

    def key(self, who: str) -> str:
        """The Redis key that counts `who`."""
        return f"mn:rl:{self.name}:{who}"

    def line(self, left: int, milliseconds: int) -> bytes:
        """The header line `RateLimit`: how many are left, and in how many seconds the oldest is forgotten."""
        return b'\r\nratelimit: "%b";r=%d;t=%d' % (
            self.name.encode(),
            left,
            max(1, min(-(-milliseconds // 1000), self.rate.seconds)),
        )

    @property
    def while_alone(self) -> int:
        """How many are let in per window while this process cannot see what others count."""
        return max(1, self.rate.count // 2) if self.name in STRICT_ZONES else self.rate.count


class Zones:
    """All zones: the core's own from the settings, and each plugin's."""

    def __init__(self, limits: LimitSettings) -> None:
        self._core = {name: Zone(name, getattr(limits, name)) for name in LimitSettings.model_fields}

    def core(self, name: str) -> Zone:
        """One of the core's zones; `KeyError` for a name that is none."""
        return self._core[name]

    def of_plugin(self, plugin: str, limits: Mapping[str, Limit], name: str) -> Zone:
        """A plugin's own zone by local name, else a core zone. `KeyError` if there is neither."""
        limit = limits.get(name)
        if limit is None:
            return self._core[name]
        override = self._core.get(limit.setting) if limit.setting is not None else None
        rate = override.rate if override is not None else Rate.parse(limit.default)
        return Zone(f"{plugin}.{name}", rate)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A zone is used up; it has room again in `wait` seconds."""

    zone: Zone
    wait: float

    def error(self) -> TooMany:
        """What the caller is told."""
        seconds = min(max(1, math.ceil(self.wait)), self.zone.rate.seconds)
        return TooMany(
            f"Too many requests: at most {self.zone.rate} here. Come again in {seconds} s.",
            params={"zone": self.zone.name, "limit": str(self.zone.rate)},
            retry_after=seconds,
        )

    def headers(self) -> list[tuple[bytes, bytes]]:
        """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers)."""
        name, rate = self.zone.name.encode(), self.zone.rate
        wait = min(max(1, math.ceil(self.wait)), rate.seconds)
        return [
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, rate.count, rate.seconds)),
            (b"ratelimit", b'"%b";r=0;t=%d' % (name, wait)),
        ]


class LocalLimiter:
    """The same count in this process alone. Bounded: whoever was not seen for longest is forgotten first."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._counts: OrderedDict[str, dict[int, int]] = OrderedDict()

    def take(self, zone: Zone, who: str) -> Refusal | None:
        """Count one request, or say why not."""
        key = zone.key(who)
        width = zone.rate.seconds / zone.slices
        now = self._now()
        current = math.floor(now / width)
        counts = self._counts.setdefault(key, {})
        self._counts.move_to_end(key)
        for old in [number for number in counts if number < current - zone.slices]:
            del counts[old]
        if sum(counts.values()) >= zone.while_alone:
            return Refusal(zone, (min(counts) + zone.slices + 1) * width - now)
        counts[current] = counts.get(current, 0) + 1
        if len(self._counts) > _MOST_KEYS:
            self._counts.popitem(last=False)
        return None
