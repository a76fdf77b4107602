"""The whole hub, as an operator runs it, while its parts are killed, stopped and restarted under load."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from medianest_hub.testing.hub import Hub, HubProcess, run_hub
from tests.e2e.processes_of_a_hub import alive, child, family

SESSION = "/api/v1/auth/session"


@pytest.fixture
def process(short_folder: Path) -> Iterator[HubProcess]:
    with run_hub(short_folder, {}) as hub:
        yield hub


@pytest.fixture
async def hub(process: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(process) as hub:
        yield hub


async def until(what: Callable[[], object], limit: float = 20.0) -> None:
    async with asyncio.timeout(limit):
        while not what():
            await asyncio.sleep(0.05)


async def answers(hub: Hub, path: str = SESSION, limit: float = 30.0) -> float:
    """Wait until the admin gets a good answer again; how long it took."""
    began = time.monotonic()
    async with asyncio.timeout(limit):
        while True:
            try:
                if (await hub.admin.get(path)).status == 200:
                    return time.monotonic() - began
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def test_web_killed_during_requests_comes_back_and_people_stay_signed_in(hub: Hub) -> None:
    before = child(hub.process, "web")
    seen: list[int] = []

    async def ask() -> None:
        while child_pid(hub) == before.pid:
            try:
                seen.append((await hub.admin.get(SESSION)).status)
            except aiohttp.ClientError:
                return

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    await until(lambda: len(seen) > 50)
    before.kill()
    await asyncio.gather(*asking)
    await answers(hub)
    assert set(seen) == {200}
    assert child(hub.process, "web").pid != before.pid


def child_pid(hub: Hub, role: str = "web") -> int | None:
    try:
        return child(hub.process, role).pid
    except LookupError:
        return None


async def test_worker_killed_is_replaced_and_health_says_so_meanwhile(hub: Hub) -> None:
    before = child(hub.process, "worker")
    before.kill()
    await until(lambda: child_pid(hub, "worker") not in (None, before.pid))
    assert (await hub.admin.get(SESSION)).status == 200


async def test_postgres_killed_is_started_again_and_nothing_is_lost(hub: Hub) -> None:
    before = child(hub.process, "postgres")
    before.send_signal(signal.SIGQUIT)
    reply = await hub.admin.post("/api/v1/plugins/youtube/disable")
    assert reply.status in (200, 202, 503)
    await answers(hub, "/api/v1/plugins")
    assert child(hub.process, "postgres").pid != before.pid
    assert (await hub.stranger.get("/api/health/ready")).status == 200


async def test_valkey_stopped_for_ten_seconds_leaves_the_hub_degraded_but_working(hub: Hub) -> None:
    valkey = child(hub.process, "valkey")
    valkey.suspend()
    try:
        ends = time.monotonic() + 10
        statuses = set()
        while time.monotonic() < ends:
            statuses.add((await hub.admin.get(SESSION)).status)
            statuses.add((await hub.admin.get("/api/v1/dashboard")).status)
            await asyncio.sleep(0.2)
        assert statuses == {200}
        assert (await hub.stranger.get("/api/health/ready")).status == 200
        assert (await hub.admin.get("/api/health")).json()["status"] == "degraded"
    finally:
        valkey.resume()
    await hub.admin.until("/api/health", lambda reply: reply.json()["status"] == "ok", within=60)


async def test_valkey_killed_is_started_again_and_people_stay_signed_in(hub: Hub) -> None:
    before = child(hub.process, "valkey")
    before.kill()
    assert (await hub.admin.get(SESSION)).status == 200
    await until(lambda: child_pid(hub, "valkey") not in (None, before.pid))
    assert (await hub.admin.get(SESSION)).status == 200


async def test_supervisor_killed_leaves_no_process_and_the_next_start_is_whole(short_folder: Path) -> None:
    with run_hub(short_folder, {}) as process:
        async with Hub(process) as hub:
            people = dict(process.tokens)
            everything = family(process)
            os.kill(process.process.pid, signal.SIGKILL)
            await until(lambda: not alive(everything))
        assert hub is not None
    environment = {"server": {"port": int(process.url.rpartition(":")[2])}}
    with run_hub(short_folder, environment) as again:
        again.tokens |= people
        async with Hub(again) as hub:
            assert (await hub.admin.get(SESSION)).status == 200  # the token of before: nothing was lost


async def test_sigterm_ends_everything_with_code_zero(process: HubProcess) -> None:
    everything = family(process)
    process.process.send_signal(signal.SIGTERM)
    code = await asyncio.to_thread(process.process.wait, 30)
    assert code == 0
    assert alive(everything) == []


async def test_requests_under_way_are_finished_at_sigterm(hub: Hub) -> None:
    slow = [
        asyncio.create_task(hub.stranger.post("/api/v1/auth/login", json={"username": "ada", "password": "x" * 20}))
        for _ in range(4)
    ]
    await asyncio.sleep(0.05)
    hub.process.process.send_signal(signal.SIGTERM)
    replies = await asyncio.gather(*slow, return_exceptions=True)
    assert [reply.status for reply in replies if not isinstance(reply, aiohttp.ClientError)] == [401] * 4  # type: ignore[union-attr]


async def test_idle_hub_burns_next_to_no_cpu(hub: Hub) -> None:
    """Not a timing: a loop that spins would use a hundred times this."""
    processes = family(hub.process)
    await asyncio.sleep(2)

    def used() -> float:
        return sum(sum(one.cpu_times()[:2]) for one in processes if one.is_running())

    before = used()
    await asyncio.sleep(4)
    assert used() - before < 1.2


def test_psutil_sees_the_whole_family(process: HubProcess) -> None:
    roles = {
        role for role in ("web", "worker", "postgres", "valkey") if isinstance(child(process, role), psutil.Process)
    }
    assert roles == {"web", "worker", "postgres", "valkey"}
