"""When people are told that a monitor is down or back: at once or after a while, less while it flaps, not in maintenance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from medianest_uptime_kuma.ledger.alerts import AlertState, judge
from medianest_uptime_kuma.models import AlertKind, Status
from medianest_uptime_kuma.settings import AlertRules

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
RULES = AlertRules(down_seconds=30, flap_changes=4, flap_minutes=10)
UP, DOWN = Status.UP, Status.DOWN


class Told:
    """Plays a monitor to `judge` as the ledger does: at each change, and whenever it wished to be woken."""

    def __init__(self, rules: AlertRules = RULES, first: Status | None = UP) -> None:
        self.rules = rules
        self.state = AlertState()
        self.now = START
        self.status = first or UP
        self.told: list[tuple[float, AlertKind]] = []
        self.lengths: list[float | None] = []
        if first is not None:
            self.becomes(first)

    def becomes(self, status: Status) -> None:
        self.status = status
        self._judge()

    def wait(self, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        while self.state.wake_at is not None and self.state.wake_at <= until.timestamp():
            self.now = max(self.now, datetime.fromtimestamp(self.state.wake_at, UTC))
            before = self.state
            self._judge()
            assert self.state != before, "woken for nothing, and again and again"
        self.now = until

    def _judge(self) -> None:
        # As it is kept: through JSON and back.
        state = AlertState.model_validate_json(self.state.model_dump_json())
        verdict = judge(state, self.status, self.now, self.rules)
        self.state = verdict.state
        if verdict.kind is not None:
            self.told.append(((self.now - START).total_seconds(), verdict.kind))
            self.lengths.append(verdict.down_seconds)

    @property
    def kinds(self) -> list[AlertKind]:
        return [kind for _, kind in self.told]


def test_how_things_are_found_at_first_is_told_to_nobody():
    for first in (UP, DOWN):
        monitor = Told(first=first)
        monitor.wait(3600)
        assert monitor.told == []


def test_what_is_down_for_long_enough_is_told_then_and_that_it_is_back_at_once():
    monitor = Told()
    monitor.becomes(DOWN)
    monitor.wait(100)
    monitor.becomes(UP)
    assert monitor.told == [(30.0, AlertKind.DOWN), (100.0, AlertKind.BACK)]
    assert monitor.lengths == [30.0, 100.0]


def test_a_short_hiccup_is_told_to_nobody():
    monitor = Told()
    monitor.becomes(DOWN)
    monitor.wait(29)
    monitor.becomes(UP)
    monitor.wait(3600)
    assert monitor.told == []


def test_without_a_wait_it_is_told_at_once():
    monitor = Told(AlertRules(down_seconds=0))
    monitor.becomes(DOWN)
    assert monitor.told == [(0.0, AlertKind.DOWN)]


def test_pending_in_between_neither_ends_nor_delays_being_down():
    monitor = Told()
    monitor.becomes(DOWN)
    monitor.wait(10)
    monitor.becomes(Status.PENDING)
    monitor.wait(15)
    monitor.becomes(DOWN)
    monitor.wait(10)
    assert monitor.told == [(30.0, AlertKind.DOWN)]


def test_a_monitor_that_flaps_is_told_of_once_until_it_is_steady():
    monitor = Told()
    for _ in range(10):
        monitor.becomes(DOWN)
        monitor.wait(40)
        monitor.becomes(UP)
        monitor.wait(40)
    assert monitor.kinds == [AlertKind.DOWN, AlertKind.BACK, AlertKind.DOWN, AlertKind.FLAPPING]
    last_turn = (monitor.now - START).total_seconds() - 40
    monitor.wait(3600)
    assert monitor.told[-1] == (last_turn + 600, AlertKind.SETTLED)

    monitor.becomes(DOWN)
    monitor.wait(31)
    assert monitor.kinds[-1] is AlertKind.DOWN


def test_one_that_settles_down_is_not_told_of_as_down_a_second_time():
    monitor = Told()
    for _ in range(3):
        monitor.becomes(DOWN)
        monitor.wait(5)
        monitor.becomes(UP)
        monitor.wait(5)
    monitor.becomes(DOWN)
    monitor.wait(3600)
    assert monitor.kinds == [AlertKind.FLAPPING, AlertKind.SETTLED]
    monitor.becomes(UP)
    assert monitor.kinds[-1] is AlertKind.BACK


def test_maintenance_holds_everything_back():
    monitor = Told()
    monitor.becomes(DOWN)
    monitor.wait(20)
    monitor.becomes(Status.MAINTENANCE)
    monitor.wait(3600)
    assert monitor.told == []
    monitor.becomes(UP)
    monitor.wait(3600)
    assert monitor.told == []


def test_what_is_still_down_after_maintenance_is_told_then():
    monitor = Told()
    monitor.becomes(Status.MAINTENANCE)
    monitor.wait(3600)
    monitor.becomes(DOWN)
    monitor.wait(60)
    assert monitor.told == [(3630.0, AlertKind.DOWN)]


def test_that_it_is_back_is_told_also_when_maintenance_lay_between():
    monitor = Told()
    monitor.becomes(DOWN)
    monitor.wait(60)
    monitor.becomes(Status.MAINTENANCE)
    monitor.wait(60)
    monitor.becomes(UP)
    assert monitor.kinds == [AlertKind.DOWN, AlertKind.BACK]


def test_that_nobody_knows_is_no_news():
    monitor = Told()
    for status in (Status.UNKNOWN, UP, Status.PAUSED, UP, Status.UNKNOWN, UP, Status.PAUSED, UP):
        monitor.becomes(status)
        monitor.wait(20)
    assert monitor.told == []


@given(
    st.lists(
        st.tuples(st.sampled_from([UP, DOWN, Status.PENDING, Status.MAINTENANCE]), st.integers(1, 400)), max_size=60
    )
)
def test_down_and_back_always_take_turns_and_flapping_ends(course):
    monitor = Told()
    for status, seconds in course:
        monitor.becomes(status)
        monitor.wait(seconds)
    believed, flapping = UP, False
    for kind in monitor.kinds:
        if kind is AlertKind.FLAPPING:
            assert not flapping
            flapping = True
        elif kind is AlertKind.SETTLED:
            assert flapping
            flapping = False
        else:
            assert not flapping
            assert (kind is AlertKind.DOWN) == (believed is UP) or AlertKind.SETTLED in monitor.kinds
            believed = DOWN if kind is AlertKind.DOWN else UP
    if monitor.status in (UP, DOWN):
        monitor.wait(3600)
        assert not monitor.state.flapping
        assert monitor.state.told is monitor.status
