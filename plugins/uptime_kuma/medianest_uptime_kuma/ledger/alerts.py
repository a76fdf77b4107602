"""When people are told that a monitor is down or back: damped while it flaps, held during maintenance. Tells nobody itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from medianest_uptime_kuma.models import AlertKind, Status
from medianest_uptime_kuma.settings import AlertRules


class AlertState(BaseModel):
    """What was told of a monitor and what is waited for; kept with the monitor. Times in Unix seconds.

    `told` is the status people believe it is in, None before anything is known. `turns` are the latest changes between up
    and down. `down_since` is set from when it goes down until it is up. `wake_at`: when to judge again without a change.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    told: Status | None = None
    last: Status | None = None
    flapping: bool = False
    turns: tuple[float, ...] = ()
    down_since: float | None = None
    wake_at: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state to keep, and what people are to be told, if anything. `down_seconds`: how long it was down."""

    state: AlertState
    kind: AlertKind | None = None
    down_seconds: float | None = None


@dataclass(slots=True)
class _Judging:
    now: float
    rules: AlertRules
    told: Status | None
    flapping: bool
    turns: list[float]
    down_since: float | None
    last: Status | None
    kind: AlertKind | None = None
    down_seconds: float | None = None
    wakes: list[float] = field(default_factory=list)

    @property
    def window(self) -> float:
        return self.rules.flap_minutes * 60.0

    def turn(self, status: Status) -> None:
        """Take in what it is now."""
        if status not in (Status.UP, Status.DOWN):
            if status is Status.MAINTENANCE:
                self.last = None  # what comes after it is no turn
                self.down_since = None
            return
        if self.last is not None and status is not self.last:
            self.turns.append(self.now)
        self.last = status
        if status is Status.DOWN and self.down_since is None:
            self.down_since = self.now
        if self.told is None:
            self.told = status  # nobody is told of how things were found

    def flap(self) -> None:
        """Begin or end to take it for one that flaps."""
        self.turns = [at for at in self.turns if self.now - at < self.window]
        if not self.flapping and len(self.turns) >= self.rules.flap_changes:
            self.flapping, self.kind = True, AlertKind.FLAPPING
        elif self.flapping and not self.turns:
            self.flapping = False
            self.told, self.kind = self.last or self.told, AlertKind.SETTLED
        if self.flapping and self.turns:
            self.wakes.append(self.turns[-1] + self.window)

    def tell(self, status: Status) -> None:
        """Down for long enough, or back."""
        if self.flapping or self.kind is not None:
            return
        if status is Status.DOWN and self.told is not Status.DOWN and self.down_since is not None:
            due = self.down_since + self.rules.down_seconds
            if self.now < due:
                self.wakes.append(due)
                return
            self.told, self.kind = Status.DOWN, AlertKind.DOWN
            self.down_seconds = self.now - self.down_since
        elif status is Status.UP and self.told is Status.DOWN:
            self.told, self.kind = Status.UP, AlertKind.BACK
            self.down_seconds = self.now - self.down_since if self.down_since is not None else None


def judge(state: AlertState, status: Status, now: datetime, rules: AlertRules) -> Verdict:
    """What follows from the monitor being in `status` at `now`. Call it with each change, and at `wake_at`."""
    at = now.timestamp()
    judging = _Judging(at, rules, state.told, state.flapping, list(state.turns), state.down_since, state.last)
    judging.turn(status)
    if status is not Status.MAINTENANCE:
        judging.flap()
        judging.tell(status)
    if status is Status.UP:
        judging.down_since = None
    kept = AlertState(
        told=judging.told,
        last=judging.last,
        flapping=judging.flapping,
        turns=tuple(judging.turns[-100:]),
        down_since=judging.down_since,
        wake_at=min(judging.wakes, default=None),
    )
    return Verdict(kept, judging.kind, judging.down_seconds)
