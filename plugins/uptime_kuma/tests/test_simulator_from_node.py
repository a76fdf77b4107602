"""The simulated 2.x is driven by socket.io-client, with which the real one's own pages speak to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.uptime_kuma.server import KumaSimulator, Status

MODULES = Path(__file__).parents[3] / ".cache" / "node-peers" / "node_modules"
CLIENT = Path(__file__).with_name("kuma_client.mjs")
NODE = shutil.which("node") or ""
WEBSOCKET = {"transports": ["websocket"]}
PASSWORD = "Passw0rd123"
Line = tuple[str, str, list[Any]]

pytestmark = pytest.mark.skipif(
    not NODE or not (MODULES / "socket.io-client").is_dir(),
    reason="socket.io-client is not here: scripts/node-peers brings it",
)


@pytest.fixture
def simulator() -> Iterator[KumaSimulator]:
    simulator = KumaSimulator()
    simulator.add("Media", "group")
    simulator.add("Plex", group=1, url="http://plex.home.example")
    simulator.beat(2, Status.UP, ping=12)
    with simulator.running():
        yield simulator


def login(password: str = PASSWORD, token: str = "") -> list[Any]:
    return ["login", {"username": "admin", "password": password, "token": token}]


class Node:
    """The client as a process; `lines` are what it has said so far."""

    def __init__(
        self, simulator: KumaSimulator, calls: list[Any], until: dict[str, int], options: dict[str, Any]
    ) -> None:
        given = {"url": simulator.url, "calls": calls, "until": until, "options": options}
        self._command = [NODE, str(CLIENT), str(MODULES.parent), json.dumps(given)]
        self.lines: list[Line] = []

    async def __aenter__(self) -> Node:
        self._process = await asyncio.create_subprocess_exec(*self._command, stdout=subprocess.PIPE, limit=2**24)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._process.stdout is not None
        if kind is not None:
            self._process.kill()
            await self._process.communicate()
            return
        async for line in self._process.stdout:
            self._take(line)
        assert await self._process.wait() == 0, self.lines

    async def hears(self, what: str, name: str) -> list[Any]:
        """The arguments of the next such line."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if self._take(line)[:2] == (what, name):
                return self.lines[-1][2]
        raise AssertionError(f"no {what} {name}: {self.lines}")

    def _take(self, line: bytes) -> Line:
        what, name, args = json.loads(line)
        self.lines.append((what, name, args))
        return self.lines[-1]


async def played(
    simulator: KumaSimulator, calls: list[Any], until: dict[str, int], options: dict[str, Any] = WEBSOCKET
) -> list[Line]:
    async with Node(simulator, calls, until, options) as node:
        pass
    return node.lines


async def test_the_burst_comes_before_the_ack(simulator):
    lines = await played(simulator, [login()], {"ack login": 1})
    names = [name for what, name, _ in lines if what == "in"]

    assert names[:3] == ["info", "loginRequired", "monitorList"]
    assert names.index("statusPageList") < names.index("avgPing") < names.index("uptime") < names.index("heartbeatList")
    assert (lines[-1][0], lines[-1][2][0]["ok"]) == ("ack", True)
    beats = [args for what, name, args in lines if name == "heartbeatList"]
    assert [(number, len(rows), overwrite) for number, rows, overwrite in beats] == [("1", 0, False), ("2", 1, False)]
    assert (beats[1][1][0]["monitor_id"], beats[1][1][0]["important"]) == (2, 1)


async def test_the_burst_fits_through_polling_and_an_upgrade(simulator):
    for at in range(60):
        simulator.add(f"Monitor {at}")
    polled = await played(simulator, [login()], {"heartbeatList": 62, "ack login": 1}, {"transports": ["polling"]})
    assert polled[0] == ("transport", "polling", [])
    upgraded = await played(simulator, [login()], {"heartbeatList": 62, "ack login": 1}, {})
    assert len([one for one in upgraded if one[1] == "heartbeatList"]) == 62


async def test_refusals_are_keys_of_translations(simulator):
    simulator.world.second_factor()
    code = simulator.world.totp_code()
    calls = [login("wrong"), login(), login(token=code), ["loginByToken", "garbage"], ["getTags"], ["unheardOf"]]
    lines = await played(simulator, calls, {"ack unheardOf": 1})
    acks = [args[0] for what, _, args in lines if what == "ack"]

    assert acks[0] == {"ok": False, "msg": "authIncorrectCreds", "msgi18n": True}
    assert acks[1] == {"tokenRequired": True}
    assert acks[2]["ok"] is True
    assert acks[3] == {"ok": False, "msg": "authInvalidToken", "msgi18n": True}
    assert acks[4] == {"ok": True, "tags": []}
    assert ("unanswered", "unheardOf") in [one[:2] for one in lines]


async def test_changes_come_one_by_one(simulator):
    calls = [login(), ["add", {"name": "Temp", "type": "http", "url": "http://t/", "interval": 20, "parent": 1}]]
    calls += [["pauseMonitor", 3], ["deleteMonitor", 3], ["getMonitor", 2]]
    lines = await played(simulator, calls, {"deleteMonitorFromList": 1, "ack getMonitor": 1})
    changes = [args[0] for what, name, args in lines if name == "updateMonitorIntoList"]

    assert [(one["3"]["path"], one["3"]["active"]) for one in changes] == [
        (["Media", "Temp"], True),
        (["Media", "Temp"], False),
    ]
    assert [args for _, name, args in lines if name == "deleteMonitorFromList"] == [[3]]
    monitor = lines[-1][2][0]["monitor"]
    assert (monitor["path"], monitor["pathName"]) == (["Media", None], "Media / ")


async def test_a_live_beat_has_numbers_and_booleans(simulator):
    async with Node(simulator, [login()], {"uptime": 9}, WEBSOCKET) as node:
        await node.hears("ack", "login")
        simulator.beat(2, Status.DOWN, "timeout")
        assert await node.hears("in", "maintenanceList") == [{}]
        (beat,) = await node.hears("in", "heartbeat")
        assert beat.keys() == {"monitorID", "status", "time", "msg", "important", "retries"}
        assert (beat["monitorID"], beat["important"], beat["retries"]) == (2, True, 1)
        assert await node.hears("in", "avgPing") == [2, 12]
    assert node.lines[-1][2] == [2, "1y", 0.5]


async def test_a_foreign_origin_is_refused(simulator):
    foreign = {**WEBSOCKET, "extraHeaders": {"Origin": "http://evil.example"}}
    assert (await played(simulator, [], {"info": 1}, foreign))[0][:2] == ("refused", "websocket error")
    own = {**WEBSOCKET, "extraHeaders": {"Origin": simulator.url}}
    assert (await played(simulator, [], {"info": 1}, own))[0][0] == "transport"


async def test_a_kick_and_a_changed_password_end_the_connection(simulator):
    async with Node(simulator, [login()], {"disconnect": 1}, WEBSOCKET) as node:
        await node.hears("ack", "login")
        simulator.kick()
    assert node.lines[-1][:2] == ("end", "transport close")

    async with Node(simulator, [login()], {"disconnect": 1}, WEBSOCKET) as node:
        await node.hears("ack", "login")
        simulator.change_password("Other0ne")
    assert [one[:2] for one in node.lines[-2:]] == [("in", "refresh"), ("end", "io server disconnect")]
    assert simulator.connected == 0
