"""Routes of plugins follow their plugin's state; one plugin's trouble is nobody else's; a hundred of them cost little."""

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from medianest_hub.plugin_api import Role
from medianest_hub.testing.distributions import plugin_source, write_distribution

from .conftest import Install, Site, Somebody, StartSite

ROUTE = """
from uuid import UUID
from pydantic import BaseModel

router = Router()

class Item(BaseModel):
    plugin: str
    generation: int

class Named(BaseModel):
    name: str

class Other(BaseModel):
    other: str

@router.get("/", permission="hub.signed_in")
async def root(ctx, call: Call) -> Item:
    return Item(plugin=ctx.plugin, generation=ctx.generation)

@router.get("/items/{name}", permission="read")
async def item(ctx, call: Call[Named]) -> Item:
    return Item(plugin=call.path.name, generation=0)

@router.delete("/items/{other}", permission="read")
async def remove(ctx, call: Call[Other]) -> Item:
    return Item(plugin=call.path.other, generation=1)

@router.get("/items/fixed", public=True)
async def fixed(ctx, call: Call) -> Item:
    return Item(plugin="fixed", generation=0)

@hookimpl
def hub_plugin():
    return PluginInfo(title="One", api_version=1, permissions=[Permission("read", default=Role.MEMBER)])

@hookimpl
def hub_routes():
    return router
"""
BROKEN = """
async def startup(ctx):
    raise RuntimeError("inside")

@hookimpl
def hub_lifecycle():
    return Lifecycle(startup=startup)
"""


async def code(site: Site, path: str, by: Somebody | None) -> tuple[int, str]:
    reply = await site.get(path, by=by)
    return reply.status, reply.json().get("code", "")


async def test_a_switched_off_plugin_is_not_there_and_comes_back(install: Install, start_site: StartSite) -> None:
    install("one", ROUTE)
    site = await start_site()
    mia = await site.person()
    runtime = site.hub.host.runtimes["one"]
    assert await code(site, "/api/v1/one", mia) == (200, "")
    await site.parts.host.wanted.set_enabled("one", False)
    await site.parts.host.reconcile()
    assert await code(site, "/api/v1/one", mia) == (404, "plugin_disabled")
    assert await code(site, "/api/v1/one", None) == (401, "unauthorized")
    assert await code(site, "/api/v1/one/items/fixed", None) == (404, "plugin_disabled")
    await site.parts.host.wanted.set_enabled("one", True)
    await site.parts.host.reconcile()
    await runtime.settled()
    assert await code(site, "/api/v1/one", mia) == (200, "")


async def test_a_failed_plugin_is_a_503_in_words_without_its_reason(install: Install, start_site: StartSite) -> None:
    install("one", ROUTE + BROKEN)
    site = await start_site()
    mia = await site.person()
    reply = await site.get("/api/v1/one", by=mia)
    assert (reply.status, reply.json()["code"]) == (503, "plugin_unavailable")
    assert reply.json()["params"] == {"plugin": "one", "state": "failed"}
    assert b"inside" not in reply.body


async def test_a_plugin_that_could_not_be_loaded_has_no_routes_and_the_rest_goes_on(
    install: Install, start_site: StartSite
) -> None:
    install("one", ROUTE)
    install("two", "raise RuntimeError('at import')")
    site = await start_site()
    mia = await site.person()
    assert await code(site, "/api/v1/two", mia) == (404, "not_found")
    assert await code(site, "/api/v1/one", mia) == (200, "")


async def test_paths_may_name_their_parts_differently_by_method_and_hold_odd_text(
    install: Install, start_site: StartSite
) -> None:
    install("one", ROUTE)
    site = await start_site()
    mia = await site.person()
    for sent, seen in (("a%20b", "a b"), ("%C3%BC", "ü"), ("x.y-z", "x.y-z"), ("fixed", "fixed"), ("a%2Fb", "a/b")):
        url = URL(f"{site.url}/api/v1/one/items/{sent}", encoded=True)
        async with site.session.get(url, headers=mia.headers) as reply:
            assert (await reply.json())["plugin"] == seen
    reply = await site.call("DELETE", "/api/v1/one/items/here", by=mia)
    assert reply.json() == {"plugin": "here", "generation": 1}


async def test_a_guest_may_not_what_the_plugin_keeps_for_members(install: Install, start_site: StartSite) -> None:
    install("one", ROUTE)
    site = await start_site()
    gast, mia = await site.person("gast", Role.GUEST), await site.person()
    assert await code(site, "/api/v1/one/items/a", gast) == (403, "forbidden")
    assert await code(site, "/api/v1/one/items/a", mia) == (200, "")


def test_a_hundred_plugins_cost_a_request_next_to_nothing(install: Install, tmp_path: Path) -> None:
    """Routing is the only part of a request that could grow with the number of routes: it is measured alone."""
    from medianest_hub.plugin_host.host import PluginHost
    from medianest_hub.settings import load_settings
    from medianest_hub.web.app import create_app
    from medianest_hub.web.hub import WebHub

    def app(names: list[str]) -> tuple[Any, float]:
        environ = {"MEDIANEST_DATA_DIR": str(tmp_path), "MEDIANEST_PLUGINS__BLOCKED": '["youtube", "hello"]'}
        config = tmp_path / "medianest.toml"
        config.touch()
        host = PluginHost(load_settings(config, environ), "web")
        host.load()
        assert set(names) <= set(host.plugins)
        hub = WebHub(host._loaded, host)
        begin = time.process_time()
        made = create_app(hub)
        made.finalize()
        hub.close()
        return made, time.process_time() - begin

    def seconds(made: Any) -> float:
        path = "/api/v1/one/items/some"
        rounds = []
        for _ in range(7):
            made.router.get.cache_clear()
            begin = time.perf_counter()
            for number in range(2000):
                made.router.get(path if number % 2 else "/api/v1/dashboard", "GET", "hub")
            rounds.append(time.perf_counter() - begin)
        return statistics.median(rounds) / 2000

    install("one", ROUTE)
    alone, _ = app(["one"])
    few = seconds(alone)
    names = [f"p{number}" for number in range(100)]
    for name in names:
        write_distribution(tmp_path / "installed", name, plugin_source(ROUTE))
    import importlib

    importlib.invalidate_caches()
    crowded, mounting = app(names)
    assert len(crowded.ctx.mounted) >= 400
    assert seconds(crowded) - few < 2e-6  # of the 60 µs a request takes at least
    assert mounting < 2.0


async def test_a_call_under_way_keeps_its_context_when_the_plugin_is_switched_off(
    install: Install, start_site: StartSite
) -> None:
    install(
        "one",
        """
        import asyncio
        from pydantic import BaseModel
        router = Router()
        state = {}
        class Item(BaseModel):
            closed: bool
        @router.get("/slow", permission="hub.signed_in")
        async def slow(ctx, call: Call) -> Item:
            state["started"].set()
            await state["go"].wait()
            return Item(closed="closed" in state)
        async def shutdown(ctx):
            state["closed"] = True
        @hookimpl
        def hub_lifecycle():
            return Lifecycle(shutdown=shutdown)
        @hookimpl
        def hub_routes():
            return router
        """,
    )
    site = await start_site()
    mia = await site.person()
    import sys

    state = sys.modules["synthetic_one.plugin"].state
    state.update(started=asyncio.Event(), go=asyncio.Event())
    call = asyncio.create_task(site.get("/api/v1/one/slow", by=mia))
    await state["started"].wait()
    await site.parts.host.wanted.set_enabled("one", False)
    await site.parts.host.reconcile()
    state["go"].set()
    assert (await call).json() == {"closed": False}
    await site.hub.host.runtimes["one"].settled()
    assert state["closed"]


@pytest.mark.parametrize("path", ["/api/v1/one/", "/api/v1/one"])
async def test_a_slash_at_the_end_makes_no_difference(install: Install, start_site: StartSite, path: str) -> None:
    install("one", ROUTE)
    site = await start_site()
    assert (await site.get(path, by=await site.person())).status == 200
