"""The dashboard over real Postgres and Valkey: side by side, once per scope over all replicas, stale rather than absent."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from medianest_hub.dashboard import Tile, TileState
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api import Person, Role, Stat, errors
from tests.integration.dashboard.conftest import OpenParts, WritePuppet, person

LONG = {"MEDIANEST_DASHBOARD__BUDGET_MS": "10000"}
SHORT = {"MEDIANEST_DASHBOARD__BUDGET_MS": "100"}


async def tiles(parts: HubParts, viewer: Person) -> dict[str, Tile]:
    return {tile.id.rpartition(".")[2]: tile for tile in (await parts.dashboard.page(viewer)).items}


async def sent(parts: HubParts) -> list[tuple[str, Any, Any]]:
    """Kept `widget:changed` events: id, person, permission."""
    return [
        (event.data["id"], event.person, event.permission)
        for event in await parts.realtime.since(0)
        if event.event == "widget:changed"
    ]


async def until(check: Any, within: float = 5.0) -> Any:
    async with asyncio.timeout(within):
        while not (found := await check()):
            await asyncio.sleep(0.02)
    return found


async def test_a_page_has_the_widgets_this_person_may_see_with_their_data(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now='size="wide"', secret='permission="hub.admin"')
    parts = await open_parts()
    before = datetime.now(UTC)
    (tile,) = (await parts.dashboard.page(person())).items
    assert tile.id == "board.main.now"
    assert (tile.plugin, tile.instance, tile.title, tile.kind, tile.size) == ("board", "main", "Now", "stat", "wide")
    assert (tile.state, tile.data, tile.error) == (TileState.OK, Stat(value=1), None)
    assert tile.as_of is not None
    assert before <= tile.as_of <= datetime.now(UTC)
    assert set(await tiles(parts, person(Role.ADMIN, "hub.admin"))) == {"now", "secret"}
    assert puppet.loads("secret") == 1


async def test_one_widget_is_had_alone_and_anothers_is_not_found(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    write_puppet("board", now="", secret='permission="hub.admin"')
    parts = await open_parts()
    (tile,) = (await parts.dashboard.tile(person(), "board.main.now")).items
    assert tile.state is TileState.OK
    for foreign in ("board.main.secret", "board.main.nothing", "nobody.main.now", "", "board"):
        with pytest.raises(errors.NotFound):
            await parts.dashboard.tile(person(), foreign)


async def test_loads_run_side_by_side(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    names = [f"w{number}" for number in range(12)]
    puppet = write_puppet("board", **dict.fromkeys(names, ""))
    inside, all_inside = set[str](), asyncio.Event()

    def meet(name: str) -> Any:
        async def load(_viewer: object) -> Stat:
            inside.add(name)
            if len(inside) == len(names):
                all_inside.set()
            await all_inside.wait()  # none ends before all have begun
            return Stat(value=name)

        return load

    puppet.answers.update({name: meet(name) for name in names})
    parts = await open_parts(**LONG)
    page = await parts.dashboard.page(person())
    assert [tile.data for tile in page.items] == [Stat(value=name) for name in names]


@pytest.mark.parametrize(
    ("scope", "loads"), [("PERSON", 3), ("ROLE", 2), ("EVERYONE", 1)], ids=["person", "role", "everyone"]
)
async def test_one_load_serves_all_who_share_the_scope(
    open_parts: OpenParts, write_puppet: WritePuppet, scope: str, loads: int
) -> None:
    puppet = write_puppet("board", now=f"scope={scope}")
    one, two = await open_parts(**LONG), await open_parts(**LONG)
    people = [person(), person(), person(Role.ADMIN)]
    begun = asyncio.Event()
    release = asyncio.Event()

    async def load(viewer: Any) -> Stat:
        begun.set()
        await release.wait()
        return Stat(value=1)

    puppet.answers["now"] = load
    looks = [asyncio.create_task(parts.dashboard.page(who)) for who in people for parts in (one, two, one, two)]
    await begun.wait()
    await until(lambda: _equal(len(puppet.calls), loads))
    release.set()
    pages = await asyncio.gather(*looks)
    assert {tile.state for page in pages for tile in page.items} == {TileState.OK}
    assert len(puppet.calls) == loads
    given = {(viewer.person, viewer.role) for _, viewer in puppet.calls}
    expected: dict[str, set[tuple[Any, Any]]] = {
        "PERSON": {(who, who.role) for who in people},
        "ROLE": {(None, Role.MEMBER), (None, Role.ADMIN)},
        "EVERYONE": {(None, None)},
    }
    assert given == expected[scope]


async def _equal(one: object, other: object) -> bool:
    return one == other


async def test_a_person_never_sees_a_tile_loaded_for_the_rights_they_had_before(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="")
    parts = await open_parts()
    admin = person(Role.ADMIN)
    await parts.dashboard.page(admin)
    demoted = Person(admin.id, admin.username, Role.GUEST, admin.permissions)
    puppet.answers["now"] = Stat(value="for a guest")
    assert (await tiles(parts, demoted))["now"].data == Stat(value="for a guest")


async def test_a_widget_not_there_within_the_budget_is_loading_and_announced_when_it_lands(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", quick="", slow="scope=EVERYONE")
    release = asyncio.Event()

    async def load(_viewer: object) -> Stat:
        await release.wait()
        return Stat(value="at last")

    puppet.answers["slow"] = load
    parts = await open_parts(**SHORT)
    me = person()
    began = time.monotonic()
    page = await parts.dashboard.page(me)
    took = time.monotonic() - began
    shown = {tile.title: tile for tile in page.items}
    assert 0.09 < took < 1.0
    assert shown["Quick"].state is TileState.OK
    assert (shown["Slow"].state, shown["Slow"].data, shown["Slow"].as_of) == (TileState.LOADING, None, None)
    assert page.fresh_for == 0
    assert await sent(parts) == []
    release.set()
    assert await until(lambda: sent(parts)) == [("board.main.slow", None, "hub.signed_in")]
    assert (await tiles(parts, me))["slow"].data == Stat(value="at last")
    assert puppet.loads("slow") == 1


async def test_a_hanging_load_delays_only_those_who_saw_it_begin(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", slow="scope=EVERYONE")

    async def hang(_viewer: object) -> Stat:
        await asyncio.Event().wait()
        return Stat(value=0)

    puppet.answers["slow"] = hang
    parts = await open_parts(MEDIANEST_DASHBOARD__BUDGET_MS="400")
    assert (await tiles(parts, person()))["slow"].state is TileState.LOADING
    began = time.monotonic()
    assert (await tiles(parts, person()))["slow"].state is TileState.LOADING
    assert time.monotonic() - began < 0.3
    assert puppet.loads("slow") == 1


async def test_old_data_is_shown_stale_while_one_load_renews_it_and_pages_are_told(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="ttl=1")
    parts = await open_parts()
    me = person()
    first = (await tiles(parts, me))["now"]
    assert first.state is TileState.OK
    release = asyncio.Event()

    async def load(_viewer: object) -> Stat:
        await release.wait()
        return Stat(value="new")

    puppet.answers["now"] = load
    await until(lambda: _stale(parts, me))
    began = time.monotonic()
    again = (await tiles(parts, me))["now"]
    assert time.monotonic() - began < 0.5
    assert (again.state, again.data, again.as_of) == (TileState.STALE, first.data, first.as_of)
    release.set()
    assert await until(lambda: sent(parts)) == [("board.main.now", me.id, None)]
    assert (await tiles(parts, me))["now"].data == Stat(value="new")
    assert puppet.loads("now") == 2


async def _stale(parts: HubParts, who: Person) -> bool:
    return (await tiles(parts, who))["now"].state is TileState.STALE


async def test_many_viewers_do_not_multiply_the_calls_under_way(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="")
    under_way, most = 0, 0
    release = asyncio.Event()

    async def load(_viewer: object) -> Stat:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await release.wait()
        under_way -= 1
        return Stat(value=1)

    puppet.answers["now"] = load
    parts = await open_parts(**LONG)
    looks = [asyncio.create_task(parts.dashboard.page(person())) for _ in range(100)]
    await until(lambda: _equal(under_way, 8))
    release.set()
    pages = await asyncio.gather(*looks)
    assert all(page.items[0].state is TileState.OK for page in pages)
    assert most == 8


async def test_the_widgets_of_a_plugin_switched_off_meanwhile_are_dropped(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", slow="")
    write_puppet("other", fine="")
    begun = asyncio.Event()

    async def load(_viewer: object) -> Stat:
        begun.set()
        await asyncio.Event().wait()
        return Stat(value=1)

    puppet.answers["slow"] = load
    parts = await open_parts(**LONG)
    look = asyncio.create_task(tiles(parts, person()))
    await begun.wait()
    await parts.host.wanted.set_enabled("board", enabled=False)
    assert set(await look) == {"fine"}
    assert set(await tiles(parts, person())) == {"fine"}
    await parts.host.wanted.set_enabled("board", enabled=True)
    await until(lambda: _equal(parts.host.runtimes["board"].running, True))
    puppet.answers.clear()
    assert set(await tiles(parts, person())) == {"slow", "fine"}


async def test_new_settings_of_a_plugin_make_its_tiles_anew(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    puppet = write_puppet("board", now="")
    parts = await open_parts()
    me = person()
    await parts.dashboard.page(me)
    generation = await parts.host.wanted.restart("board")
    await until(lambda: _equal(parts.host.runtimes["board"].generation, generation))
    await parts.host.runtimes["board"].settled()
    puppet.answers["now"] = Stat(value="with new settings")
    assert (await tiles(parts, me))["now"].data == Stat(value="with new settings")
