"""Recorded sessions played again by a server of their own: what the hub keeps and tells is what happened then."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from .conftest import PASSWORD, USERNAME, Ctx, sent, until
from .reading import monitors, reading, source_of
from .recordings import STREAMS, recorded

SESSIONS = {"1.23.17": STREAMS[0], "2.5.3": STREAMS[2]}
_PAUSED = 4


class Replay:
    """Plays a session again: what came in is sent, and a log-in is waited for and answered where it was."""

    def __init__(self, file: Path) -> None:
        self.entries = [one for one in json.loads(file.read_text()) if one["dir"] != "meta"]
        self.played = asyncio.Event()
        self.logins = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application()
        app.add_routes([web.get("/socket.io/", self._serve)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        assert request.query["transport"] == "websocket"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        opened = {"sid": "one", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}
        await socket.send_str(f"0{json.dumps(opened)}")
        assert await socket.receive_str() == "40"
        await socket.send_str('40{"sid":"two"}')
        number = ""
        for one in self.entries:
            if one["dir"] == "in":
                await socket.send_str(f"42{json.dumps([one['event'], *one['args']])}")
            elif one["event"] == "login" and one["dir"] == "out":
                head, _, rest = (await socket.receive_str()).partition("[")
                number = head.removeprefix("42")
                assert json.loads(f"[{rest}") == ["login", *one["args"]]
                self.logins += 1
            elif one["event"] == "login":
                await socket.send_str(f"43{number}{json.dumps([one['args']])}")
        self.played.set()
        async for message in socket:
            assert message.type is WSMsgType.TEXT
        return socket

    def happened(self) -> tuple[dict[int, dict[str, Any]], list[tuple[str, int]], datetime]:
        """Who is there in the end, which changes of a status there were, and when the last beat was."""
        listed: dict[int, dict[str, Any]] = {}
        status: dict[int, int] = {}
        changes: list[tuple[str, int]] = []
        last = ""
        for one in self.entries:
            name, args = one["event"], one["args"]
            if one["dir"] != "in":
                continue
            if name == "monitorList":
                listed.clear()
            if name in ("monitorList", "updateMonitorIntoList"):
                for monitor in args[0].values():
                    listed[monitor["id"]] = monitor
                    if not monitor["active"] and status.get(monitor["id"], _PAUSED) != _PAUSED:
                        changes.append((monitor["name"], _PAUSED))
                    if not monitor["active"]:
                        status[monitor["id"]] = _PAUSED
            elif name == "deleteMonitorFromList":
                del listed[args[0]]
            elif name == "heartbeatList" and args[1] and status.get(int(args[0])) != _PAUSED:
                status[int(args[0])] = args[1][-1]["status"]
            elif name == "heartbeat":
                number, last = args[0]["monitorID"], args[0]["time"]
                if status.get(number, args[0]["status"]) != args[0]["status"]:
                    changes.append((listed[number]["name"], args[0]["status"]))
                status[number] = args[0]["status"]
        for number, monitor in listed.items():
            monitor["status"] = status[number]
        return listed, changes, datetime.fromisoformat(last).replace(tzinfo=UTC)


@recorded
@pytest.mark.parametrize("version", SESSIONS)
async def test_a_recorded_session_is_kept_as_it_went(make, version):
    replay = Replay(SESSIONS[version])
    listed, changes, last = replay.happened()
    async with replay.running() as url:
        ctx: Ctx = await make(url, username=USERNAME, password=PASSWORD, members_see="everything")
        ctx.clock.ahead = (last - datetime.now(UTC)).total_seconds() + 2
        async with reading(ctx):
            await replay.played.wait()

            async def is_kept() -> bool:
                told = len(sent(ctx, "monitor.changed"))
                return told == len(changes) and set(await monitors(ctx)) == {one["name"] for one in listed.values()}

            await until(is_kept)
            kept = await monitors(ctx)
            source = await source_of(ctx)
    assert [(one["name"], one["status"]) for one in sent(ctx, "monitor.changed")] == [
        (name, ("down", "up", "pending", "maintenance", "paused")[status]) for name, status in changes
    ]
    assert {one.details.kuma_id: one.details.last_status.number for one in kept.values()} == {
        number: monitor["status"] for number, monitor in listed.items()
    }
    assert kept["Local TCP (in group)"].group == "Media group"
    assert kept["Local web (up)"].tags == ["media:web"]
    assert (source.version, source.connected, replay.logins) == (version, True, 1)
    gone = await ctx.db.fetch("SELECT name FROM plugin_uptime_kuma.monitor WHERE gone_at IS NOT NULL")
    assert [row["name"] for row in gone] == ["Temp"]
    rows = await ctx.db.fetch("SELECT title, state FROM plugin_uptime_kuma.maintenance")
    assert [tuple(row.values()) for row in rows] == [("Planned work", "under-maintenance")]


async def test_only_websockets_are_used_and_no_origin_is_named(make, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await make(kuma2.url, username=USERNAME, password=PASSWORD)
    async with reading(ctx):
        await until(lambda: kuma2.logged_in)
    asked = [one for one in kuma2.asked_of("socket") if one.method == "GET"]
    assert {one.query["transport"] for one in asked} == {"websocket"}
    assert all("Origin" not in one.headers for one in asked)
