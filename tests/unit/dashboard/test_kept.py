"""What a cached tile is worth, by the clock and by what changed since."""

import pytest

from medianest_hub.dashboard.board import TileKept as Kept
from medianest_hub.dashboard.models import TileError, TileState
from medianest_hub.plugin_api import Stat, Widget
from medianest_hub.plugin_host.loads.kept import judge, remaining

NOW = 1_000_000.0
BROKEN = TileError(code="upstream_error", message="Plex answered 500.")


async def load(_ctx: object, _viewer: object) -> Stat:
    return Stat(value=1)


WIDGET = Widget("w", "W", load, ttl=30, stale_for=100)


def loaded(age: float, **changes: object) -> Kept:
    return Kept.succeeded(Stat(value=1), "1:", "v", NOW - age).model_copy(update=changes)


def test_nothing_cached_is_loaded_and_waited_for() -> None:
    verdict = judge(None, WIDGET, "1:", "v", NOW)
    assert (verdict.state, verdict.refresh, verdict.wait) == (TileState.LOADING, True, True)


def test_fresh_data_is_ok_for_what_is_left_of_its_ttl() -> None:
    verdict = judge(loaded(10), WIDGET, "1:", "v", NOW)
    assert (verdict.state, verdict.refresh, verdict.fresh_for) == (TileState.OK, False, pytest.approx(20))


def test_older_data_is_shown_stale_while_it_loads_and_nobody_waits() -> None:
    verdict = judge(loaded(31), WIDGET, "1:", "v", NOW)
    assert (verdict.state, verdict.refresh, verdict.wait) == (TileState.STALE, True, False)


def test_data_beyond_its_stale_time_is_not_shown() -> None:
    verdict = judge(loaded(131), WIDGET, "1:", "v", NOW)
    assert (verdict.state, verdict.refresh, verdict.wait) == (TileState.LOADING, True, True)


def test_data_from_before_a_change_is_waited_for_and_stands_in_if_that_takes_long() -> None:
    verdict = judge(loaded(1), WIDGET, "1:", "later", NOW)
    assert (verdict.state, verdict.refresh, verdict.wait) == (TileState.STALE, True, True)


@pytest.mark.parametrize("stamp", ["2:", "1:other-rights"])
def test_data_of_other_settings_or_rights_is_never_shown(stamp: str) -> None:
    assert judge(loaded(1), WIDGET, stamp, "v", NOW).state is TileState.LOADING


def test_a_clock_that_stepped_back_does_not_keep_data_fresh_for_ever() -> None:
    assert judge(loaded(-3), WIDGET, "1:", "v", NOW).state is TileState.OK
    assert judge(loaded(-3600), WIDGET, "1:", "v", NOW).refresh
    ahead = Kept.failed(BROKEN, None, None, "1:", "v", NOW + 3600)
    assert judge(ahead, WIDGET, "1:", "v", NOW).refresh


def test_a_failure_is_left_alone_until_its_time_comes() -> None:
    kept = Kept.failed(BROKEN, None, None, "1:", "v", NOW)
    soon = judge(kept, WIDGET, "1:", "v", NOW + 0.1)
    assert (soon.state, soon.refresh) == (TileState.ERROR, False)
    assert 0 < soon.fresh_for < 3
    later = judge(kept, WIDGET, "1:", "v", NOW + 3)
    assert (later.state, later.refresh, later.wait) == (TileState.ERROR, True, True)


def test_a_failure_keeps_older_data_on_show_with_its_reason() -> None:
    before = loaded(40)
    kept = Kept.failed(BROKEN, None, before, "1:", "v", NOW)
    verdict = judge(kept, WIDGET, "1:", "v", NOW + 0.1)
    assert (verdict.state, kept.data, kept.as_of, kept.error) == (TileState.STALE, before.data, before.as_of, BROKEN)
    retry = judge(kept, WIDGET, "1:", "v", NOW + 10)
    assert (retry.state, retry.refresh, retry.wait) == (TileState.STALE, True, False)


def test_a_failure_after_a_change_does_not_bring_back_what_was_changed() -> None:
    assert Kept.failed(BROKEN, None, loaded(1), "1:", "later", NOW).data is None
    assert Kept.failed(BROKEN, None, loaded(1), "2:", "v", NOW).data is None


def test_failures_in_a_row_wait_longer_and_longer_up_to_a_minute() -> None:
    kept, waits = Kept.failed(BROKEN, None, None, "1:", "v", NOW), []
    for _ in range(12):
        waits.append(kept.retry_at - NOW)
        kept = Kept.failed(BROKEN, None, kept, "1:", "v", NOW)
    assert kept.failures == 13
    assert waits[0] < 2.5
    assert 48 <= waits[-1] <= 72
    assert waits[3] > waits[0]


def test_an_upstreams_wish_to_be_left_alone_is_heeded_within_bounds() -> None:
    assert Kept.failed(BROKEN, 45.0, None, "1:", "v", NOW).retry_at == NOW + 45
    assert Kept.failed(BROKEN, 1e9, None, "1:", "v", NOW).retry_at == NOW + 300


def test_an_outcome_that_has_just_landed_holds_for_its_ttl_or_until_the_retry() -> None:
    assert remaining(loaded(0), WIDGET, NOW) == 30
    kept = Kept.failed(BROKEN, 45.0, None, "1:", "v", NOW)
    assert remaining(kept, WIDGET, NOW) == 45


def test_what_another_version_wrote_counts_as_nothing() -> None:
    kept = loaded(5)
    assert Kept.parse(kept.pack()) == kept
    assert Kept.parse(b'{"data": {"kind": "hologram"}}') is None
    assert Kept.parse(b"\xff") is None
    assert Kept.parse(None) is None


def test_only_a_difference_somebody_would_see_is_news() -> None:
    assert loaded(5).same_face(loaded(50))
    assert not loaded(5).same_face(loaded(5, data=Stat(value=2)))
    assert not loaded(5).same_face(loaded(5, error=BROKEN))
