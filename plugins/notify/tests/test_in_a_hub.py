"""A running hub: what another plugin tells reaches a person's services and browsers, and the doors hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from importlib_metadata import entry_points
from pytest_asyncio import fixture as async_fixture

from medianest_hub.plugin_api import Role
from medianest_hub.testing import Authority, Hub
from medianest_hub.testing.distributions import plugin_source, write_distribution
from medianest_hub.testing.hub import HubClient, HubProcess, run_hub

from .conftest import allowing

BELL = """
from pydantic import BaseModel

RUNG = NotificationKind(
    "rung",
    {"en": "The bell", "de": "Die Glocke"},
    {"en": Words("The bell rang {times} times", "Somebody is there."), "de": Words("Es hat {times}-mal geklingelt")},
)
router = Router()

class Ring(BaseModel):
    times: int

@router.post("/ring", permission="hub.signed_in")
async def ring(ctx: Context[PluginSettings], call: Call[Empty, Empty, Ring]) -> None:
    \"\"\"Ring the bell at one's own door.\"\"\"
    await ctx.notify.tell("rung", {"times": call.body.times}, key=str(call.body.times), person=call.caller.id, href="/door")

@hookimpl
def hub_plugin():
    return PluginInfo(title="Bell", api_version=1, notifications=[RUNG])

@hookimpl
def hub_routes():
    return router
"""
ROUTES = "/api/v1/notify"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[HubProcess]:
    """A hub with this plugin and a bell."""
    installed = tmp_path_factory.mktemp("installed")
    write_distribution(installed, "bell", plugin_source(BELL))
    others = sorted({point.name for point in entry_points(group="medianest_hub.plugins")} - {"notify", "bell"})
    settings = {"plugins": {"blocked": others, "notify": allowing(authority)}}
    folder = Path(tmp_path_factory.mktemp("hub"))
    with run_hub(folder, settings, environment={"PYTHONPATH": str(installed)}) as process:
        yield process


@async_fixture
async def house(running: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(running) as hub:
        yield hub


async def made(who: HubClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await who.post(f"{ROUTES}{path}", json=body)
    assert reply.status == 201, reply.body
    answer: dict[str, Any] = reply.json()
    return answer


async def told(reached: list[Any], count: int) -> None:
    async with asyncio.timeout(40):
        while len(reached) < count:
            await asyncio.sleep(0.05)


async def test_what_is_told_reaches_every_service_and_browser_once(house, sinks, push):
    mia = await house.person("mia")
    await made(mia, "/addresses", {"address": f"ntfy://{sinks.host}/very-secret-topic", "label": "Phone"})
    await made(mia, "/addresses", {"address": f"json://{sinks.host}/hook/hall"})
    key = (await mia.get(f"{ROUTES}/push/key")).json()["public_key"]
    browser = push.subscribe(key)
    await made(mia, "/push/devices", browser.subscription())

    for times in (3, 3, 4):
        assert (await mia.post("/api/v1/bell/ring", json={"times": times})).status == 204
    await sinks.until(4, within=60)
    await told(browser.told, 2)

    titles = sorted((one.service, one.title) for one in sinks.arrived)
    twice = ["The bell rang 3 times", "The bell rang 4 times"]
    assert titles == [(service, title) for service in ("json", "ntfy") for title in twice]
    assert sorted(one["title"] for one in browser.told) == twice
    assert {one["kind"] for one in browser.told} == {"bell.rung"}
    shown = (await mia.get(f"{ROUTES}/addresses")).json()["items"]
    assert [one["trouble"] for one in shown] == [None, None]
    assert "very-secret-topic" not in house.process.log
    assert browser.endpoint.rpartition("/")[2] not in house.process.log


async def test_the_doors_hold(house, sinks, push):
    tom, eve = await house.person("tom"), await house.person("eve")
    guest = await house.person("gus", Role.GUEST)
    entered = await made(tom, "/addresses", {"address": f"ntfy://{sinks.host}/toms-topic"})
    one = f"{ROUTES}/addresses/{entered['id']}"
    for method, path in (("DELETE", one), ("POST", f"{one}/test")):
        assert (await eve.request(method, path)).status == 404
    assert (await eve.request("PATCH", one, json={"label": "mine"})).status == 404
    assert (await eve.get(f"{ROUTES}/addresses")).json()["items"] == []
    assert (await house.stranger.get(f"{ROUTES}/addresses")).status == 401
    assert (await guest.get(f"{ROUTES}/addresses")).status == 403
    assert (await guest.get(f"{ROUTES}/push/key")).status == 200
    assert (await tom.delete(f"{ROUTES}/push/key")).status == 403

    refused = await tom.post(f"{ROUTES}/addresses", json={"address": "syslog://very-secret"})
    assert (refused.status, refused.json()["errors"][0]["code"]) == (400, "not_offered")
    assert b"very-secret" not in refused.body

    outcomes = [await tom.post(f"{one}/test") for _ in range(6)]
    assert [reply.status for reply in outcomes] == [200] * 5 + [429]
    assert {reply.json()["outcome"] for reply in outcomes[:5]} == {"delivered"}
    assert len(sinks.arrived) == 5
    assert (await tom.delete(one)).status == 204
    assert (await tom.post(f"{one}/test")).status in (404, 429)
