"""Never more than the limit in any window of its length: for any rhythm of requests, and over processes of their own."""

import asyncio
import time
from bisect import bisect_left
from dataclasses import dataclass

import aiohttp
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.settings import Rate
from medianest_hub.web.rate_limits import LocalLimiter, Zone
from medianest_hub.web.redis_trip import ASK, Question

from .web_processes import StartProcess

CLOCK = "mn:test:clock"
SCRIPT = ASK.source.replace("redis.call('TIME')", f"redis.call('LRANGE', '{CLOCK}', 0, -1)")
"""The limiter with a clock that the test sets; nothing else of it is changed."""

BEGIN = 1_795_000_000_000
"""The clock's first reading, in milliseconds."""

rates = st.builds(Rate, st.integers(1, 12) | st.integers(129, 140), st.sampled_from([1, 2, 60, 3600]))


@dataclass(frozen=True)
class Arrival:
    """`count` requests at once, `gap` of a window (in thousandths) after those before."""

    gap: int
    count: int


arrivals = st.lists(
    st.builds(Arrival, st.sampled_from([0, 0, 1, 2]) | st.integers(0, 1200), st.integers(1, 3) | st.integers(1, 150)),
    min_size=1,
    max_size=40,
)


def fullest(let_in: list[int], window: int) -> int:
    """The most requests in any window of that many milliseconds; `let_in` in order."""
    return max((index + 1 - bisect_left(let_in, at - window + 1) for index, at in enumerate(let_in)), default=0)


@pytest.fixture(scope="module")
def client(shared_valkey: EmbeddedValkey) -> redis.Redis:
    return redis.Redis.from_url(shared_valkey.url)


@given(rate=rates, schedule=arrivals, offset=st.integers(0, 3_600_000))
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_rhythm_gets_more_than_the_limit_into_any_window(
    client: redis.Redis, rate: Rate, schedule: list[Arrival], offset: int
) -> None:
    zone = Zone("api", rate)
    question = Question((zone,), "p:property")
    window, now = rate.seconds * 1000, BEGIN + offset
    client.delete(*question.keys)
    with client.pipeline(transaction=False) as pipe:
        times: list[int] = []
        for arrival in schedule:
            now += arrival.gap * window // 1000
            times.append(now)
            pipe.delete(CLOCK)
            pipe.rpush(CLOCK, now // 1000, now % 1000 * 1000)
            # The key lives by the server's own clock, which stands still here.
            pipe.eval(SCRIPT, 1, *question.keys, 1, arrival.count, *question.packed, b"")
            pipe.persist(question.keys[0])
        replies = pipe.execute()[2::4]
    let_in: list[int] = []
    for at, arrival, [reply] in zip(times, schedule, replies, strict=True):
        granted, refused, wait, *_, tight, left, reset = reply
        let_in += [at] * granted
        assert granted <= arrival.count
        assert (refused == 1) == (granted < arrival.count)
        assert tight == 1
        assert 0 <= left <= rate.count
        assert not refused or (left == 0 and 0 < wait == reset)
    assert fullest(let_in, window) <= rate.count
    assert len(let_in) >= min(rate.count, sum(arrival.count for arrival in schedule))


@given(rate=rates, schedule=st.lists(st.tuples(st.integers(-90, 90), st.integers(1, 20)), min_size=2, max_size=20))
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_clock_that_is_set_does_not_open_the_gate(
    client: redis.Redis, rate: Rate, schedule: list[tuple[int, int]]
) -> None:
    """Set back by less than a window, time only seems to pass more slowly: what was counted goes on counting."""
    question = Question((Zone("api", rate),), "p:clock")
    window, now = rate.seconds * 1000, BEGIN
    client.delete(*question.keys)
    granted = 0
    for step, count in schedule:
        now = max(BEGIN, now + step * window // 100)
        if now >= BEGIN + window:
            break
        client.delete(CLOCK)
        client.rpush(CLOCK, now // 1000, now % 1000 * 1000)
        [reply] = client.eval(SCRIPT, 1, *question.keys, 1, count, *question.packed, b"")  # type: ignore[misc]
        client.persist(question.keys[0])
        granted += reply[0]
    assert granted <= rate.count


@given(rate=rates, schedule=arrivals, offset=st.integers(0, 3_600_000), name=st.sampled_from(["api", "auth"]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_rhythm_gets_more_than_the_limit_out_of_a_process_alone(
    rate: Rate, schedule: list[Arrival], offset: int, name: str
) -> None:
    """While Redis is away; `auth` is then stricter."""
    zone, window, now = Zone(name, rate), rate.seconds * 1000, BEGIN + offset
    limiter = LocalLimiter(lambda: now / 1000)
    let_in: list[int] = []
    for arrival in schedule:
        now += arrival.gap * window // 1000
        let_in += [now for _ in range(arrival.count) if limiter.take(zone, "a:192.0.2.1") is None]
    most = max(1, rate.count // 2) if name == "auth" else rate.count
    assert fullest(let_in, window) <= most
    assert len(let_in) >= min(most, sum(arrival.count for arrival in schedule))


LIMIT = 20
LONG = 3.5


async def test_three_processes_together_let_no_window_see_more_than_the_limit(start_process: StartProcess) -> None:
    """Each asked as fast as it answers, over several windows; a request was let in at some time between its two ends."""
    processes = await asyncio.gather(*(start_process(limits__api=f"{LIMIT}/second") for _ in range(3)))
    for one in processes:
        await one.until("/api/health/ready", 200)
    ends: list[tuple[float, float]] = []
    per_process = [0, 0, 0]
    stop = time.monotonic() + LONG

    async def hammer(session: aiohttp.ClientSession, which: int) -> None:
        while (sent := time.monotonic()) < stop:
            async with session.get(f"{processes[which].url}/api/v1/naps/sleep/0") as reply:
                await reply.read()
            if reply.status == 200:
                ends.append((sent, time.monotonic()))
                per_process[which] += 1
            else:
                assert reply.status == 429

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(hammer(session, which) for which in (0, 1, 2) for _ in range(4)))
    assert all(per_process)
    assert len(ends) >= 2 * LIMIT
    ends.sort()
    for index, (sent, _) in enumerate(ends):
        inside = sum(1 for _, answered in ends[index:] if answered - sent < 1.0)
        assert inside <= LIMIT
