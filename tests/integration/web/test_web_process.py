"""`medianest serve --role web` as a process: how it starts, when it refuses to, and how it ends."""

import asyncio
import socket
import time

import pytest

from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres

from .conftest import raw
from .web_processes import StartProcess


async def test_sigterm_lets_a_request_finish_accepts_no_other_and_ends_quietly(start_process: StartProcess) -> None:
    web = await start_process()
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


async def test_an_idle_process_ends_at_once(start_process: StartProcess) -> None:
    web = await start_process()
    await web.until("/api/health/ready", 200)
    begin = time.monotonic()
    assert await web.stop() == 0
    assert time.monotonic() - begin < 2


async def test_a_process_told_to_stop_while_it_waits_for_its_database_stops(start_process: StartProcess) -> None:
    web = await start_process(database__url="postgresql://nobody@127.0.0.1:9/none")
    await web.until("/api/health/live", 200)
    assert await web.stop(5) == 0


async def test_it_answers_while_it_waits_for_a_database_that_starts_late(
    start_process: StartProcess, own_postgres: EmbeddedPostgres
) -> None:
    own_postgres.stop()
    web = await start_process(database__url=own_postgres.url)
    await web.until("/api/health/live", 200)
    status, problem = await web.get("/api/health/ready")
    assert (status, problem["code"]) == (503, "not_ready")
    status, problem = await web.get("/api/v1/naps/sleep/0")
    assert (status, problem["code"]) == (503, "starting")
    own_postgres.start()
    await web.until("/api/health/ready", 200)
    assert (await web.get("/api/v1/naps/sleep/0"))[0] == 200


async def test_a_taken_port_is_one_line_and_exit_code_2(start_process: StartProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        web = await start_process(server__port=str(taken.getsockname()[1]))
        assert await web.process.wait() == 2
    assert len(web.log.strip().splitlines()) == 1
    assert "is taken" in web.log


async def test_a_database_that_is_not_there_by_name_is_one_line_and_exit_code_2(
    start_process: StartProcess, postgres_url: str
) -> None:
    before, _, after = postgres_url.partition("?")
    web = await start_process(database__url=f"{before.rpartition('/')[0]}/no_such_database?{after}")
    assert await web.process.wait() == 2
    assert [line for line in web.log.splitlines() if line.startswith("medianest: the database refused us")]
    assert "Traceback" not in web.log


async def test_a_schema_that_is_behind_is_exit_code_75(start_process: StartProcess, empty_postgres_url: str) -> None:
    web = await start_process(database__url=empty_postgres_url)
    assert await web.process.wait() == 75


async def test_a_process_that_was_killed_in_mid_request_comes_up_again(start_process: StartProcess) -> None:
    web = await start_process()
    await web.until("/api/health/ready", 200)
    under_way = asyncio.create_task(raw(web.port, b"GET /api/v1/naps/sleep/5 HTTP/1.1\r\nHost: hub\r\n\r\n"))
    await asyncio.sleep(0.2)
    web.process.kill()
    assert await under_way == b""
    again = await start_process(server__port=str(web.port))
    await again.until("/api/health/ready", 200)
    assert await again.stop() == 0
