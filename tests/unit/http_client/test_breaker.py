"""The circuit breaker: opens, waits, tries once, and closes."""

import pytest

from medianest_hub.infrastructure.http_client.breaker import Breaker, BreakerOpen, BreakerState, Ticket


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def states() -> list[BreakerState]:
    return []


@pytest.fixture
def breaker(clock: Clock, states: list[BreakerState]) -> Breaker:
    return Breaker(threshold=3, cool_down=10, longest=40, clock=clock, on_change=states.append)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(breaker.admit())


def wait_of(breaker: Breaker) -> float:
    with pytest.raises(BreakerOpen) as held_back:
        breaker.admit()
    return held_back.value.retry_after


def test_it_opens_after_that_many_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded(breaker.admit())
    fail(breaker, 2)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker)
    assert breaker.state is BreakerState.OPEN
    assert 7.5 <= wait_of(breaker) <= 12.5


def test_after_the_cool_down_exactly_one_call_tries(breaker: Breaker, clock: Clock, states: list[BreakerState]) -> None:
    fail(breaker, 3)
    clock.now += 12.5
    probe = breaker.admit()
    assert probe.probe
    wait_of(breaker)
    breaker.succeeded(probe)
    assert not breaker.admit().probe
    assert states == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


def test_each_failed_trial_doubles_the_wait_up_to_the_longest(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    for least, most in ((15, 25), (30, 50), (30, 50)):
        clock.now += 100
        fail(breaker)
        assert least <= wait_of(breaker) <= most
    clock.now += 100
    breaker.succeeded(breaker.admit())
    fail(breaker, 3)
    assert wait_of(breaker) <= 12.5


def test_an_abandoned_trial_lets_the_next_one_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 12.5
    breaker.abandoned(breaker.admit())
    assert breaker.admit().probe


def test_late_failures_of_calls_begun_before_do_not_lengthen_the_wait(breaker: Breaker) -> None:
    begun = [breaker.admit() for _ in range(6)]
    for ticket in begun[:3]:
        breaker.failed(ticket)
    before = wait_of(breaker)
    for ticket in begun[3:]:
        breaker.failed(ticket)
    assert wait_of(breaker) == before


def test_a_late_success_closes_it(breaker: Breaker) -> None:
    late = breaker.admit()
    fail(breaker, 3)
    breaker.succeeded(late)
    assert breaker.admit() == Ticket(probe=False)


def test_breakers_do_not_all_try_at_one_moment(clock: Clock) -> None:
    waits = set()
    for _ in range(20):
        breaker = Breaker(threshold=1, clock=clock)
        fail(breaker)
        waits.add(wait_of(breaker))
    assert len(waits) > 15
