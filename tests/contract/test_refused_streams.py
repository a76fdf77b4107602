"""A plugin whose stream was refused in the worker: the admin sees it everywhere, pages go on, new settings bring it back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio

from medianest_hub.testing import Hub

SETTINGS = "/api/v1/plugins/listening/settings"
HEARD = "/api/v1/listening/heard"
TOKEN = "an-old-token-1234"


async def card(hub: Hub, state: str, generation: int | None = None) -> dict[str, Any]:
    """The plugin's card once it says so, and every process has that generation."""
    found: dict[str, Any] = {}

    def says(reply: Any) -> bool:
        nonlocal found
        (found,) = (one for one in reply.json()["items"] if one["name"] == "listening")
        there = {one["generation"] for one in found["processes"]}
        return found["state"] == state and (generation is None or there == {generation})

    await hub.admin.until("/api/v1/plugins", says)
    return found


async def put(hub: Hub, **values: str) -> int:
    reply = await hub.admin.put(SETTINGS, json={"values": {"token": "the-good-token", **values}})
    assert reply.status == 200, reply.body
    return int(reply.json()["generation"])


@pytest.fixture(autouse=True)
async def well(hub: Hub) -> AsyncIterator[None]:
    yield
    await card(hub, "running", await put(hub))


async def test_the_list_says_what_only_the_worker_was_told(hub: Hub) -> None:
    found = await card(hub, "needs_attention", await put(hub, token=TOKEN))
    assert {one["role"]: one["state"] for one in found["processes"]} == {"web": "running", "worker": "needs_attention"}
    assert found["reason"].startswith("in the worker on ")
    assert "The station refuses" in found["reason"]
    assert TOKEN not in json.dumps(found)
    listed = (await hub.command("plugins", "list")).stdout
    (line,) = (line for line in listed.splitlines() if line.startswith("listening"))
    assert "web: running, worker: needs_attention" in line
    assert "The station refuses" in line
    assert TOKEN not in listed


async def test_health_is_degraded_with_the_reason(hub: Hub) -> None:
    await card(hub, "needs_attention", await put(hub, token=TOKEN))
    found = await hub.admin.until("/api/health", lambda reply: "The station refuses" in reply.body.decode())
    (check,) = (check for check in found.json()["checks"] if check["plugin"] == "listening")
    assert (check["name"], check["status"]) == ("running", "degraded")
    assert found.json()["status"] == "degraded"


async def test_pages_go_on_and_nobody_asks_the_service_again(hub: Hub) -> None:
    refused = await put(hub, token=TOKEN)
    await card(hub, "needs_attention", refused)
    well = await put(hub)
    await card(hub, "running", well)
    heard = await hub.admin.until(HEARD, lambda reply: str(well) in reply.json()["begun"])
    assert heard.json()["begun"][str(refused)] == 1


async def test_settings_that_can_never_work_fail_it_with_the_field(hub: Hub) -> None:
    found = await card(hub, "failed", await put(hub, host="printer.lan"))
    assert found["reason"].endswith("That is no station. host: a printer")
    diagnosed = (await hub.admin.get("/api/v1/plugins/listening/diagnostics")).json()
    assert {one["role"]: one["state"] for one in diagnosed["processes"]}["worker"] == "failed"


async def test_switching_it_off_and_on_tries_again(hub: Hub) -> None:
    await card(hub, "needs_attention", await put(hub, token=TOKEN))
    await hub.admin.post("/api/v1/plugins/listening/disable")
    await card(hub, "disabled")
    again = (await hub.admin.post("/api/v1/plugins/listening/enable")).json()["generation"]
    await card(hub, "needs_attention", again)
    assert (await hub.admin.get(HEARD)).json()["begun"][str(again)] == 1


async def test_open_pages_of_admins_hear_of_it(hub: Hub) -> None:
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(hub.url, auth={"token": hub.admin.token}, transports=["websocket"])
        await put(hub, token=TOKEN)
        while True:
            event, *data = await client.receive(timeout=10)
            if event == "plugin:state" and data[0]["state"] == "needs_attention":
                break
    assert data[0]["plugin"] == "listening"
    assert "The station refuses" in data[0]["reason"]
    assert TOKEN not in data[0]["reason"]
