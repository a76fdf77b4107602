"""How the simulator goes wrong over its socket when it is told to, and that it stands, falls and comes back as told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.uptime_kuma.household import FLAPPING, IN_MAINTENANCE, furnish, household_script
from tests.simulators.uptime_kuma.server import KumaSimulator, Status

LOGIN = {"username": "admin", "password": "Passw0rd123", "token": ""}


@pytest.fixture(params=["1.23.17", "2.5.3"])
def simulator(request: pytest.FixtureRequest) -> Iterator[KumaSimulator]:
    simulator = KumaSimulator(request.param)
    for name in ("One", "Two"):
        simulator.beat(simulator.add(name).id, Status.UP, ping=3)
    with simulator.running():
        yield simulator


class Client:
    """A Socket.IO client that keeps what it hears."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.sio = socketio.AsyncClient(reconnection=False, http_session=http)
        self.heard: list[tuple[str, tuple[Any, ...]]] = []
        self.ended = asyncio.Event()
        self._news = asyncio.Condition()
        self.sio.on("*", self._note)
        self.sio.on("disconnect", self._end)

    async def login(self) -> Any:
        return await self.sio.call("login", LOGIN, timeout=5)

    async def hears(self, event: str, times: int = 1) -> tuple[Any, ...]:
        """The arguments of the last of so many."""
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: len(self.all(event)) >= times)
        return self.all(event)[times - 1]

    def all(self, event: str) -> list[tuple[Any, ...]]:
        return [args for name, args in self.heard if name == event]

    async def _note(self, event: str, *args: Any) -> None:
        async with self._news:
            self.heard.append((event, args))
            self._news.notify_all()

    async def _end(self, *_: Any) -> None:
        self.ended.set()


@asynccontextmanager
async def connected(simulator: KumaSimulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        client = Client(http)
        await client.sio.connect(simulator.url, transports=["websocket"])
        try:
            yield client
        finally:
            await client.sio.disconnect()


async def refused(simulator: KumaSimulator) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientError):
            await http.ws_connect(f"{simulator.url}/socket.io/?EIO=4&transport=websocket")


@pytest.mark.parametrize("fault", ["refuse", "503", "html", "reset", "empty", "not_json"])
async def test_a_spoiled_handshake_is_no_connection(simulator, fault):
    simulator.faults.set("socket", fault)
    await refused(simulator)
    assert simulator.connected == 0
    assert simulator.asked_of("socket")


async def test_calls_are_unanswered_or_answered_in_another_shape(simulator):
    async with connected(simulator) as client:
        simulator.faults.set("login", "no_ack", times=1)
        with pytest.raises(socketio.exceptions.TimeoutError):
            await client.sio.call("login", LOGIN, timeout=0.1)
        answers = {}
        for fault in ("other_shape", "nothing", "half", "500"):
            simulator.faults.set("login", fault, times=1)
            answers[fault] = await client.login()
        assert answers["other_shape"][0] is True
        assert answers["nothing"] in (None, [], ())
        assert answers["half"] == {"ok": True}
        assert answers["500"] == {"ok": False, "msg": "SQLITE_BUSY: database is locked"}
        simulator.faults.set("get_tags", "cut")
        with pytest.raises((socketio.exceptions.DisconnectedError, socketio.exceptions.TimeoutError)):
            await client.sio.call("getTags", timeout=0.2)
        await asyncio.wait_for(client.ended.wait(), 5)


async def test_a_burst_that_never_comes_leaves_the_ack(simulator):
    simulator.faults.set("burst", "nothing")
    async with connected(simulator) as client:
        assert (await client.login())["ok"] is True
        simulator.beat(1, Status.DOWN)
        await client.hears("heartbeat")
        assert client.all("monitorList") == []


async def test_a_burst_may_be_cut_in_the_middle(simulator):
    simulator.faults.set("burst", "cut")
    async with connected(simulator) as client:
        await client.sio.emit("login", LOGIN)
        await asyncio.wait_for(client.ended.wait(), 5)
        assert len(client.all("monitorList")) == 1
        assert len(client.all("uptime")) < 4


async def test_a_burst_may_lose_fields_change_types_or_be_something_else(simulator):
    simulator.faults.set("burst", "half", times=1)
    async with connected(simulator) as client:
        await client.login()
        (monitors,) = await client.hears("monitorList")
        assert ("id" in monitors["1"], "name" in monitors["1"], "2" in monitors) == (True, False, False)
        simulator.faults.set("burst", "other_shape", times=1)
        await client.login()
        assert await client.hears("monitorList", 2) == ([True, None, {"id": "x" * 100}],)


async def test_a_burst_may_be_one_huge_message(simulator):
    simulator.faults.huge_bytes = 3_000_000
    simulator.faults.set("burst", "huge", times=1)
    async with connected(simulator) as client:
        await client.login()
        (monitors,) = await client.hears("monitorList")
        assert len(monitors["1"]["description"]) == 3_000_000


async def test_a_single_event_may_be_lost_or_spoiled(simulator):
    async with connected(simulator) as client:
        await client.login()
        for fault in ("nothing", "half"):
            simulator.faults.set("heartbeat", fault, times=1)
            simulator.beat(1, Status.DOWN)
        (beat,) = await client.hears("heartbeat")
        assert ("monitorID" in beat, "status" in beat) == (True, False)


async def test_a_silent_server_keeps_the_connection_and_says_nothing(simulator):
    async with connected(simulator) as client:
        await client.login()
        simulator.silence()
        simulator.beat(1, Status.DOWN, "unheard")
        with pytest.raises(socketio.exceptions.TimeoutError):
            await client.sio.call("getTags", timeout=0.1)
        assert (simulator.connected, client.ended.is_set()) == (1, False)
        simulator.silence(False)
        simulator.beat(1, Status.UP, "heard")
        await client.hears("heartbeat")
        assert [args[0]["msg"] for args in client.all("heartbeat")] == ["heard"]


async def test_a_silent_server_does_not_even_ping(simulator):
    quick = KumaSimulator(simulator.world.version)
    quick.pings = (0.05, 5)
    ping, pong, connect = "2", "3", "40"
    with quick.running():
        url = f"{quick.url}/socket.io/?EIO=4&transport=websocket"
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
            await socket.send_str(connect)
            while await socket.receive_str(timeout=5) != ping:
                pass
            quick.silence()
            await socket.send_str(pong)
            with pytest.raises(TimeoutError):
                await socket.receive(timeout=0.3)
            assert quick.connected == 1


async def test_it_falls_and_comes_back_on_the_same_port(simulator):
    async with connected(simulator) as client:
        token = (await client.login())["token"]
        simulator.stop()
        await asyncio.wait_for(client.ended.wait(), 5)
        await refused(simulator)
    simulator.restart()
    async with connected(simulator) as client:
        assert await client.sio.call("loginByToken", token) == {"ok": True}
        (monitors,) = await client.hears("monitorList")
        assert monitors.keys() == {"1", "2"}
    await simulator.reached(lambda: simulator.connected == 0)


async def test_lists_go_to_every_socket_of_the_user_again(simulator):
    async with connected(simulator) as first, connected(simulator) as second:
        await first.login()
        await first.hears("heartbeatList", 2)
        await second.login()
        await first.hears("monitorList", 2)
        await second.hears("heartbeatList", 2)
        assert len(first.all("heartbeatList")) == 2


async def test_the_household_beats_by_itself(simulator):
    household = KumaSimulator(simulator.world.version)
    furnish(household)
    names = {one.name: one.id for one in household.world.monitors.values()}
    with household.running():
        async with connected(household) as client:
            await client.login()
            household.live(household_script, speed=400)
            for _ in range(3):
                await client.hears("heartbeat", len(client.all("heartbeat")) + 30)
            household.live(None)
            beats = [args[0] for args in client.all("heartbeat")]
    assert len(names) == 15
    assert {one["status"] for one in beats if one["monitorID"] == names[IN_MAINTENANCE]} == {Status.MAINTENANCE}
    assert {one["monitorID"] for one in beats} >= {names["Plex"], names["Network"], names[FLAPPING]}
