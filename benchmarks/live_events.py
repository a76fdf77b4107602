"""One live event to many open pages: from the worker that sends it to the last page, beside Node's own Socket.IO server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import aiohttp

from benchmarks.many_plugins import installed
from benchmarks.people import admin_token
from benchmarks.rows import Row
from medianest_hub.testing.distributions import plugin_source, write_distribution
from medianest_hub.testing.hub import HubProcess, run_hub
from medianest_hub.web.realtime_guests import MOST_PER_PERSON

FEW, MANY = 200, 1000
EVENTS = 21
WARM_UP = 4
"""Events to each side that are not counted."""

PAUSE = 0.1
PATIENCE = 120.0
"""Seconds for anything at all; the longest is to connect everybody, a few seconds on a quiet machine."""

TEXT = "A sentence or two about what happened, as long as such messages are. " * 4
NODE_SERVER = Path(__file__).with_name("socketio_server.cjs")
NODE_MODULES = Path(__file__).resolve().parents[1] / ".cache" / "node-peers" / "node_modules"

_CRIER = """
import time
from pydantic import BaseModel

class News(BaseModel):
    text: str

router = Router()

@router.post("/cry", permission="hub.signed_in")
async def cry(ctx: Context[PluginSettings], call: Call[Empty, Empty, News]) -> None:
    "Have the worker tell everybody."
    await ctx.jobs.enqueue("tell", call.body)

@task("tell")
async def tell(ctx: Context[PluginSettings], job: Job[News]) -> None:
    news = {"sent": time.monotonic_ns(), "text": job.args.text}
    await ctx.realtime.send("news", news, permission="hub.signed_in")

@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_tasks():
    return [tell]
"""

Send = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Side:
    """A server and its clients; `event` says how many milliseconds it took."""

    send: Send
    clients: Process

    async def event(self) -> dict[str, float]:
        """One event to everybody: milliseconds to the `median` client, `p99` and the `last`."""
        await asyncio.sleep(PAUSE)
        await self.send()
        found: dict[str, float] = json.loads(await _line(self.clients))
        return found


def measure() -> list[Row]:
    """Rows for one event to many pages."""
    with _hub() as hub:
        few, pairs = asyncio.run(_measure(hub, admin_token(hub)))
    p99 = statistics.median(one["p99"] for one in few)
    rows = [Row(f"one event to {FEW} sockets, p99", p99, 100, "ms", note=_note(few))]
    what = f"one event to {MANY:,} sockets against Node's socket.io, time to the last"
    if not pairs:
        return [*rows, Row(what, None, 2.2, "×", note="needs node and scripts/node-peers")]
    ratio = statistics.median(hub["last"] / node["last"] for hub, node in pairs)
    said = f"hub {_note([hub for hub, _ in pairs])}; Node {_note([node for _, node in pairs])}"
    return [*rows, Row(what, ratio, 2.2, "×", note=said)]


def _note(events: list[dict[str, float]]) -> str:
    last = [one["last"] for one in events]
    return f"{statistics.median(last):.3g} ms, {max(last):.0f} ms at worst of {len(last)}"


@contextmanager
def _hub() -> Iterator[HubProcess]:
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as text:
        folder = Path(text)
        write_distribution(folder / "plugins", "crier", plugin_source(_CRIER))
        with installed(folder / "plugins"), run_hub(folder / "hub", {}) as hub:
            yield hub


async def _measure(hub: HubProcess, admin: str) -> tuple[list[dict[str, float]], list[tuple[dict[str, float], ...]]]:
    """Events to the few, and events of hub and Node, in turn, to the many; none of the latter without Node."""
    headers = {"Authorization": f"Bearer {admin}"}
    async with aiohttp.ClientSession(hub.url, headers=headers, raise_for_status=True) as session:

        async def cry() -> None:
            async with session.post("/api/v1/crier/cry", json={"text": TEXT}):
                pass

        tokens = await people(session, MANY // MOST_PER_PERSON)
        async with clients(hub.url, list(islice(cycle(tokens), FEW))) as connected:
            (few,) = zip(*await _in_turn(Side(cry, connected)), strict=True)
        if shutil.which("node") is None or not NODE_MODULES.is_dir():
            return list(few), []
        everybody = list(islice(cycle(tokens), MANY))
        async with clients(hub.url, everybody) as connected, _node(everybody) as node:
            return list(few), await _in_turn(Side(cry, connected), node)


async def _in_turn(*sides: Side) -> list[tuple[dict[str, float], ...]]:
    rounds = [tuple([await side.event() for side in sides]) for _ in range(WARM_UP + EVENTS)]
    return rounds[WARM_UP:]


async def people(session: aiohttp.ClientSession, count: int) -> list[str]:
    """The tokens of as many new people, who all join by one invitation."""
    async with session.post("/api/v1/invites", json={"uses": count}) as made:
        token = (await made.json())["url"].partition("#")[2]

    async def join(number: int) -> str:
        password = f"a password for benchmarks only, {number}"
        body = {"token": token, "username": f"page{number}", "password": password, "client": "native"}
        async with session.post("/api/v1/invites/accept", json=body) as joined:
            return str((await joined.json())["access_token"])

    return [await join(number) for number in range(count)]


@asynccontextmanager
async def clients(url: str, tokens: list[str]) -> AsyncIterator[Process]:
    """A process of that many clients, all connected."""
    async with _process(sys.executable, "-m", "benchmarks.live_clients", url) as process:
        await _tell(process, json.dumps(tokens))
        await _line(process)
        yield process


@asynccontextmanager
async def _node(tokens: list[str]) -> AsyncIterator[Side]:
    """Node's server, and the same clients for it."""
    async with _process("node", NODE_SERVER) as server:
        url = f"http://127.0.0.1:{int(await _line(server))}"

        async def emit() -> None:
            await _tell(server, TEXT)

        async with clients(url, tokens) as connected:
            yield Side(emit, connected)


@asynccontextmanager
async def _process(*words: str | Path) -> AsyncIterator[Process]:
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES), "NODE_ENV": "production"}
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _tell(process: Process, text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text.encode() + b"\n")
    await process.stdin.drain()


async def _line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = (await process.stdout.readline()).decode()
    if not line:
        raise RuntimeError("a process of this benchmark ended; what it said stands above")
    return line.strip()
