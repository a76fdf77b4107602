"""The fake upstream does on the wire what each fault says: checked with a client nobody here wrote."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from medianest_hub.testing import FakeUpstream, Fault


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.4)) as session:
        yield session


async def test_answers_come_in_order_and_the_last_one_stays(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.answer("GET", "/word", status=503, headers={"Retry-After": "1"})
    fake_upstream.answer("GET", "/word", json={"word": "sunny"})
    statuses = []
    for _ in range(3):
        async with client.get(f"{fake_upstream.url}/word?lang=en", headers={"X-Api-Key": "k"}) as answer:
            statuses.append((answer.status, await answer.text()))
    assert statuses == [(503, ""), (200, '{"word": "sunny"}'), (200, '{"word": "sunny"}')]
    first = fake_upstream.requests[0]
    assert (first.path, first.query, first.headers["x-api-key"]) == ("/word", {"lang": "en"}, "k")


async def test_what_nobody_scripted_is_404_and_listed(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    async with client.post(f"{fake_upstream.url}/other", json={"a": 1}) as answer:
        assert answer.status == 404
    assert fake_upstream.unexpected == ["POST /other"]
    assert fake_upstream.requests[0].json() == {"a": 1}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.HANG, TimeoutError),
        (Fault.RESET, aiohttp.ClientOSError),
        (Fault.EMPTY, aiohttp.ServerDisconnectedError),
        (Fault.GARBAGE, aiohttp.ClientResponseError),
        (Fault.CUT, aiohttp.ClientPayloadError),
        (Fault.DRIP, TimeoutError),
        (Fault.ENDLESS, TimeoutError),
    ],
)
async def test_each_fault_is_met_as_itself(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession, fault: Fault, error: type[Exception]
) -> None:
    fake_upstream.answer("GET", "/file", body=b"x" * 1000, fault=fault)
    with pytest.raises(error):
        async with client.get(f"{fake_upstream.url}/file") as answer:
            await answer.read()


async def test_a_delayed_answer_comes_late_and_stopping_does_not_wait_for_it(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.answer("GET", "/slow", delay=0.1, body="late")
    fake_upstream.answer("GET", "/slow", delay=60)
    began = time.monotonic()
    async with client.get(f"{fake_upstream.url}/slow") as answer:
        assert await answer.text() == "late"
    assert time.monotonic() - began >= 0.1
    waiting = asyncio.ensure_future(client.get(f"{fake_upstream.url}/slow"))
    await fake_upstream.seen(2)
    began = time.monotonic()
    await fake_upstream.stop()
    assert time.monotonic() - began < 2
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        await waiting


async def test_a_stopped_upstream_is_unreachable_and_comes_back_where_it_was(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.answer("GET", "/word", json={})
    await fake_upstream.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(f"{fake_upstream.url}/word")
    await fake_upstream.restart()
    async with client.get(f"{fake_upstream.url}/word") as answer:
        assert answer.status == 200
