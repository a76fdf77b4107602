"""Health and readiness over real servers, with plugins whose checks behave as badly as they can."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from medianest_hub.infrastructure import metrics
from medianest_hub.plugin_api import CheckResult, HealthCheck
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_hub.plugin_host import health as health_module
from tests.integration.health.conftest import DEGRADED, DOWN, OK, OpenReplica, Scripted, worker_seen


async def test_all_well(replica: OpenReplica) -> None:
    one = await replica(HealthCheck("api", Scripted()))
    await worker_seen(one.db)
    report = await one.health.report()
    assert report.status is OK
    assert [result.name for result in report.checks] == ["postgres", "redis", "disk", "worker", "api"]
    assert all(0 <= result.latency < 5 for result in report.checks)
    assert await one.health.ready() == health_module.Readiness(True, [])


@pytest.mark.parametrize("silent", [None, 300.0])
async def test_no_worker_is_degraded_and_says_what_to_do(replica: OpenReplica, silent: float | None) -> None:
    one = await replica()
    if silent is not None:
        await worker_seen(one.db, silent)
    found = (await one.core())["worker"]
    assert found.status is DEGRADED
    assert "medianest worker" in found.detail
    assert (await one.health.report()).status is DEGRADED


async def test_a_full_disk_is_said_early(replica: OpenReplica, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await replica()
    monkeypatch.setattr(health_module, "DISK_DEGRADED", 1 << 62)
    found = (await one.core())["disk"]
    assert found.status is DEGRADED
    assert "free" in found.detail
    assert found.data["free_bytes"] > 0


async def test_without_redis_the_hub_is_degraded_but_ready(replica: OpenReplica, valkey_server: Any) -> None:
    check = Scripted(DEGRADED)
    one = await replica(HealthCheck("api", check), redis=valkey_server.url)
    await worker_seen(one.db)
    valkey_server.stop()
    report = await one.health.report()
    assert report.status is DEGRADED
    assert (await one.core())["redis"].status is DEGRADED
    assert (await one.plugins())["api"].status is DEGRADED  # run here, since nobody can be asked
    readiness = await one.health.ready()
    assert readiness.ready
    assert "Redis" in readiness.reasons[0]


async def test_without_postgres_it_is_down_and_not_ready_and_comes_back(
    replica: OpenReplica, own_postgres: Any
) -> None:
    one = await replica(postgres=own_postgres.url)
    await worker_seen(one.db)
    assert (await one.health.ready()).ready
    own_postgres.stop()
    async with asyncio.timeout(10):
        while (await one.health.ready()).ready:
            await asyncio.sleep(0.02)
    report = await one.health.report()
    assert report.status is DOWN
    own_postgres.start()
    own_postgres.wait_ready()
    async with asyncio.timeout(10):
        while not (await one.health.ready()).ready:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM medianest.migrations WHERE app = 'medianest'", "medianest migrate"),
        (
            "INSERT INTO medianest.migrations (app, name, hub_version) VALUES ('medianest', 'zzz_20990101T000000', '9')",
            "newer",
        ),
    ],
    ids=["behind", "newer"],
)
async def test_a_schema_that_does_not_fit_is_not_ready(replica: OpenReplica, change: str, words: str) -> None:
    one = await replica()
    await one.db.execute(change)
    readiness = await one.health.ready()
    assert not readiness.ready
    assert words in readiness.reasons[0]


async def test_being_asked_often_is_not_work(replica: OpenReplica) -> None:
    check = Scripted()
    one = await replica(HealthCheck("api", check, ttl=60))
    for _ in range(20):
        await asyncio.gather(one.health.report(), one.health.ready())
    assert check.runs == 1


async def test_a_check_runs_once_over_all_replicas(replica: OpenReplica) -> None:
    check = Scripted()
    check.gate.clear()
    one, two = await replica(HealthCheck("api", check, ttl=60)), await replica(HealthCheck("api", check, ttl=60))
    asking = [asyncio.create_task(asked.plugins()) for asked in (one, two) for _ in range(5)]
    await check.ran.wait()
    await asyncio.sleep(0.1)  # the other replica has had its chance
    check.gate.set()
    found = await asyncio.gather(*asking)
    assert check.runs == 1
    assert {results["api"].detail for results in found} == {"run 1"}


async def test_what_is_out_of_date_is_shown_at_once_and_found_out_anew_behind_it(replica: OpenReplica) -> None:
    check = Scripted()
    one = await replica(HealthCheck("api", check, ttl=0.05, timeout=5))
    assert (await one.plugins())["api"].detail == "run 1"
    await asyncio.sleep(0.06)
    check.gate.clear()
    check.ran.clear()
    async with asyncio.timeout(1):
        assert (await one.plugins())["api"].detail == "run 1"
    await check.ran.wait()
    check.gate.set()
    async with asyncio.timeout(2):
        while (await one.plugins())["api"].detail == "run 1":
            await asyncio.sleep(0.01)


async def raises(_ctx: Any) -> CheckResult:
    raise ValueError("token s3cret refused")


async def raises_for_people(_ctx: Any) -> CheckResult:
    raise UpstreamError("The weather service answered 500.", service="weather")


async def hangs(_ctx: Any) -> CheckResult:
    await asyncio.Event().wait()
    raise AssertionError


async def answers_nothing(_ctx: Any) -> Any:
    return None


async def answers_otherwise(_ctx: Any) -> Any:
    return {"status": "ok"}


async def cancels_itself(_ctx: Any) -> CheckResult:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (raises, "failed (ValueError)"),
        (raises_for_people, "The weather service answered 500."),
        (hangs, "no answer within 0.1 s"),
        (answers_nothing, "failed (TypeError)"),
        (answers_otherwise, "answered dict instead of CheckResult"),
        (cancels_itself, "failed (CancelledError)"),
    ],
)
async def test_a_check_that_misbehaves_is_down_with_words(
    replica: OpenReplica, check: Callable[[Any], Awaitable[CheckResult]], words: str
) -> None:
    one = await replica(HealthCheck("bad", check, timeout=0.1), HealthCheck("good", Scripted()))
    await worker_seen(one.db)
    found = await one.plugins()
    assert found["bad"].status is DOWN
    assert words in found["bad"].detail
    assert "s3cret" not in found["bad"].detail
    assert found["good"].status is OK
    assert (await one.health.report()).status is DEGRADED  # an outside service that is down does not take the hub down


async def test_a_check_that_cannot_be_stopped_is_not_started_again_and_holds_nothing_up(replica: OpenReplica) -> None:
    let_go, started = asyncio.Event(), 0

    async def stubborn(_ctx: Any) -> CheckResult:
        nonlocal started
        started += 1
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return CheckResult()

    one = await replica(HealthCheck("stubborn", stubborn, timeout=0.05, ttl=0.05))
    async with asyncio.timeout(3):
        assert (await one.plugins())["stubborn"].status is DOWN
        while "still hangs" not in (await one.plugins())["stubborn"].detail:
            await asyncio.sleep(0.02)
        assert started == 1
        let_go.set()
        while (await one.plugins())["stubborn"].status is DOWN:
            await asyncio.sleep(0.02)


async def test_details_and_data_are_bounded(replica: OpenReplica) -> None:
    async def chatty(_ctx: Any) -> CheckResult:
        return CheckResult(detail="x" * 100_000, data={f"k{n}": "v" * 100 for n in range(1000)})

    one = await replica(HealthCheck("chatty", chatty))
    found = (await one.plugins())["chatty"]
    assert len(found.detail) <= 500
    assert found.data == {}


async def test_a_disabled_plugins_checks_vanish(replica: OpenReplica) -> None:
    check = Scripted(DOWN)
    one = await replica(HealthCheck("vanishing", check, ttl=60))
    await one.plugins()
    labels = {"plugin": "weather", "check": "vanishing"}
    assert metrics.registry.get_sample_value("medianest_health", labels) == 0
    runtime = one.host.runtimes["weather"]
    await runtime.stop()
    assert await one.plugins() == {}
    assert metrics.registry.get_sample_value("medianest_health", labels) is None


async def test_new_settings_are_checked_anew(replica: OpenReplica) -> None:
    check = Scripted()
    one = await replica(HealthCheck("api", check, ttl=60))
    await one.plugins()
    one.host.runtimes["weather"].generation += 1
    assert (await one.plugins())["api"].detail == "run 2"


async def test_a_clock_set_back_does_not_keep_old_results_fresh(replica: OpenReplica) -> None:
    check = Scripted()
    one = await replica(HealthCheck("api", check, ttl=60))
    before = (await one.plugins())["api"]
    one.health._plugin_checks._now = lambda: before.at - 3600
    await one.plugins()
    async with asyncio.timeout(2):
        while check.runs < 2:
            await asyncio.sleep(0.01)
    assert before.age(before.at - 3600) == 0


@pytest.mark.parametrize("rubbish", ["", "{}", "[]", "null", '{"status": "splendid"}', "\x00"], ids=ascii)
async def test_rubbish_in_redis_is_as_good_as_nothing(replica: OpenReplica, rubbish: str) -> None:
    check = Scripted()
    one = await replica(HealthCheck("api", check))
    await one.redis.call("SET", "mn:health:weather:main:api", rubbish)
    assert (await one.plugins())["api"].detail == "run 1"
