"""A provider whose plugin is switched off: no routes for anybody, described nowhere, and counted all the same."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api import Role
from medianest_hub.plugin_host.states import PluginState

from .conftest import Install, Reply, Site, StartSite
from .sign_in_plugin import SOURCE, Door


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("door", SOURCE)
    site = await start_site(limits__sign_in="100000/minute", server__public_url="http://hub.lan:4000")
    await site.person("ada", Role.ADMIN)
    return site


def said(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json().get("code", reply.json().get("state"))


async def switch_off(site: Site, plugin: str) -> None:
    """For good, as an admin does it: whoever only stops it finds it running again."""
    reply = await site.post(f"/api/v1/plugins/{plugin}/disable", by=await site.person("ada", Role.ADMIN))
    assert reply.status == 200, reply.body
    await site.parts.host.reconcile()
    assert not site.parts.host.runtimes[plugin].running


async def test_a_provider_that_is_off_has_no_routes_whatever_is_asked_and_by_whom(
    site: Site,
) -> None:
    ada, runtime = await site.person("ada", Role.ADMIN), site.parts.host.runtimes["door"]
    person = await site.parts.people.get(ada.id)
    assert person is not None
    key = (await site.parts.api_keys.create(person, "key", ["hub.admin"]))[1]
    foreign = {"Origin": "https://evil.example"}

    async def answers(path: str) -> set[tuple[int, str]]:
        asked = f"/api/v1/auth/{path}"
        return {
            said(reply)
            for reply in (
                await site.post(asked, json={}), await site.post(asked, json={"link": True}),
                await site.post(asked, json={"nonsense": 7}), await site.post(asked, data=b"{"),
                await site.post(asked, data=b"x" * 100_000), await site.post(asked, json={}, headers=foreign),
                await site.post(asked, json={}, by=ada), await site.post(asked, json={"link": True}, by=ada),
                await site.post(asked, json={}, headers={"Authorization": f"Bearer {key}"}),
            )
        }  # fmt: skip

    paths = [f"{provider}/{step}" for provider in ("door", "door-back") for step in ("start", "complete")]
    await runtime.stop(PluginState.NEEDS_ATTENTION)
    assert [await answers(path) for path in paths] == [{(503, "plugin_unavailable")}] * 4
    await switch_off(site, "door")
    assert [await answers(path) for path in paths] == [{(404, "plugin_disabled")}] * 4
    assert Door().seen == []


async def test_the_routes_of_a_provider_that_is_off_are_not_described(site: Site) -> None:
    async def described() -> set[str]:
        return {path for path in (await site.get("/api/openapi.json")).json()["paths"] if "/auth/door" in path}

    paths = {f"/api/v1/auth/{provider}/{step}" for provider in ("door", "door-back") for step in ("start", "complete")}
    assert await described() == paths
    await switch_off(site, "door")
    assert await described() == set()


async def test_a_provider_that_is_off_is_counted_all_the_same(install: Install, start_site: StartSite) -> None:
    install("door", SOURCE)
    site = await start_site(limits__sign_in="2/minute", server__public_url="http://hub.lan:4000")
    await switch_off(site, "door")
    found = [(await site.post("/api/v1/auth/door/start", json={})).status for _ in range(3)]
    assert found == [404, 404, 429]
