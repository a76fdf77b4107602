"""Zones and the local count: never more than the limit in any window, whatever the rhythm."""

import random

import pytest

from medianest_hub.plugin_api import Limit
from medianest_hub.settings import LimitSettings, Rate
from medianest_hub.web import rate_limits
from medianest_hub.web.rate_limits import LocalLimiter, Refusal, Zone, Zones


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rate", [Rate(1, 1), Rate(5, 60), Rate(100, 60), Rate(129, 60), Rate(1000, 3600)])
def test_no_window_ever_sees_more_than_the_limit(rate: Rate, seed: int) -> None:
    chance = random.Random(seed)
    clock = Clock(chance.uniform(0, 1e6))
    limiter, zone = LocalLimiter(clock), Zone("api", rate)
    let_in: list[float] = []
    for _ in range(rate.count * 6 + 60):
        clock.now += chance.expovariate(rate.count * chance.choice([0.5, 2, 20]) / rate.seconds)
        if limiter.take(zone, "mia") is None:
            let_in.append(clock.now)
    assert len(let_in) > rate.count
    for earlier, later in zip(let_in, let_in[rate.count :], strict=False):
        assert later - earlier >= rate.seconds


def test_the_named_wait_is_enough_and_not_much_too_long() -> None:
    clock = Clock()
    limiter, zone = LocalLimiter(clock), Zone("api", Rate(3, 60))
    for _ in range(3):
        assert limiter.take(zone, "mia") is None
    refusal = limiter.take(zone, "mia")
    assert refusal is not None
    assert 60 <= refusal.wait <= 60.2
    clock.now += refusal.wait
    assert limiter.take(zone, "mia") is None


def test_people_and_zones_are_counted_apart() -> None:
    limiter = LocalLimiter(Clock())
    one, two = Zone("api", Rate(1, 60)), Zone("plugin.dear", Rate(1, 60))
    assert [limiter.take(one, "mia"), limiter.take(one, "tom"), limiter.take(two, "mia")] == [None, None, None]
    assert limiter.take(one, "mia") is not None


def test_credentials_are_guarded_more_strictly_by_a_process_alone() -> None:
    assert Zone("auth", Rate(5, 60)).while_alone == 2
    assert Zone("auth", Rate(1, 60)).while_alone == 1
    assert Zone("api", Rate(5, 60)).while_alone == 5


def test_the_local_count_does_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_MOST_KEYS", 10)
    limiter, zone = LocalLimiter(Clock()), Zone("api", Rate(1, 60))
    for number in range(1000):
        limiter.take(zone, f"a:{number}")
    assert len(limiter._counts) <= 10


def test_a_plugins_zone_is_its_own_and_a_core_setting_overrides_its_rate() -> None:
    zones = Zones(LimitSettings(youtube=Rate(7, 60)))
    limits = {"own": Limit("own", "3/hour"), "tube": Limit("tube", "5/hour", setting="youtube")}
    assert zones.of_plugin("p", limits, "own") == Zone("p.own", Rate(3, 3600))
    assert zones.of_plugin("p", limits, "tube") == Zone("p.tube", Rate(7, 60))
    assert zones.of_plugin("p", limits, "auth") == zones.core("auth")
    with pytest.raises(KeyError):
        zones.of_plugin("p", limits, "none")


def test_a_refusal_never_names_a_wait_longer_than_the_window() -> None:
    refusal = Refusal(Zone("api", Rate(5, 60)), 61.7)
    assert refusal.error().retry_after == 60
    assert (b"ratelimit", b'"api";r=0;t=60') in refusal.headers()
