"""The pool: errors in words, transactions, and what a lost server does to it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused, is_transient
from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres

FROZEN = Path(__file__).with_name("cancelled_while_frozen.py")
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


def test_whoever_is_cancelled_while_the_server_stands_still_ends(own_postgres: EmbeddedPostgres) -> None:
    assert own_postgres.process is not None
    # In a process of its own: what the driver leaves behind of such connections is no concern of other tests.
    done = subprocess.run(
        [sys.executable, "-P", str(FROZEN), own_postgres.url, str(own_postgres.process.pid)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["cancelled"] * 6, (done.stdout, done.stderr[-600:])
