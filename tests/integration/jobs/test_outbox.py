"""Events: each listener of each running plugin once, and every process as best it can."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.jobs.process_listeners import ProcessListeners
from medianest_hub.plugin_api import Event, EventData, Listener
from medianest_hub.plugin_api.errors import UpstreamError

from .conftest import Bench, Process, eventually, rolled_back


class Added(EventData):
    """Something was added."""

    type: ClassVar[str] = "p:thing.added"

    name: str


class AddedAnew(Added):
    """The same in a later version."""

    version: ClassVar[int] = 2


class Ear:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Event[Any]] = []

    def listener(self, name: str = "hear", model: type[EventData] = Added, **options: Any) -> Listener:
        async def hear(ctx: Any, event: Event[Any]) -> None:
            self.heard.append(event)

        hear.__name__ = name
        return Listener(model, hear, **options)


async def emit(hub: Process, name: str, **options: Any) -> Any:
    return await hub.outbox.emit("p:thing.added", 1, "p", "main", {"name": name}, **options)


async def test_every_listener_hears_an_event_once_over_the_cluster(bench: Bench) -> None:
    one, two = await bench.process(), await bench.process()
    here, there = Ear(), Ear()
    for process, ear in ((one, here), (two, there)):
        await process.plugins.add("a", listeners=[ear.listener("first"), ear.listener("second")])
        await process.plugins.add("b", listeners=[ear.listener("first")])
    person = new_id()
    async with one.working(), two.working():
        ids = [await emit(one, f"n{number}", person=person) for number in range(20)]
        await eventually(lambda: len(here.heard) + len(there.heard) >= 60)
        await asyncio.sleep(0.3)
    heard = [*here.heard, *there.heard]
    assert sorted(str(event.id) for event in heard) == sorted(str(event_id) for event_id in ids * 3)
    event = heard[0]
    assert (event.v, event.type, event.source, event.instance, event.person) == (1, Added.type, "p", "main", person)
    assert isinstance(event.data, Added)
    assert event.at.tzinfo is not None


async def test_an_event_is_told_when_its_transaction_commits_and_only_then(hub: Process) -> None:
    ear = Ear()
    await hub.plugins.add("a", listeners=[ear.listener()])
    async with hub.working():
        async with rolled_back(hub.db) as tx:
            await emit(hub, "never", tx=tx)
        async with hub.db.transaction() as tx:
            await emit(hub, "once", tx=tx)
            await asyncio.sleep(0.3)
            assert not ear.heard
        await eventually(lambda: bool(ear.heard), within=1)
    assert [event.data.name for event in ear.heard] == ["once"]


async def test_a_listener_that_fails_is_tried_again_alone(hub: Process) -> None:
    attempts = 0

    async def shaky(ctx: Any, event: Event[Added]) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise UpstreamError("Busy.", service="x")

    ear = Ear()
    await hub.plugins.add("a", listeners=[Listener(Added, shaky), ear.listener()])
    async with hub.working():
        await emit(hub, "x")
        await eventually(lambda: attempts == 3)
    assert len(ear.heard) == 1


async def test_a_plugin_that_is_off_never_hears_of_it_and_one_still_starting_does(hub: Process) -> None:
    ear, late = Ear(), Ear()
    await hub.plugins.add("off", listeners=[ear.listener()])
    await hub.plugins.switch_off("off")
    starting = await hub.plugins.add("late", listeners=[late.listener()], start=False)
    starting.set_state(type(starting.state).RETRYING, "not reachable yet")
    async with hub.working():
        event_id = await emit(hub, "x")
        await eventually(lambda: _dispatched(hub, event_id))
        await hub.plugins.switch_on("off", 2)
        await hub.plugins.switch_on("late")
        await eventually(lambda: len(late.heard) == 1)
        await asyncio.sleep(0.2)
    assert not ear.heard


async def _dispatched(hub: Process, event_id: Any) -> bool:
    return bool(await hub.db.fetchval("SELECT dispatched_at IS NOT NULL FROM medianest.outbox WHERE id = $1", event_id))


async def test_listeners_hear_only_the_version_they_know(hub: Process) -> None:
    first, second = Ear(), Ear()
    await hub.plugins.add("a", listeners=[first.listener("first"), second.listener("second", AddedAnew)])
    async with hub.working():
        await emit(hub, "old")
        await hub.outbox.emit("p:thing.added", 2, "p", "main", {"name": "new"})
        await eventually(lambda: bool(first.heard and second.heard))
    assert [event.data.name for event in (*first.heard, *second.heard)] == ["old", "new"]


async def test_every_process_is_called_where_it_was_asked_for(bench: Bench) -> None:
    worker, web = await bench.process(), await bench.process(worker=False)
    ears = []
    for process in (worker, web):
        ear = Ear()
        ears.append(ear)
        await process.plugins.add("a", listeners=[ear.listener(every_process=True)])
    ProcessListeners(web.plugins, web.redis)
    async with worker.working():
        await web.redis.wait_subscribed()
        await emit(web, "x")
        await eventually(lambda: all(len(ear.heard) == 1 for ear in ears))
        await asyncio.sleep(0.2)
    assert [len(ear.heard) for ear in ears] == [1, 1]
    assert await worker.db.fetchval("SELECT count(*) FROM medianest.jobs") == 0


async def test_hundreds_of_events_at_once(hub: Process) -> None:
    ear = Ear()
    await hub.plugins.add("a", listeners=[ear.listener()])
    for number in range(0, 300, 100):
        async with hub.db.transaction() as tx:
            for each in range(number, number + 100):
                await emit(hub, str(each), tx=tx)
    async with hub.working():
        await eventually(lambda: len(ear.heard) >= 300, within=20)
    assert len({event.id for event in ear.heard}) == len(ear.heard) == 300
