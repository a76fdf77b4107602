"""A service that keeps failing is left alone for a while, each plugin's by itself; no service takes all connections."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.http_client import Breaker, HttpClients
from medianest_hub.infrastructure.http_client.clients import CALLS_AT_ONCE
from medianest_hub.plugin_api.errors import AuthFailed, Unavailable, UpstreamError, UpstreamTimeout
from medianest_hub.testing import FakeUpstream, Fault


@pytest_asyncio.fixture
async def clients() -> AsyncIterator[HttpClients]:
    made = HttpClients()
    yield made
    await made.close()


def cool_down(clients: HttpClients, plugin: str, service: str, seconds: float) -> None:
    """Shorten the wait of that service's breaker."""
    breaker = clients.service(plugin, "main", service).breaker
    breaker._first_cool_down = breaker._cool_down = seconds


async def test_a_service_that_keeps_failing_is_held_back_and_comes_back_by_itself(
    clients: HttpClients, fake_upstream: FakeUpstream
) -> None:
    http = clients.client("weather")
    cool_down(clients, "weather", "w", 0.1)
    fake_upstream.answer("POST", "/word", status=500)
    for _ in range(5):
        with pytest.raises(UpstreamError):
            await http.request("POST", f"{fake_upstream.url}/word", service="w")
    with pytest.raises(Unavailable) as held_back:
        await http.request("POST", f"{fake_upstream.url}/word", service="w")
    assert held_back.value.error_code == "service_down"
    assert held_back.value.retry_after is not None
    assert len(fake_upstream.requests) == 5
    open_now = metrics.registry.get_sample_value("medianest_breaker_open", {"plugin": "weather", "service": "w"})
    assert open_now == 1

    fake_upstream.forget()
    fake_upstream.answer("POST", "/word")
    async with asyncio.timeout(3):
        while True:
            try:
                await http.request("POST", f"{fake_upstream.url}/word", service="w")
                break
            except Unavailable as again:
                await asyncio.sleep(again.retry_after or 0)
    assert (await http.request("POST", f"{fake_upstream.url}/word", service="w")).status == 200


async def test_another_plugin_and_another_instance_are_not_held_back(
    clients: HttpClients, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/bad", status=500)
    fake_upstream.answer("GET", "/good")
    for _ in range(5):
        with pytest.raises(UpstreamError):
            await clients.client("weather").request("GET", f"{fake_upstream.url}/bad", retries=0)
    with pytest.raises(Unavailable):
        await clients.client("weather").request("GET", f"{fake_upstream.url}/good")
    assert (await clients.client("other").request("GET", f"{fake_upstream.url}/good")).status == 200
    assert (await clients.client("weather", "second").request("GET", f"{fake_upstream.url}/good")).status == 200


async def test_answers_that_are_only_unwelcome_do_not_count(clients: HttpClients, fake_upstream: FakeUpstream) -> None:
    http = clients.client("weather")
    for status in (401, 404, 429):
        fake_upstream.answer("POST", f"/{status}", status=status)
        for _ in range(6):
            with pytest.raises((UpstreamError, AuthFailed)):
                await http.request("POST", f"{fake_upstream.url}/{status}")
    assert len(fake_upstream.requests) == 18


async def test_hanging_counts(clients: HttpClients, fake_upstream: FakeUpstream) -> None:
    http = clients.client("weather")
    fake_upstream.answer("GET", "/word", fault=Fault.HANG)
    for _ in range(5):
        with pytest.raises(UpstreamTimeout):
            await http.request("GET", f"{fake_upstream.url}/word", deadline=0.05)
    with pytest.raises(Unavailable):
        await http.request("GET", f"{fake_upstream.url}/word", deadline=0.05)


async def test_a_caller_who_leaves_does_not_count(clients: HttpClients, fake_upstream: FakeUpstream) -> None:
    http = clients.client("weather")
    fake_upstream.answer("GET", "/word", fault=Fault.HANG)
    calls = [asyncio.create_task(http.request("GET", f"{fake_upstream.url}/word")) for _ in range(8)]
    await fake_upstream.seen(8)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    fake_upstream.answer("GET", "/good")
    assert (await http.request("GET", f"{fake_upstream.url}/good")).status == 200


async def test_the_first_trial_after_an_outage_is_one_call_though_many_wait(
    clients: HttpClients, fake_upstream: FakeUpstream
) -> None:
    http = clients.client("weather")
    state = clients.service("weather", "main", "w")
    state.breaker = Breaker(threshold=1, cool_down=0.01)
    fake_upstream.answer("GET", "/bad", status=500)
    with pytest.raises(UpstreamError):
        await http.request("GET", f"{fake_upstream.url}/bad", service="w", retries=0)
    await asyncio.sleep(0.02)
    fake_upstream.forget()
    fake_upstream.answer("GET", "/word", delay=0.1)
    results = await asyncio.gather(
        *(http.request("GET", f"{fake_upstream.url}/word", service="w") for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, Unavailable) for result in results) == 9
    assert len(fake_upstream.requests) == 1


async def test_one_service_has_only_so_many_calls_under_way(clients: HttpClients, fake_upstream: FakeUpstream) -> None:
    http = clients.client("weather")
    fake_upstream.answer("GET", "/slow", fault=Fault.HANG)
    calls = [
        asyncio.create_task(http.request("GET", f"{fake_upstream.url}/slow", deadline=0.6, service="slow"))
        for _ in range(CALLS_AT_ONCE + 4)
    ]
    await fake_upstream.seen(CALLS_AT_ONCE)
    fake_upstream.answer("GET", "/quick")
    assert (await http.request("GET", f"{fake_upstream.url}/quick", service="quick")).status == 200
    slow = [seen for seen in fake_upstream.requests if seen.path == "/slow"]
    assert len(slow) == CALLS_AT_ONCE
    results = await asyncio.gather(*calls, return_exceptions=True)
    # Those that still waited when the others had failed are held back.
    assert all(isinstance(result, (UpstreamTimeout, Unavailable)) for result in results)
