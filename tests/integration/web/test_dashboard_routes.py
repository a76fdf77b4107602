"""The dashboard as a front end gets it: through the gate, cached as a whole, and never out of date for that."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from medianest_hub.plugin_api import Role
from tests.integration.web.conftest import Install, Site, StartSite

BOARD = """
import asyncio

loads = []
slow = asyncio.Event()

@widget("now", title="Now", scope=EVERYONE, ttl=3600)
async def now(ctx, viewer) -> Stat:
    loads.append(1)
    return Stat(value=len(loads))

@widget("late", title="Late", permission="hub.admin", ttl=3600)
async def late(ctx, viewer) -> Text:
    await slow.wait()
    return Text(text="at last")

@hookimpl
def hub_widgets():
    return [now, late]
"""

ROOMY = """
@widget("mine", title="Mine", scope=ROLE, ttl=3600)
async def mine(ctx, viewer) -> Text:
    return Text(text=f"for a {viewer.role}")

@hookimpl
def hub_widgets():
    return [mine]
"""


def board() -> Any:
    return importlib.import_module("synthetic_board.plugin")


async def states(site: Site, by: Any) -> dict[str, str]:
    reply = await site.get("/api/v1/dashboard", by=by)
    assert reply.status == 200
    return {item["id"]: item["state"] for item in reply.json()["items"]}


async def test_a_page_is_typed_private_and_made_once_until_something_changes(
    start_site: StartSite, install: Install
) -> None:
    install("board", BOARD)
    one, two = await start_site(), await start_site()
    assert (await one.get("/api/v1/dashboard")).status == 401
    mia = await one.person()
    first = await one.get("/api/v1/dashboard", by=mia)
    (tile,) = first.json()["items"]
    as_of = tile.pop("as_of")
    assert as_of.endswith("Z")
    assert tile == {
        "id": "board.main.now",
        "plugin": "board",
        "instance": "main",
        "title": "Now",
        "kind": "stat",
        "size": "medium",
        "state": "ok",
        "data": {"kind": "stat", "value": 1, "unit": "", "label": "", "change": None, "tone": "neutral"},
        "error": None,
    }
    hits = one.hub.gate.hits._value.get() if one.hub.gate else 0
    again = await two.get("/api/v1/dashboard", by=mia)
    assert (again.body, again.headers["etag"]) == (first.body, first.headers["etag"])
    assert one.hub.gate is not None
    assert one.hub.gate.hits._value.get() == hits + 1  # one registry for both: the other site answered from the cache
    await two.parts.dashboard.changed("board", "main", "now")
    assert (await one.get("/api/v1/dashboard", by=mia)).json()["items"][0]["data"]["value"] == 2


async def test_a_page_with_something_still_loading_is_not_kept(start_site: StartSite, install: Install) -> None:
    install("board", BOARD)
    site = await start_site(dashboard__budget_ms="50")
    ada = await site.person("ada", Role.ADMIN)
    assert await states(site, ada) == {"board.main.now": "ok", "board.main.late": "loading"}
    board().slow.set()
    async with asyncio.timeout(5):
        while (await states(site, ada))["board.main.late"] != "ok":
            await asyncio.sleep(0.02)


async def test_a_plugin_switched_off_leaves_the_cached_page_too(start_site: StartSite, install: Install) -> None:
    install("board", BOARD)
    one, two = await start_site(), await start_site()
    mia = await one.person()
    assert await states(one, mia) == await states(two, mia) == {"board.main.now": "ok"}
    await one.parts.host.wanted.set_enabled("board", enabled=False)
    async with asyncio.timeout(2):
        while await states(one, mia) or await states(two, mia):
            await asyncio.sleep(0.02)


async def test_another_role_sees_its_own_page_at_once_also_where_it_may_the_same(
    start_site: StartSite, install: Install
) -> None:
    install("roomy", ROOMY)
    one, two = await start_site(), await start_site()
    mia = await one.person()
    before = await one.parts.people.get(mia.id)

    async def text(site: Site) -> str:
        (tile,) = (await site.get("/api/v1/dashboard", by=mia)).json()["items"]
        return str(tile["data"]["text"])

    assert [await text(site) for site in (one, one, two)] == ["for a member"] * 3
    await one.parts.people.set_role(mia.id, Role.GUEST)
    assert await text(one) == "for a guest"
    after = await one.parts.people.get(mia.id)
    assert before is not None
    assert after is not None
    of_this = {one for one in before.permissions ^ after.permissions if one.partition(".")[0] in ("hub", "roomy")}
    assert of_this == set()  # else this would show nothing
    async with asyncio.timeout(1):
        while await text(two) != "for a guest":
            await asyncio.sleep(0.02)
    await one.parts.people.set_role(mia.id, Role.MEMBER)
    assert await text(one) == "for a member"


async def test_one_widget_is_answered_alone_and_anothers_is_not_found(start_site: StartSite, install: Install) -> None:
    install("board", BOARD)
    site = await start_site()
    mia = await site.person()
    tile = (await site.get("/api/v1/dashboard/board.main.now", by=mia)).json()
    assert (tile["id"], tile["state"]) == ("board.main.now", "ok")
    for foreign in ("board.main.late", "board.main.nothing", "board", "x" * 200):
        reply = await site.get(f"/api/v1/dashboard/{foreign}", by=mia)
        assert (reply.status, reply.json()["code"]) == (404, "widget_not_found"), foreign


async def test_the_kinds_of_data_are_told_apart_in_the_document(start_site: StartSite) -> None:
    site = await start_site()
    document = (await site.get("/api/openapi.json")).json()
    data = document["components"]["schemas"]["Tile"]["properties"]["data"]
    (union,) = [option for option in data["anyOf"] if option.get("type") != "null"]
    assert union["discriminator"]["propertyName"] == "kind"
    assert set(union["discriminator"]["mapping"]) == {
        *("stat", "list", "status_grid", "media_row", "progress_list", "chart", "text")
    }
