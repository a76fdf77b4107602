"""Up to which number nothing can be missing any more, whatever the order in which events come."""

import random

import pytest

from medianest_hub.web.realtime_feed import GAP_SECONDS, Progress


def test_events_in_turn_settle_at_once() -> None:
    progress = Progress(10)
    assert [progress.add(seq) for seq in (11, 12, 13)] == [True, True, True]
    assert (progress.settled, progress.has_gap) == (13, False)


def test_the_same_event_is_taken_once() -> None:
    progress = Progress(0)
    assert progress.add(1)
    assert not progress.add(1)
    assert progress.add(3)
    assert not progress.add(3)


def test_a_missing_number_holds_everything_after_it_until_it_comes() -> None:
    progress = Progress(0)
    for seq in (2, 3, 5):
        assert progress.add(seq)
    assert (progress.settled, progress.has_gap) == (0, True)
    assert progress.has(3)
    assert not progress.has(1)
    assert progress.add(1)
    assert progress.settled == 3
    assert progress.add(4)
    assert (progress.settled, progress.has_gap) == (5, False)


def test_a_number_missing_for_long_is_given_up() -> None:
    progress = Progress(0)
    progress.add(2)
    progress.tick(0.0)
    progress.add(4)
    progress.tick(GAP_SECONDS - 1)
    assert progress.settled == 0
    progress.tick(GAP_SECONDS)
    assert progress.settled == 2  # 3 has not been missing for as long
    progress.tick(2 * GAP_SECONDS)
    assert (progress.settled, progress.has_gap) == (4, False)


def test_one_that_comes_after_it_was_given_up_is_still_taken_and_once() -> None:
    progress = Progress(0)
    progress.add(2)
    progress.tick(0.0)
    progress.tick(GAP_SECONDS)
    assert progress.settled == 2
    assert progress.add(1)
    assert not progress.add(1)
    assert not progress.add(2)


@pytest.mark.parametrize("seed", range(20))
def test_any_order_ends_with_everything_taken_once_and_settled(seed: int) -> None:
    order = list(range(1, 200)) * 2
    random.Random(seed).shuffle(order)
    progress = Progress(0)
    taken = [seq for seq in order if progress.add(seq)]
    assert sorted(taken) == list(range(1, 200))
    assert (progress.settled, progress.has_gap) == (199, False)
