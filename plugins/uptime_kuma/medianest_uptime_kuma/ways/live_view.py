"""The monitors as the live connection has told of them so far; writes nothing, asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from medianest_uptime_kuma.client.answers import MOST_MONITORS
from medianest_uptime_kuma.client.live import CertificateTold, Listed, UptimeTold
from medianest_uptime_kuma.client.live_models import LiveBeat, LiveMonitor
from medianest_uptime_kuma.client.seen import Found, Seen, hold_of
from medianest_uptime_kuma.client.words import bare_address, clean, message
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.ways.pages import Headings

_DEEPEST: Final = 20
"""Groups within groups."""

_WITHOUT_ADDRESS: Final = frozenset({"push", "group", "manual"})


@dataclass(slots=True)
class LiveView:
    """By Uptime Kuma's number. `headings` is what status pages add."""

    headings: Headings = field(default_factory=Headings)
    monitors: dict[int, LiveMonitor] = field(default_factory=dict)
    status: dict[int, Status] = field(default_factory=dict)
    _secrets: dict[int, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _uptimes: dict[tuple[int, int], float | None] = field(default_factory=dict)
    _certificates: dict[int, tuple[int | None, bool | None]] = field(default_factory=dict)

    def take(self, listed: Listed) -> None:
        """Take in a list of monitors, or one that changed."""
        if listed.whole:
            for gone in self.monitors.keys() - {monitor.id for monitor, _ in listed.monitors}:
                self.remove(gone)
        for monitor, secrets in listed.monitors:
            if monitor.id not in self.monitors and len(self.monitors) >= MOST_MONITORS:
                continue
            self.monitors[monitor.id] = monitor
            self._secrets[monitor.id] = secrets

    def remove(self, kuma_id: int) -> None:
        """It was deleted."""
        for kept in (self.monitors, self.status, self._secrets, self._certificates):
            kept.pop(kuma_id, None)
        for hours in (24, 720):
            self._uptimes.pop((kuma_id, hours), None)

    def uptime(self, told: UptimeTold) -> None:
        """Take in the part of a time it was up."""
        if told.kuma_id in self.monitors:
            self._uptimes[told.kuma_id, told.hours] = told.ratio

    def certificate(self, told: CertificateTold) -> None:
        """Take in how long its certificate is good for."""
        if told.kuma_id in self.monitors:
            self._certificates[told.kuma_id] = told.info.days, told.info.valid

    def paused(self) -> Iterator[int]:
        """The numbers of those nobody looks at."""
        return (monitor.id for monitor in self.monitors.values() if monitor.is_paused)

    def found(self, beat: LiveBeat) -> Found | None:
        """The beat in our own words; None for a monitor that is not listed, or paused: what is said of it is old."""
        monitor = self.monitors.get(beat.monitor_id)
        if monitor is None or monitor.is_paused:
            return None
        words = message(beat.message, self._secrets.get(monitor.id, ()))
        return Found(beat.time, beat.status, hold_of(max(monitor.interval, monitor.retry_interval)), beat.ping, words)

    def seen(self) -> list[Seen]:
        """All of them, as they are to be kept."""
        return [self.headings.dress(self._seen(monitor)) for monitor in self.monitors.values()]

    def quiet_limit(self) -> float:
        """Seconds within which some beat should come; longer silence means that nothing comes through any more."""
        looked_at = [
            max(monitor.interval, monitor.retry_interval)
            for monitor in self.monitors.values()
            if not monitor.is_paused and monitor.type != "push"
        ]
        return 4 * min(looked_at) + 120 if looked_at else float("inf")

    def _seen(self, monitor: LiveMonitor) -> Seen:
        days, valid = self._certificates.get(monitor.id, (None, None))
        groups = tuple(self._groups(monitor))
        watched = monitor.type not in _WITHOUT_ADDRESS
        return Seen(
            name=self._name(monitor),
            kuma_id=monitor.id,
            kind=clean(monitor.type),
            group=groups[0] if groups else "",
            groups=groups,
            tags=tuple(tag.text for tag in monitor.tags),
            address=bare_address(monitor.url, monitor.hostname, monitor.port) if watched else "",
            position=-monitor.weight,
            certificate_days=days,
            certificate_valid=valid,
            given_day=self._uptimes.get((monitor.id, 24)),
            given_month=self._uptimes.get((monitor.id, 720)),
        )

    def _groups(self, monitor: LiveMonitor) -> Iterator[str]:
        """The groups it is in, the nearest first."""
        above, passed = monitor.parent, {monitor.id}
        while above is not None and above not in passed and len(passed) <= _DEEPEST:
            parent = self.monitors.get(above)
            if parent is None:
                return
            yield self._name(parent)
            passed.add(above)
            above = parent.parent

    def _name(self, monitor: LiveMonitor) -> str:
        return message(monitor.name, self._secrets.get(monitor.id, ())) or f"#{monitor.id}"
