"""Web processes of their own, as `medianest serve --role web` runs them, with a plugin whose route takes its time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from medianest_hub.testing.distributions import plugin_source, write_distribution

PLUGIN = """
import asyncio
from pydantic import BaseModel

router = Router()

class Item(BaseModel):
    seconds: float

@router.get("/sleep/{seconds}", public=True)
async def sleep(ctx, call: Call[Item]) -> Item:
    await asyncio.sleep(call.path.seconds)
    return Item(seconds=call.path.seconds)

@hookimpl
def hub_routes():
    return router
"""


class Process:
    """A running web process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as reply:
            return reply.status, await reply.json(content_type=None)

    async def until(self, path: str, status: int, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while True:
                assert self.process.returncode is None, self.log
                with contextlib.suppress(aiohttp.ClientError):
                    if (await self.get(path))[0] == status:
                        return
                await asyncio.sleep(0.05)

    async def stop(self, seconds: float = 20) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(seconds):
            return await self.process.wait()


StartProcess = Callable[..., Awaitable[Process]]


@contextlib.asynccontextmanager
async def web_processes(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[StartProcess]:
    """`await start(limits__api="5/minute")`: one more web process; `MEDIANEST_…` variables by their rest. All end with it."""
    write_distribution(tmp_path / "installed", "naps", plugin_source(PLUGIN))
    started: list[Process] = []

    async def run(**settings: str) -> Process:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDIANEST_")}
        environment |= {
            "PYTHONPATH": os.pathsep.join([str(tmp_path / "installed"), str(Path(__file__).parents[3])]),
            "MEDIANEST_DATABASE__URL": postgres_url,
            "MEDIANEST_REDIS__URL": redis_url,
            "MEDIANEST_SECRET_KEY": "test-secret-key-of-at-least-32-characters",
            "MEDIANEST_DATA_DIR": str(tmp_path / "data"),
            "MEDIANEST_SERVER__PORT": str(port),
            "MEDIANEST_PLUGINS__BLOCKED": '["youtube", "hello"]',
            "MEDIANEST_LOG__FORMAT": "json",
            **{f"MEDIANEST_{name.upper()}": value for name, value in settings.items()},
        }
        log = tmp_path / f"web{len(started)}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "medianest_hub", "serve", "--role", "web"),
                env=environment, stderr=output, cwd=tmp_path,
            )  # fmt: skip
        started.append(Process(process, int(environment["MEDIANEST_SERVER__PORT"]), log))
        return started[-1]

    try:
        yield run
    finally:
        for one in started:
            if one.process.returncode is None:
                one.process.kill()
                await one.process.wait()
