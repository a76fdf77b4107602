"""One event to many pages at once: in order with all else they are sent, and nobody pays for one who does not read."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiohttp
import pytest

from medianest_hub.web.realtime_guests import Guest
from tests.integration.realtime.conftest import OpenPage, Replica, Somebody, StartReplica, sign_in, still_open

HIGH_WATER = 64 * 1024
"""Bytes in a transport above which Sanic's writers wait (`SanicProtocol.connection_made`)."""


def guests_of(replica: Replica, who: Somebody) -> list[Guest]:
    return replica.realtime.door.guests.of_person(who.person.id)


def unsent(guest: Guest) -> int:
    return int(guest.engine.queue.protocol.transport.get_write_buffer_size())


async def idle(guest: Guest) -> None:
    """Wait until everything queued for it has been written."""
    async with asyncio.timeout(5):
        while not guest.engine.queue._reader_waits:
            await asyncio.sleep(0.01)


async def test_an_event_leaves_without_a_task_being_woken(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    (guest,) = guests_of(replica, me)
    await idle(guest)
    replica.realtime.door.tell_room(f"user:{me.person.id}", "job:done", {"n": 1, "title": "Ölsardinen 🎬"})
    assert guest.engine.queue.empty()
    assert await page.until("job:done") == {"n": 1, "title": "Ölsardinen 🎬"}


async def test_what_is_told_to_one_and_to_all_comes_in_order(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    pages = [await open_page(replica, me.token) for _ in range(3)]
    door, dice = replica.realtime.door, random.Random(7)
    (guest, *_) = guests_of(replica, me)
    told = 0
    for n in range(600):
        filler = "x" * dice.choice([0, 100, 20_000])
        if dice.random() < 0.3:
            told += 1
            await door.tell(guest, "job:done", {"n": n, "filler": filler})
        else:
            door.tell_room(f"user:{me.person.id}", "job:done", {"n": n, "filler": filler})
        for _ in range(dice.choice([0, 0, 0, 1, 2, 5])):
            await asyncio.sleep(0)
    await still_open(pages[0], replica, me)
    counts = []
    for page in pages:
        await page.until("probe:probe")
        numbers = [data["n"] for data in page.got("job:done")]
        assert numbers == sorted(set(numbers))
        counts.append(len(numbers))
    assert sorted(counts) == [600 - told, 600 - told, 600]


async def test_one_who_does_not_read_holds_no_more_than_its_bound_and_is_dropped_there(
    start_replica: StartReplica, open_page: OpenPage, monkeypatch: Any
) -> None:
    monkeypatch.setattr("medianest_hub.web.realtime_door.MOST_WAITING", 400)
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    slow = await open_page(replica, me.token)
    (stuck,) = guests_of(replica, me)
    page = await open_page(replica, me.token)
    transport = slow.client.eio.ws._response.connection.transport
    transport.pause_reading()
    filler, count, most = "x" * 30_000, 0, 0
    async with asyncio.timeout(30):
        while stuck in guests_of(replica, me):
            replica.realtime.door.tell_room(f"user:{me.person.id}", "job:done", {"n": count, "filler": filler})
            count += 1
            await page.until("job:done", count=count)
            if stuck in guests_of(replica, me):
                most = max(most, unsent(stuck))
    assert 0 < most <= HIGH_WATER + len(filler) + 100
    waiting = [packet for packet in stuck.engine.queue._queue if packet is not None]
    assert len(waiting) > 400
    transport.resume_reading()
    await still_open(page, replica, me)
    assert [data["n"] for data in page.got("job:done")] == list(range(count))


async def test_those_who_do_not_read_share_what_waits_for_them(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    for _ in range(2):
        page = await open_page(replica, me.token)
        page.client.eio.ws._response.connection.transport.pause_reading()
    queues = [guest.engine.queue for guest in guests_of(replica, me)]
    filler = "x" * 30_000
    async with asyncio.timeout(30):
        while min(queue.qsize() for queue in queues) < 100:
            replica.realtime.door.tell_room(f"user:{me.person.id}", "job:done", {"filler": filler})
            await asyncio.sleep(0)
    one, two = ([id(packet) for packet in queue._queue][-100:] for queue in queues)
    assert one == two


@pytest.mark.parametrize("who_ends", ["the hub", "the hub, without a word", "the page"])
async def test_a_connection_that_is_ending_gets_no_event_more(start_replica: StartReplica, who_ends: str) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    door, room = replica.realtime.door, f"user:{me.person.id}"
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"{replica.url}/socket.io/?EIO=4&transport=websocket", autoclose=False)
        await socket.send_str(f'40{{"token":"{me.token}"}}')
        while not (await socket.receive_str(timeout=5)).startswith('42["realtime:ready"'):
            pass
        (guest,) = guests_of(replica, me)
        await idle(guest)
        door.tell_room(room, "job:done", {"n": "before"})
        if who_ends == "the hub":
            door.close(guest)
        elif who_ends == "the page":
            websocket = guest.engine.queue.protocol.websocket
            closing = asyncio.create_task(socket.close())
            while websocket.ws_proto.state.name == "OPEN":
                await asyncio.sleep(0)
        else:
            door.drop(guest)
        for _ in range(50):
            door.tell_room(room, "job:done", {"n": "after"})
            await asyncio.sleep(0)
        if who_ends == "the page":
            async with asyncio.timeout(5):
                await closing  # nothing but the answer to its own closing came after it
            assert socket.close_code == 1000
            return
        said = []
        while (message := await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            said.append(message.data)
        await socket.close()
    assert said[0] == '42["job:done",{"n":"before"}]'
    assert not any("after" in text for text in said)
    assert message.type is aiohttp.WSMsgType.CLOSE
