"""What becomes of somebody's open pages, on every replica, when an admin changes what they may, or throws them out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from medianest_hub.plugin_api import Role
from tests.integration.realtime.conftest import OpenPage, Page, Replica, StartReplica, sign_in, still_open

WEATHER = """
@hookimpl
def hub_plugin():
    permissions = [Permission("read", default=Role.MEMBER), Permission("rule")]
    return PluginInfo(title="Weather", api_version=1, permissions=permissions)
"""


async def within_a_second(replica: Replica, page: Page, room: str, *, inside: bool) -> None:
    async with asyncio.timeout(1):
        while (room in replica.realtime.door.sio.rooms(page.client.get_sid())) is not inside:
            await asyncio.sleep(0.01)


async def test_grants_and_denials_change_what_open_pages_hear_everywhere(
    start_replica: StartReplica, open_page: OpenPage, plugins: Callable[[str, str], None]
) -> None:
    plugins("weather", WEATHER)
    one, two = await start_replica(), await start_replica()
    me = await sign_in(one, "mia")
    pages = {replica.url: (replica, await open_page(replica, me.token)) for replica in (one, two)}
    await one.parts.overrides.replace(me.person.id, {"weather.read": False, "weather.rule": True}, None)
    for replica, page in pages.values():
        await within_a_second(replica, page, "perm:weather.read", inside=False)
        await within_a_second(replica, page, "perm:weather.rule", inside=True)
    await one.parts.realtime.send("weather:storm", {"n": 1}, permission="weather.read")
    await one.parts.realtime.send("weather:edict", {"n": 2}, permission="weather.rule")
    for _, page in pages.values():
        await still_open(page, one, me)
        assert page.got("weather:storm") == []
        assert [event["n"] for event in page.got("weather:edict")] == [2]
    await one.parts.overrides.replace(me.person.id, {}, None)
    for replica, page in pages.values():
        await within_a_second(replica, page, "perm:weather.read", inside=True)


@pytest.mark.parametrize("how", ["disabled", "deleted"])
async def test_whoever_is_thrown_out_loses_their_pages_on_every_replica_within_a_second(
    start_replica: StartReplica, open_page: OpenPage, how: str
) -> None:
    one, two = await start_replica(), await start_replica()
    await sign_in(one, "root", Role.ADMIN)
    me = await sign_in(one, "mia")
    pages = [await open_page(replica, me.token) for replica in (one, two)]
    key, text = await one.parts.api_keys.create(me.person, "key", ["hub.signed_in"])
    pages.append(await open_page(two, text))
    began = time.monotonic()
    if how == "deleted":
        await one.parts.leaving.remove(me.person.id)
    else:
        await one.parts.leaving.change(me.person.id, status="disabled")
    for page in pages:
        async with asyncio.timeout(2):
            await page.gone.wait()
    assert time.monotonic() - began < 1.0
    if how == "disabled":
        await one.parts.leaving.change(me.person.id, status="active")
        assert not await one.parts.sessions.verdict(me.session_id)
        assert not await one.parts.sessions.verdict(key.id)  # for good
