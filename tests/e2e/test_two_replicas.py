"""Two web processes on one Postgres and one Valkey behave as one: limits are shared exactly, and who is out is out of both."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import socketio

from medianest_hub.testing.hub import PASSWORD, Hub, HubClient, HubProcess, run_hub
from tests.replicas import second_web

SESSION = "/api/v1/auth/session"
LIMIT = 60


@pytest.fixture
def process(short_folder: Path) -> Iterator[HubProcess]:
    with run_hub(short_folder, {"limits": {"api": f"{LIMIT}/minute"}}) as hub:
        yield hub


@pytest.fixture
async def hub(process: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(process) as hub:
        yield hub


@pytest.fixture
async def other(hub: Hub) -> AsyncIterator[str]:
    """The second replica's address."""
    with second_web(hub.process) as url:
        yield url


async def sign_in(hub: Hub) -> str:
    """A new session of the admin's; its access token."""
    reply = await hub.stranger.post("/api/v1/auth/login", json={"username": "ada", "password": PASSWORD})
    assert reply.status == 200
    token: str = reply.json()["access_token"]
    return token


async def test_a_limit_is_shared_exactly(hub: Hub, other: str) -> None:
    mia = await hub.person("mia")
    there = HubClient(hub.session, other, mia.token)
    answers = await asyncio.gather(*(client.get(SESSION) for client in (mia, there) for _ in range(LIMIT)))
    assert Counter(answer.status for answer in answers) == {200: LIMIT, 429: LIMIT}
    refused = next(answer for answer in answers if answer.status == 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"api";r=0;t=')


async def test_a_session_ended_on_one_is_refused_on_the_other_within_a_second_sockets_too(hub: Hub, other: str) -> None:
    token, staying = await sign_in(hub), await sign_in(hub)
    here, there = HubClient(hub.session, hub.url, token), HubClient(hub.session, other, token)
    closed = asyncio.Event()
    client = socketio.AsyncClient(reconnection=False)
    client.on("disconnect", lambda *_: closed.set())
    await client.connect(other, auth={"token": token}, transports=["websocket"])
    bystander = socketio.AsyncClient(reconnection=False)
    await bystander.connect(other, auth={"token": staying}, transports=["websocket"])
    try:
        assert (await there.get(SESSION)).status == 200
        assert (await here.post("/api/v1/auth/logout")).status == 204
        ended = time.monotonic()
        refused = await there.until(SESSION, lambda reply: reply.status == 401, within=1.0)
        assert refused.json()["code"] == "session_ended"
        async with asyncio.timeout(ended + 1.0 - time.monotonic()):
            await closed.wait()
        assert bystander.connected
        assert (await HubClient(hub.session, other, staying).get(SESSION)).status == 200
    finally:
        await client.disconnect()
        await bystander.disconnect()


async def test_an_access_token_refused_on_one_replica_is_never_revived_by_the_other(hub: Hub, other: str) -> None:
    token = await sign_in(hub)
    here, there = HubClient(hub.session, hub.url, token), HubClient(hub.session, other, token)
    stop = asyncio.Event()

    async def keep_asking() -> None:
        """Fills caches at the very moment the session ends."""
        while not stop.is_set():
            await there.get(SESSION)

    asking = asyncio.create_task(keep_asking())
    try:
        assert (await here.post("/api/v1/auth/logout")).status == 204
        await there.until(SESSION, lambda reply: reply.status == 401, within=1.0)
    finally:
        stop.set()
        await asking
    assert {(await client.get(SESSION)).status for client in (here, there) for _ in range(3)} == {401}
