"""`medianest serve --role web` as a process: how it starts, when it refuses to, and how it ends."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.testing.distributions import plugin_source, write_distribution

from .conftest import raw

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


Start = Callable[..., Any]


@pytest.fixture
async def start(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Start]:
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

    yield run
    for one in started:
        if one.process.returncode is None:
            one.process.kill()
            await one.process.wait()


async def test_sigterm_lets_a_request_finish_accepts_no_other_and_ends_quietly(start: Start) -> None:
    web = await start()
    await web.until("/api/health/ready", 200)
    head = b"GET /api/v1/naps/sleep/1.0 HTTP/1.1\r\nHost: hub\r\n\r\n"
    under_way = asyncio.create_task(raw(web.port, head))
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", web.port)
    await asyncio.sleep(0.3)
    begin = time.monotonic()
    ending = asyncio.create_task(web.stop())
    await asyncio.sleep(0.2)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", web.port)
    answer = await under_way
    assert b"200 OK" in answer
    assert b"connection: close" in answer
    assert await idle_reader.read() == b""
    idle_writer.close()
    assert await ending == 0
    assert time.monotonic() - begin < 4
    assert '"error"' not in web.log
    assert "Traceback" not in web.log


async def test_an_idle_process_ends_at_once(start: Start) -> None:
    web = await start()
    await web.until("/api/health/ready", 200)
    begin = time.monotonic()
    assert await web.stop() == 0
    assert time.monotonic() - begin < 2


async def test_a_process_told_to_stop_while_it_waits_for_its_database_stops(start: Start) -> None:
    web = await start(database__url="postgresql://nobody@127.0.0.1:9/none")
    await web.until("/api/health/live", 200)
    assert await web.stop(5) == 0


async def test_it_answers_while_it_waits_for_a_database_that_starts_late(
    start: Start, own_postgres: EmbeddedPostgres
) -> None:
    own_postgres.stop()
    web = await start(database__url=own_postgres.url)
    await web.until("/api/health/live", 200)
    status, problem = await web.get("/api/health/ready")
    assert (status, problem["code"]) == (503, "not_ready")
    status, problem = await web.get("/api/v1/naps/sleep/0")
    assert (status, problem["code"]) == (503, "starting")
    own_postgres.start()
    await web.until("/api/health/ready", 200)
    assert (await web.get("/api/v1/naps/sleep/0"))[0] == 200


async def test_a_taken_port_is_one_line_and_exit_code_2(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        web = await start(server__port=str(taken.getsockname()[1]))
        assert await web.process.wait() == 2
    assert len(web.log.strip().splitlines()) == 1
    assert "is taken" in web.log


async def test_a_database_that_is_not_there_by_name_is_one_line_and_exit_code_2(
    start: Start, postgres_url: str
) -> None:
    before, _, after = postgres_url.partition("?")
    web = await start(database__url=f"{before.rpartition('/')[0]}/no_such_database?{after}")
    assert await web.process.wait() == 2
    assert [line for line in web.log.splitlines() if line.startswith("medianest: the database refused us")]
    assert "Traceback" not in web.log


async def test_a_schema_that_is_behind_is_exit_code_75(start: Start, empty_postgres_url: str) -> None:
    web = await start(database__url=empty_postgres_url)
    assert await web.process.wait() == 75


async def test_a_process_that_was_killed_in_mid_request_comes_up_again(start: Start) -> None:
    web = await start()
    await web.until("/api/health/ready", 200)
    under_way = asyncio.create_task(raw(web.port, b"GET /api/v1/naps/sleep/5 HTTP/1.1\r\nHost: hub\r\n\r\n"))
    await asyncio.sleep(0.2)
    web.process.kill()
    assert await under_way == b""
    again = await start(server__port=str(web.port))
    await again.until("/api/health/ready", 200)
    assert await again.stop() == 0
