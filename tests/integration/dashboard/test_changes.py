"""What follows when a widget changes: forgotten everywhere, announced without a flood; and a Redis that comes and goes."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import time
from typing import Any

import pytest
import redis.asyncio

from medianest_hub.dashboard import Tile, TileState
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.infrastructure.realtime_log import CHANNEL
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api import Person, Role, Stat, errors
from tests.integration.dashboard.conftest import OpenParts, WritePuppet, person
from tests.integration.dashboard.test_board import LONG, SHORT, tiles, until

EPOCH = "mn:epoch:dashboard:tiles"


class Heard:
    """Every `widget:changed` announced on the channel, with the time it was; `async with` it."""

    def __init__(self, parts: HubParts) -> None:
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._client = redis.asyncio.Redis.from_url(parts.redis.url)
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)

    async def __aenter__(self) -> Heard:
        await self._pubsub.subscribe(CHANNEL)
        await self._pubsub.get_message(timeout=5)  # the confirmation
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._pubsub.aclose()
        await self._client.aclose()

    async def _listen(self) -> None:
        async for message in self._pubsub.listen():
            event = json.loads(message["data"])
            if event.get("event") == "widget:changed":
                self.events.append((time.monotonic(), event))

    def audiences(self) -> set[tuple[str, str | None, str | None]]:
        return {(event["data"]["id"], event["person"], event["permission"]) for _, event in self.events}


async def truth(value: object) -> object:
    return value


async def shown(parts: HubParts, who: Person) -> Tile:
    return (await tiles(parts, who))["now"]


@pytest.mark.parametrize("scope", ["PERSON", "ROLE", "EVERYONE"])
async def test_a_changed_widget_is_loaded_anew_on_every_replica(
    open_parts: OpenParts, write_puppet: WritePuppet, scope: str
) -> None:
    puppet = write_puppet("board", now=f"scope={scope}")
    one, two = await open_parts(), await open_parts()
    me, other = person(), person(Role.ADMIN)
    puppet.answers["now"] = Stat(value="old")
    for parts in (one, two):
        assert [(await shown(parts, who)).data for who in (me, other)] == [Stat(value="old")] * 2
    puppet.answers["now"] = Stat(value="new")
    before = await one.redis.call("GET", EPOCH)
    await two.dashboard.changed("board", "main", "now")
    assert await one.redis.call("GET", EPOCH) != before
    for parts in (one, two):
        assert [(await shown(parts, who)).data for who in (me, other)] == [Stat(value="new")] * 2


async def test_a_change_for_one_person_concerns_nobody_else(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    puppet = write_puppet("board", now='permission="read"', body=PERMISSION)
    parts = await open_parts()
    me, other = person(Role.MEMBER, "board.read"), person(Role.MEMBER, "board.read")
    puppet.answers["now"] = Stat(value="old")
    await shown(parts, me)
    await shown(parts, other)
    async with Heard(parts) as heard:
        puppet.answers["now"] = Stat(value="new")
        await parts.dashboard.changed("board", "main", "now", me.id)
        assert (await shown(parts, me)).data == Stat(value="new")
        assert (await shown(parts, other)).data == Stat(value="old")
        await until(lambda: truth(heard.events))
        assert heard.audiences() == {("board.main.now", str(me.id), None)}


PERMISSION = """
@hookimpl
def hub_plugin():
    return PluginInfo(title="Board", api_version=1, permissions=[Permission("read", default=Role.MEMBER)])
"""


async def test_a_change_of_what_is_shared_is_told_to_all_who_may_see_it(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    write_puppet("board", now='scope=ROLE, permission="read"', body=PERMISSION)
    parts = await open_parts()
    async with Heard(parts) as heard:
        await parts.dashboard.changed("board", "main", "now", person().id)
        await until(lambda: truth(heard.events))
        assert heard.audiences() == {("board.main.now", None, "board.read")}


async def test_a_change_of_a_widget_there_is_not_names_it(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    write_puppet("board", now="")
    parts = await open_parts()
    with pytest.raises(ValueError, match="'board' has no widget 'then'"):
        await parts.dashboard.changed("board", "main", "then")
    with pytest.raises(ValueError, match="no widget"):
        await parts.dashboard.changed("nobody", "main", "now")


async def test_a_load_that_began_before_a_change_does_not_serve_those_who_ask_after_it(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="scope=EVERYONE")
    one, two = await open_parts(**LONG), await open_parts(**LONG)
    begun, release = asyncio.Event(), asyncio.Event()

    async def old(_viewer: object) -> Stat:
        begun.set()
        await release.wait()
        return Stat(value="old")

    puppet.answers["now"] = old
    early = asyncio.create_task(shown(one, person()))
    await begun.wait()
    puppet.answers["now"] = Stat(value="new")
    await two.dashboard.changed("board", "main", "now")
    late = [asyncio.create_task(shown(parts, person())) for parts in (one, two, one)]
    await asyncio.sleep(0.05)
    release.set()
    assert (await early).data == Stat(value="old")
    assert [(await tile).data for tile in late] == [Stat(value="new")] * 3
    assert puppet.loads("now") == 2


async def test_old_data_stands_in_for_a_changed_widget_that_loads_slowly(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="")
    parts = await open_parts(**SHORT)
    me = person()
    await shown(parts, me)
    release = asyncio.Event()

    async def slow(_viewer: object) -> Stat:
        await release.wait()
        return Stat(value="new")

    puppet.answers["now"] = slow
    await parts.dashboard.changed("board", "main", "now", me.id)
    tile = await shown(parts, me)
    assert (tile.state, tile.data) == (TileState.STALE, Stat(value=1))
    release.set()
    await until(lambda: _is(parts, me, Stat(value="new")))


async def _is(parts: HubParts, who: Person, data: Stat) -> bool:
    return (await shown(parts, who)).data == data


async def test_what_a_person_took_back_is_not_shown_beside_the_failure_that_follows(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="")
    parts = await open_parts()
    me = person()
    await shown(parts, me)
    puppet.answers["now"] = errors.Unauthorized("Link your account first.")
    await parts.dashboard.changed("board", "main", "now", me.id)
    tile = await shown(parts, me)
    assert (tile.state, tile.data) == (TileState.ERROR, None)
    assert tile.error is not None
    assert tile.error.message == "Link your account first."


async def test_a_burst_of_changes_is_told_at_most_four_times_a_second_and_its_end_always(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    write_puppet("board", now="")
    parts = await open_parts()
    async with Heard(parts) as heard:
        me = person()
        ends = time.monotonic() + 1.2
        last = 0.0
        while time.monotonic() < ends:
            last = time.monotonic()
            await parts.dashboard.changed("board", "main", "now", me.id)
            await asyncio.sleep(0.02)
        await until(lambda: truth(heard.events and heard.events[-1][0] > last))
        times = [at for at, _ in heard.events]
        assert 4 <= len(times) <= 7
        # Sent at 0.25 s intervals; hearing of it may jitter.
        assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.15
        assert sum(event["seq"] is not None for _, event in heard.events) == 1  # one is kept for pages asleep


async def test_what_is_due_is_told_and_kept_when_the_process_stops(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    write_puppet("board", now="")
    parts = await open_parts()
    async with Heard(parts) as heard:
        for _ in range(3):
            await parts.dashboard.changed("board", "main", "now")
        await until(lambda: truth(heard.events))
        await parts.dashboard.changed("board", "main", "now")
        await parts.dashboard.close()
        kept = [event for event in await parts.realtime.since(0) if event.event == "widget:changed"]
        assert len(kept) == 2


async def test_without_redis_the_dashboard_goes_on_and_catches_up_when_it_is_back(
    open_parts: OpenParts, write_puppet: WritePuppet, valkey_server: EmbeddedValkey
) -> None:
    puppet = write_puppet("board", now="", other="")
    parts = await open_parts(redis=valkey_server.url)
    me = person()
    puppet.answers["now"] = Stat(value="before")
    assert (await shown(parts, me)).data == Stat(value="before")
    valkey_server.stop()
    assert (await shown(parts, me)).data == Stat(value="before")
    assert puppet.loads("now") == 1  # from this process's own copy
    puppet.answers["now"] = Stat(value="during")
    await parts.dashboard.changed("board", "main", "now", me.id)
    looks = await asyncio.gather(*(shown(parts, me) for _ in range(20)))
    assert [tile.data for tile in looks] == [Stat(value="during")] * 20
    assert puppet.loads("now") == 2  # one flight in this process

    async def kept() -> bool:  # readable once no older transaction of anybody's is under way
        return [event.data["id"] for event in await parts.realtime.since(0)] == ["board.main.now"]

    assert await until(kept)  # with no Redis only what is kept reaches anybody
    valkey_server.start()
    valkey_server.wait_ready()
    await until(lambda: truth(not parts.redis.is_away))
    await parts.dashboard.changed("board", "main", "now", me.id)
    puppet.answers["now"] = Stat(value="after")
    assert await until(lambda: _is(parts, me, Stat(value="after")))
    assert await parts.redis.call("EXISTS", f"mn:tile:board:main:now:{me.id}") == 1


async def test_a_change_during_an_outage_outdates_what_redis_still_holds(
    open_parts: OpenParts, write_puppet: WritePuppet, valkey_server: EmbeddedValkey
) -> None:
    puppet = write_puppet("board", now="scope=EVERYONE")
    one, two = await open_parts(redis=valkey_server.url), await open_parts(redis=valkey_server.url)
    puppet.answers["now"] = Stat(value="old")
    await shown(one, person())
    process = valkey_server.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)  # hangs, and will still know all it knew
    try:
        with pytest.raises(Exception):  # noqa: B017 - whatever says that it is away
            await one.redis.call("PING")
        puppet.answers["now"] = Stat(value="new")
        await one.dashboard.changed("board", "main", "now")
    finally:
        process.send_signal(signal.SIGCONT)
    await until(lambda: truth(not one.redis.is_away), within=10)
    assert await until(lambda: _is(two, person(), Stat(value="new")))


async def test_an_emptied_redis_costs_a_load_and_nothing_more(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    puppet = write_puppet("board", now="")
    parts = await open_parts(**LONG)
    me = person()
    begun, release = asyncio.Event(), asyncio.Event()

    async def load(_viewer: object) -> Stat:
        begun.set()
        await release.wait()
        return Stat(value="x")

    puppet.answers["now"] = load
    look = asyncio.create_task(shown(parts, me))
    await begun.wait()
    await parts.redis.call("FLUSHALL")
    release.set()
    assert (await look).data == Stat(value="x")
    await parts.redis.call("FLUSHALL")
    assert (await shown(parts, me)).data == Stat(value="x")
    assert puppet.loads("now") == 2


async def test_a_replica_that_died_while_loading_is_replaced_after_its_time(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("board", now="deadline=1")
    parts = await open_parts(**LONG)
    me = person()
    # As left behind by a process killed in its load, 0.3 s before its time is up.
    await parts.redis.call("SET", f"mn:tile-lock:board:main:now:{me.id}", "somebody-else", "PX", 300)
    began = time.monotonic()
    assert (await shown(parts, me)).state is TileState.OK
    assert 0.2 < time.monotonic() - began < 2
    assert puppet.loads("now") == 1
