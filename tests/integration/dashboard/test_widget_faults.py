"""What a widget may do wrong, and what a person sees of it: one tile, with words, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from medianest_hub.dashboard import Tile, TileState
from medianest_hub.dashboard.asking import MOST_BYTES
from medianest_hub.plugin_api import Action, ItemList, ListItem, MediaCard, MediaRow, Stat, Text, errors
from tests.integration.dashboard.conftest import OpenParts, WritePuppet, person
from tests.integration.dashboard.test_board import LONG, sent, tiles, until


async def test_a_failing_widget_is_one_tile_with_its_reason_and_is_left_alone_for_a_while(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", good="", bad="", worse="")
    puppet.answers["bad"] = errors.UpstreamError("Plex answered 500.", service="plex")
    puppet.answers["worse"] = RuntimeError("postgresql://app:hunter2@/app is gone")
    parts = await open_parts()
    me = person()
    shown = await tiles(parts, me)
    assert shown["good"].state is TileState.OK
    bad, worse = shown["bad"], shown["worse"]
    assert (bad.state, bad.data) == (TileState.ERROR, None)
    assert bad.error is not None
    assert bad.error.model_dump() == {
        "code": "upstream_error",
        "message": "Plex answered 500.",
        "params": {"service": "plex"},
    }
    assert worse.error is not None
    assert worse.error.code == "widget_failed"
    assert "hunter2" not in worse.model_dump_json()
    for _ in range(5):
        await parts.dashboard.page(me)
    assert (puppet.loads("bad"), puppet.loads("worse")) == (1, 1)


async def test_a_failure_leaves_older_data_on_show_with_the_reason(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="ttl=1")
    parts = await open_parts()
    me = person()
    await parts.dashboard.page(me)
    puppet.answers["now"] = errors.Unavailable("Plex is being restarted.")

    async def failed() -> Tile | None:
        tile = (await tiles(parts, me))["now"]
        return tile if tile.error else None

    tile = await until(failed)
    assert (tile.state, tile.data, tile.error.code) == (TileState.STALE, Stat(value=1), "unavailable")
    assert await until(lambda: sent(parts)) == [("board.main.now", me.id, None)]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Text(text="not a stat"),
        Stat.model_construct(value=object()),
        Stat(value=float("nan")),
        {"kind": "stat", "value": 1},
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        GeneratorExit(),
    ],
    ids=lambda answer: type(answer).__name__,
)
async def test_whatever_a_load_returns_or_raises_is_only_an_error_tile(
    open_parts: OpenParts, write_puppet: WritePuppet, answer: object
) -> None:
    puppet = write_puppet("board", bad="", good="")
    puppet.answers["bad"] = answer
    parts = await open_parts(MEDIANEST_DASHBOARD__BUDGET_MS="10000")
    shown = await tiles(parts, person())
    assert shown["good"].state is TileState.OK
    assert shown["bad"].state is TileState.ERROR
    assert shown["bad"].error is not None
    assert shown["bad"].error.code == "widget_failed"


@pytest.mark.parametrize("kind", ["ItemList", "MediaRow"])
async def test_an_action_that_is_not_for_the_plugins_own_routes_is_an_error_tile_that_says_so(
    open_parts: OpenParts, write_puppet: WritePuppet, kind: str
) -> None:
    puppet = write_puppet(
        "board",
        f"@widget('rows', title='Rows')\nasync def rows(ctx, viewer) -> {kind}:\n    return await load('rows', viewer)\n\n"
        "@hookimpl\ndef hub_widgets():\n    return [rows]\n",
    )
    offered = [Action(id="ok", title="Approve", path="/api/v1/board/wishes/7", body={"is4k": False})]
    parts = await open_parts()
    for path, state in (("/api/v1/board/wishes/8", TileState.OK), ("/api/v1/users/8", TileState.ERROR)):
        actions = [*offered, Action(id="x", title="X", path=path, method="DELETE")]
        puppet.answers["rows"] = (
            ItemList(items=[ListItem(id="7", title="Alien", actions=actions)])
            if kind == "ItemList"
            else MediaRow(items=[MediaCard(id="7", title="Alien", actions=actions)])
        )
        tile = (await tiles(parts, person()))["rows"]
        assert tile.state is state
    assert tile.error is not None
    assert tile.error.code == "widget_action_refused"
    assert tile.error.message == "The action 'x' is for a route that is not of the plugin board."


async def test_what_a_subclass_adds_does_not_leave_the_house(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    class Richer(Stat):
        token: str = "hunter2"

    puppet = write_puppet("board", now="")
    puppet.answers["now"] = Richer(value=5)
    parts = await open_parts()
    page = await parts.dashboard.page(person())
    assert page.items[0].data == Stat(value=5)
    assert "hunter2" not in page.items[0].model_dump_json()


async def test_a_widget_with_far_too_much_is_an_error(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    puppet = write_puppet("board", now="")
    puppet.answers["now"] = Stat(value="x" * MOST_BYTES)
    parts = await open_parts()
    tile = (await tiles(parts, person()))["now"]
    assert tile.error is not None
    assert tile.error.code == "widget_too_large"


async def test_a_load_past_its_deadline_is_an_error_and_is_cancelled(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="deadline=0.1")
    cancelled = asyncio.Event()

    async def hang(_viewer: object) -> Stat:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Stat(value=0)

    puppet.answers["now"] = hang
    parts = await open_parts(**LONG)
    tile = (await tiles(parts, person()))["now"]
    assert tile.error is not None
    assert (tile.error.code, tile.error.params) == ("widget_timeout", {"seconds": 0.1})
    assert cancelled.is_set()


async def test_loads_that_ignore_being_cancelled_do_not_pile_up(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="deadline=0.05")
    release = asyncio.Event()

    async def stubborn(_viewer: object) -> Stat:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return Stat(value=0)

    puppet.answers["now"] = stubborn
    parts = await open_parts(**LONG)
    codes = []
    for _ in range(6):
        tile = (await tiles(parts, person()))["now"]
        assert tile.error is not None
        codes.append(tile.error.code)
    assert codes == ["widget_timeout"] * 4 + ["widget_stuck"] * 2
    assert len(puppet.calls) == 4
    release.set()
