"""What is said of changes: once down and once up, over all replicas, restarts and new settings."""

import asyncio
from typing import Any

import pytest

from medianest_hub.infrastructure import metrics
from medianest_hub.plugin_api import HealthCheck, HealthStatus
from medianest_hub.plugin_api.errors import AuthFailed
from medianest_hub.plugin_host import health as health_module
from medianest_hub.plugin_host.states import PluginState
from tests.integration.health.conftest import DEGRADED, DOWN, OK, OpenReplica, Replica, Scripted, worker_seen


def said(check: str, status: str, plugin: str = "weather", instance: str = "main") -> dict[str, Any]:
    return {"plugin": plugin, "instance": instance, "check": check, "status": status}


async def status_of_api(asked: Replica) -> HealthStatus | None:
    """None while the plugin is between two generations and has no checks."""
    found = (await asked.plugins()).get("api")
    return found.status if found is not None else None


async def until(status: HealthStatus, *replicas: Replica) -> None:
    async with asyncio.timeout(5):
        while {await status_of_api(asked) for asked in replicas} != {status}:
            await asyncio.sleep(0.02)


async def heard(one: Replica, *events: dict[str, Any]) -> None:
    """Exactly these were told of their checks, the last of them perhaps in a moment."""
    checks = {event["check"] for event in events}

    async def told() -> list[dict[str, Any]]:
        return [event for event in await one.events() if event["check"] in checks]

    async with asyncio.timeout(5):
        while len(await told()) < len(events):
            await asyncio.sleep(0.02)
    assert await told() == list(events)


async def new_generation(one: Replica) -> None:
    """As after new settings: the plugin is started anew."""
    runtime = one.host.runtimes["weather"]
    assert runtime.plugin is not None
    await runtime.start(runtime.generation + 1, runtime.plugin.info.settings())
    await runtime.settled()
    assert runtime.running


async def test_open_pages_hear_of_each_change_once(replica: OpenReplica) -> None:
    check = Scripted()
    declared = HealthCheck("api", check, ttl=0.05)
    one, two = await replica(declared), await replica(declared)

    async def until(status: HealthStatus) -> None:
        async with asyncio.timeout(5):
            while {await status_of_api(asked) for asked in (one, two)} != {status}:
                await asyncio.sleep(0.02)

    await until(OK)
    assert await one.events() == []
    for status in (DOWN, OK):
        check.status = status
        await until(status)
        runs = check.runs
        while check.runs < runs + 2:  # goes on unchanged for a while
            await asyncio.gather(one.plugins(), two.plugins())
            await asyncio.sleep(0.02)
    assert await one.events() == [
        {"plugin": "weather", "instance": "main", "check": "api", "status": status} for status in ("down", "ok")
    ]


async def test_changes_are_noticed_while_nobody_asks(replica: OpenReplica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "LOOK_SECONDS", 0.05)
    check = Scripted(DOWN)
    one = await replica(HealthCheck("api", check, ttl=0.05))
    await one.health.start()
    async with asyncio.timeout(5):
        while not await one.events():
            await asyncio.sleep(0.02)
    labels = {"plugin": "weather", "check": "api"}
    assert metrics.registry.get_sample_value("medianest_health", labels) == 0


async def test_a_recovery_after_new_settings_is_told_and_what_stayed_down_is_not_told_again(
    replica: OpenReplica,
) -> None:
    check = Scripted(DOWN)
    one = await replica(HealthCheck("api", check, ttl=60))
    await until(DOWN, one)
    await new_generation(one)
    await until(DOWN, one)
    check.status = OK
    await new_generation(one)
    await until(OK, one)
    await heard(one, said("api", "down"), said("api", "ok"))


async def test_a_recovery_after_a_restart_is_told_and_what_stayed_down_is_not_told_again(replica: OpenReplica) -> None:
    check = Scripted(DOWN)
    declared = HealthCheck("api", check, ttl=0.05)
    first = await replica(declared)
    await until(DOWN, first)
    await first.health.stop()
    await first.host.stop()
    second = await replica(declared)
    await new_generation(second)
    await until(DOWN, second)
    await second.health.stop()
    await second.host.stop()
    check.status = OK
    third = await replica(declared)
    await new_generation(third)
    await until(OK, third)
    await heard(third, said("api", "down"), said("api", "ok"))


async def test_a_plugin_switched_off_and_on_begins_anew(replica: OpenReplica) -> None:
    check = Scripted(DOWN)
    one = await replica(HealthCheck("api", check, ttl=60))
    await until(DOWN, one)
    await one.host.runtimes["weather"].stop()
    await new_generation(one)
    await until(DOWN, one)
    await heard(one, said("api", "down"), said("api", "down"))


async def test_what_was_told_while_redis_was_away_is_taken_back_when_it_is_there_again(
    replica: OpenReplica, valkey_server: Any
) -> None:
    check = Scripted()
    one = await replica(HealthCheck("api", check, ttl=0.05), redis=valkey_server.url)
    await until(OK, one)
    valkey_server.stop()
    check.status = DOWN
    await until(DOWN, one)
    valkey_server.start()
    valkey_server.wait_ready()
    async with asyncio.timeout(10):
        while one.redis.is_away:
            await asyncio.sleep(0.02)
    check.status = OK
    await until(OK, one)
    await heard(one, said("api", "down"), said("api", "ok"))


async def test_the_hubs_own_checks_are_told_too_once_over_all_replicas(
    replica: OpenReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "CORE_TTL", 0.0)
    one, two = await replica(), await replica()
    await worker_seen(one.db)

    async def look() -> None:
        for _ in range(2):
            for asked in (one, two):
                await asked.core()

    await look()
    assert await one.events() == []
    await worker_seen(one.db, 300)
    await look()
    await worker_seen(one.db)
    await look()
    await heard(one, *(said("worker", status, "", "") for status in ("degraded", "ok")))


async def test_a_recovery_of_the_hubs_own_over_a_restart_is_told(replica: OpenReplica) -> None:
    first = await replica()
    await worker_seen(first.db, 300)
    await first.core()
    second = await replica()
    await worker_seen(second.db)
    await second.core()
    await heard(second, said("worker", "ok", "", ""))


async def test_redis_away_and_back_is_told(
    replica: OpenReplica, valkey_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "CORE_TTL", 0.0)
    one = await replica(redis=valkey_server.url)
    await one.core()
    valkey_server.stop()
    await one.core()
    valkey_server.start()
    valkey_server.wait_ready()
    async with asyncio.timeout(10):
        while (await one.core())["redis"].status is not OK:
            await asyncio.sleep(0.02)
    await heard(one, *(said("redis", status, "", "") for status in ("degraded", "ok")))


@pytest.mark.parametrize("state", [PluginState.RETRYING, PluginState.NEEDS_ATTENTION, PluginState.FAILED])
async def test_an_enabled_plugin_that_cannot_run_degrades_the_whole_with_its_reason(
    replica: OpenReplica, state: PluginState
) -> None:
    one = await replica(HealthCheck("api", Scripted()))
    await worker_seen(one.db)
    assert (await one.health.report()).status is OK
    await one.host.runtimes["weather"].stop(state, "start-up raised ValueError")
    report = await one.health.report()
    assert report.status is DEGRADED
    found = {result.name: result for result in report.checks if result.plugin}
    assert list(found) == ["running"]
    assert "start-up raised ValueError" in found["running"].detail
    await one.host.runtimes["weather"].stop()
    assert (await one.health.report()).status is OK


async def test_a_plugin_that_runs_here_and_cannot_in_another_process_degrades_the_whole(
    replica: OpenReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "CORE_TTL", 0.0)
    one, two = await replica(HealthCheck("api", Scripted())), await replica(HealthCheck("api", Scripted()))
    await worker_seen(one.db)
    assert (await one.health.report()).status is OK
    runtime = two.host.runtimes["weather"]
    assert runtime.give_up(runtime.generation, AuthFailed("The token is refused."))
    await two.host.reconcile()
    found = await one.plugins()
    assert set(found) == {"api", "running"}
    assert (found["api"].status, found["running"].status) == (OK, DEGRADED)
    assert "needs attention" in found["running"].detail
    assert "The token is refused." in found["running"].detail
    await one.host.wanted.set_enabled("weather", enabled=True)
    async with asyncio.timeout(5):
        while "running" in await one.plugins():
            await asyncio.sleep(0.02)
