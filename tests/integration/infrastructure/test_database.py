"""The pool: errors in words, transactions, and what a lost server does to it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import asyncpg
import psutil
import pytest

from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused, is_transient
from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres

DROP_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


async def test_a_transaction_that_fails_keeps_nothing(postgres_url: str) -> None:
    db = await Database.connect(postgres_url)
    try:
        await db.execute("CREATE TABLE things (id int PRIMARY KEY)")
        with pytest.raises(asyncpg.UniqueViolationError):  # noqa: PT012 - the transaction is what raises
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO things VALUES (1)")
                await tx.execute("INSERT INTO things VALUES (1)")
        assert await db.fetchval("SELECT count(*) FROM things") == 0
    finally:
        await db.close()


async def test_a_full_pool_answers_unavailable_instead_of_waiting_for_ever(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_hub.infrastructure.database.ACQUIRE_SECONDS", 0.1)
    db = await Database.connect(postgres_url, max_size=1)
    try:
        async with db.transaction():
            with pytest.raises(DatabaseAway) as caught:
                await db.fetchval("SELECT 1")
        assert caught.value.status == 503
        assert caught.value.retry_after
        assert await db.fetchval("SELECT 1") == 1
    finally:
        await db.close()


async def test_the_pool_recovers_when_the_server_drops_its_connections(postgres_url: str) -> None:
    db = await Database.connect(postgres_url, max_size=2)
    other = await asyncpg.connect(postgres_url)
    try:
        await db.fetchval("SELECT 1")
        await other.execute(DROP_OTHERS)
        for _ in range(20):
            try:
                assert await db.fetchval("SELECT 1") == 1
                break
            except DatabaseAway:
                await asyncio.sleep(0.05)
        else:
            pytest.fail("the pool never recovered")
    finally:
        await other.close()
        await db.close()


async def test_a_database_that_does_not_exist_is_refused_at_once(postgres_url: str) -> None:
    with pytest.raises(DatabaseRefused, match="does not exist"):
        await Database.connect(
            postgres_url.replace("?", "_not_there?") if "?" in postgres_url else postgres_url + "_not_there"
        )


async def test_a_server_that_is_not_there_is_away_after_the_wait() -> None:
    with pytest.raises(DatabaseAway, match=r"did not answer within .*\)\.$"):
        await Database.connect("postgresql://nobody@127.0.0.1:1/none", wait=0.2)


def test_which_errors_may_pass() -> None:
    assert is_transient(ConnectionResetError())
    assert is_transient(TimeoutError())
    assert not is_transient(asyncpg.UniqueViolationError("x"))
    assert not is_transient(ValueError())


async def test_whoever_is_cancelled_while_the_server_stands_still_ends(
    own_postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_hub.infrastructure.database.ACQUIRE_SECONDS", 0.5)
    db = await Database.connect(own_postgres.url, max_size=6)

    async def again_and_again(use: Callable[[], Awaitable[object]]) -> None:
        while True:
            with contextlib.suppress(DatabaseAway):  # as one does who begins anew after an outage
                await use()

    async def in_transaction() -> None:
        async with db.transaction() as tx:
            await tx.fetchval("SELECT 1")

    tasks = [asyncio.create_task(again_and_again(use)) for use in (in_transaction, lambda: db.fetchval("SELECT 1")) * 3]
    frozen: list[psutil.Process] = []
    try:
        await asyncio.wait(tasks, timeout=0.2)  # all of them at work
        assert own_postgres.process is not None
        server = psutil.Process(own_postgres.process.pid)
        frozen = [server, *server.children(recursive=True)]
        for one in frozen:
            one.suspend()
        await asyncio.wait(tasks, timeout=0.2)  # and waiting for an answer
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=20)
        assert [task.done() for task in tasks] == [True] * len(tasks)
        assert [task.cancelled() for task in tasks] == [True] * len(tasks)
    finally:
        for one in frozen:
            one.resume()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await db.close()
