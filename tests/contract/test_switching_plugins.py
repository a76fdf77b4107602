"""Switching a plugin takes effect in every web process and worker within two seconds, and none of them restarts."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import socketio

from medianest_hub.testing import Hub, HubClient
from tests.replicas import second_web

from .conftest import Household

SECONDS = 2.0
ROUTE = "/api/v1/switched/counts"


@pytest.fixture(scope="module")
def replica(household: Household) -> Iterator[str]:
    with second_web(household.process) as url:
        yield url


@pytest.fixture(autouse=True)
async def switched_on_again(hub: Hub) -> AsyncIterator[None]:
    await everywhere(hub, "running")
    yield
    await hub.admin.post("/api/v1/plugins/switched/enable")
    await everywhere(hub, "running")


async def everywhere(hub: Hub, state: str) -> list[dict[str, Any]]:
    """Wait until each process says so; returns them."""
    found: list[dict[str, Any]] = []

    def agreed(reply: Any) -> bool:
        nonlocal found
        (card,) = (card for card in reply.json()["items"] if card["name"] == "switched")
        found = card["processes"]
        return {one["state"] for one in found} == {state}

    await hub.admin.until("/api/v1/plugins", agreed)
    return found


async def counts(database: asyncpg.Connection) -> dict[str, int]:
    rows = await database.fetch("SELECT what, count FROM plugin_switched.counts")
    return {row["what"]: row["count"] for row in rows}


async def shows(client: HubClient) -> dict[str, bool]:
    """Which of the plugin's contributions that client can see."""
    route, health, dashboard = await asyncio.gather(
        client.get(ROUTE), client.get("/api/health"), client.get("/api/v1/dashboard")
    )
    return {
        "route": route.status == 200,
        "check": "switched" in {check["plugin"] for check in health.json()["checks"]},
        "tile": "switched" in {tile["plugin"] for tile in dashboard.json()["items"]},
    }


async def test_disabling_takes_everything_away_on_every_replica_and_worker(
    hub: Hub, replica: str, database: asyncpg.Connection
) -> None:
    other = HubClient(hub.session, replica, hub.admin.token)
    before = {(one["role"], one["pid"]) for one in await everywhere(hub, "running")}
    assert sorted(role for role, _ in before) == ["web", "web", "worker"]
    for client in (hub.admin, other):
        await client.until("/api/health", lambda reply: '"switched"' in reply.body.decode())
        assert all((await shows(client)).values())

    began = time.monotonic()
    assert (await hub.admin.post("/api/v1/plugins/switched/disable")).status == 200
    while any([*(await shows(hub.admin)).values(), *(await shows(other)).values()]):
        assert time.monotonic() - began < SECONDS, (await shows(hub.admin), await shows(other))
    refused = await other.get(ROUTE)
    assert (refused.status, refused.json()["code"]) == (404, "plugin_disabled")
    await everywhere(hub, "disabled")
    assert time.monotonic() - began < SECONDS

    # Beats come ten times a second and a tick every second: none of either for longer than both.
    still = await counts(database)
    await asyncio.sleep(1.5)
    assert await counts(database) == still
    assert {(one["role"], one["pid"]) for one in await everywhere(hub, "disabled")} == before
    assert (await hub.admin.get("/api/v1/healthy/counts")).status == 200


async def test_what_was_written_is_there_when_it_is_enabled_again(hub: Hub, database: asyncpg.Connection) -> None:
    await hub.admin.until(ROUTE, lambda reply: "beats" in reply.json()["counts"])
    await hub.admin.post("/api/v1/plugins/switched/disable")
    await everywhere(hub, "disabled")
    kept = await counts(database)
    assert (await hub.admin.post("/api/v1/plugins/switched/enable")).json()["enabled"]["wanted"] is True
    await everywhere(hub, "running")
    await hub.admin.until(ROUTE, lambda reply: reply.json()["counts"]["beats"] > kept["beats"])


async def test_a_disabled_plugins_sockets_are_silent_and_pages_hear_of_the_switch(hub: Hub) -> None:
    heard: list[tuple[str, Any]] = []
    came = asyncio.Event()
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(hub.url, auth={"token": hub.admin.token}, transports=["websocket"])

        async def listen() -> None:
            while True:
                event, *data = await client.receive()
                heard.append((event, data))
                came.set()

        listening = asyncio.create_task(listen())
        await hub.admin.post("/api/v1/switched/pushes")
        await until_heard(came, lambda: any(event == "switched:pushed" for event, _ in heard))
        await hub.admin.post("/api/v1/plugins/switched/disable")
        await until_heard(
            came, lambda: any(event == "plugin:state" and "disabled" in str(data) for event, data in heard)
        )
        await everywhere(hub, "disabled")
        heard.clear()
        assert (await hub.admin.post("/api/v1/switched/pushes")).status == 404
        await asyncio.sleep(0.5)
        assert [event for event, _ in heard if event.startswith("switched:")] == []
        listening.cancel()


async def until_heard(came: asyncio.Event, wanted: Any) -> None:
    async with asyncio.timeout(10):
        while not wanted():
            await came.wait()
            came.clear()


async def test_restarting_starts_it_anew_everywhere_with_the_same_settings(hub: Hub) -> None:
    before = await everywhere(hub, "running")
    card = (await hub.admin.post("/api/v1/plugins/switched/restart")).json()
    assert card["generation"] == max(one["generation"] for one in before) + 1

    def anew(reply: Any) -> bool:
        (found,) = (found for found in reply.json()["items"] if found["name"] == "switched")
        return all((one["state"], one["generation"]) == ("running", card["generation"]) for one in found["processes"])

    await hub.admin.until("/api/v1/plugins", anew)


async def test_the_command_line_does_the_same(hub: Hub) -> None:
    done = await hub.command("plugins", "disable", "switched")
    assert "disabled in" in done.stdout
    assert (await hub.admin.get(ROUTE)).status == 404
    listed = await hub.command("plugins", "list")
    assert "switched         1.0        disabled" in listed.stdout
    assert "raises_at_import" in listed.stdout
    await hub.command("plugins", "enable", "switched")
    await everywhere(hub, "running")


async def test_a_switch_pinned_from_outside_is_not_changed(hub: Hub) -> None:
    reply = await hub.admin.post("/api/v1/plugins/youtube/enable")
    assert (reply.status, reply.json()["code"]) == (409, "setting_pinned")
    refused = await hub.command("plugins", "enable", "youtube", check=False)
    assert refused.returncode == 2
    assert "plugins.blocked" in refused.stderr


async def test_switching_works_while_valkey_is_frozen(hub: Hub, household: Household, replica: str) -> None:
    """No hint comes by Redis, so Postgres has to notify. Frozen, not killed: nobody restarts it, nothing resets."""
    other = HubClient(hub.session, replica, hub.admin.token)
    pid = household.valkey_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert (await hub.admin.post("/api/v1/plugins/switched/disable")).status == 200
        await other.until(ROUTE, lambda reply: reply.status == 404)
        await everywhere(hub, "disabled")
        # From the change itself: the request that made it waited a second before it, for limits that Redis counts.
        assert time.monotonic() - began < 1 + SECONDS
    finally:
        os.kill(pid, signal.SIGCONT)
