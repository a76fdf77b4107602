"""The one pool of Postgres connections of a process, shared by SQL here and Piccolo tables; knows no table itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import asyncpg
from piccolo.engine.postgres import PostgresEngine

from medianest_hub.plugin_api.errors import Unavailable

ResultT = TypeVar("ResultT")

ACQUIRE_SECONDS = 5.0
"""How long a statement waits for a free connection before it answers `Unavailable`."""

_TRANSIENT: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
_REFUSED: tuple[type[Exception], ...] = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


class DatabaseRefused(Exception):
    """The server answered and will not let us in; only the operator can change that."""


class DatabaseAway(Unavailable):
    """The database cannot be reached for now."""

    code = "database_away"


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may well succeed a little later (a restart, a dropped connection, a full pool)."""
    return isinstance(error, (*_TRANSIENT, DatabaseAway))


class _Engine(PostgresEngine):
    """Piccolo's engine without its constructor's own connections."""

    async def check_version(self) -> None:
        """Skipped: `Database.connect` has met the server already."""

    async def prep_database(self) -> None:
        """Skipped: no extensions are wanted."""


class _QuietPool(logging.Filter):
    """Drops asyncpg's traceback for each failed attempt to refill the pool: the outage itself is logged once elsewhere."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "pool" not in record.getMessage().lower()


class Database:
    """SQL with `$1` parameters over the process's pool; the same object is a plugin's `ctx.db`.

    Raises `DatabaseAway` (503) while the server cannot be reached; asyncpg's own errors for wrong SQL or broken
    constraints.
    """

    def __init__(self, engine: PostgresEngine) -> None:
        self.engine = engine

    @classmethod
    async def connect(cls, url: str, *, min_size: int = 1, max_size: int = 5, wait: float = 20.0) -> Database:
        """Open the pool, waiting up to `wait` seconds for a server that is still starting.

        Raises `DatabaseRefused` for credentials or a database that does not exist, `DatabaseAway` when time is up.
        """
        engine = _Engine(config={"dsn": url}, extensions=())
        logging.getLogger("asyncpg.pool").addFilter(_QuietPool())
        loop = asyncio.get_running_loop()
        ends = loop.time() + wait
        delay = 0.02
        while True:
            try:
                await engine.start_connection_pool(min_size=min_size, max_size=max_size, command_timeout=60, timeout=10)
            except _REFUSED as error:
                raise DatabaseRefused(str(error)) from error
            except _TRANSIENT as error:
                if loop.time() > ends:
                    raise DatabaseAway(f"The database did not answer within {wait:.0f} s ({error}).") from error
                await asyncio.sleep(delay)
                delay = min(delay * 1.5, 0.5)
            else:
                return cls(engine)

    @property
    def _pool(self) -> asyncpg.Pool:
        pool = self.engine.pool
        if pool is None:
            raise DatabaseAway("The database connection is closed.")
        return pool

    async def _run(self, use: Callable[[Any], Awaitable[ResultT]]) -> ResultT:
        try:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                return await use(connection)
        except _TRANSIENT as error:
            raise _away(error) from error

    async def fetch(self, sql: str, *args: Any) -> Sequence[Any]:
        """All rows."""
        return await self._run(lambda connection: connection.fetch(sql, *args))

    async def fetchrow(self, sql: str, *args: Any) -> Any | None:
        """The first row, or None."""
        return await self._run(lambda connection: connection.fetchrow(sql, *args))

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first value of the first row, or None."""
        return await self._run(lambda connection: connection.fetchval(sql, *args))

    async def execute(self, sql: str, *args: Any) -> str:
        """Run it; returns the command tag (`UPDATE 3`)."""
        return await self._run(lambda connection: connection.execute(sql, *args))

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run it once per row of parameters, in one round trip and one transaction."""
        await self._run(lambda connection: connection.executemany(sql, rows))

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """All or nothing; yields an object with the same five calls."""
        try:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
                yield connection
        except _TRANSIENT as error:
            raise _away(error) from error

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """One connection to oneself, outside any transaction."""
        try:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                yield connection
        except _TRANSIENT as error:
            raise _away(error) from error

    def bind(self, tables: Iterable[Any]) -> None:
        """Let these Piccolo tables use this pool."""
        for table in tables:
            table._meta._db = self.engine

    async def close(self, wait: float = 5.0) -> None:
        """Close all connections; those still busy after `wait` seconds are cut."""
        pool = self.engine.pool
        if pool is None:
            return
        try:
            async with asyncio.timeout(wait):
                await pool.close()
        except _TRANSIENT:
            pool.terminate()
        self.engine.pool = None


def _away(error: BaseException) -> BaseException:
    if _is_being_cancelled():
        return asyncio.CancelledError()
    if isinstance(error, DatabaseAway):
        return error
    return DatabaseAway("The database is away; try again shortly.", retry_after=1 + random.random())  # nosec B311 # noqa: S311 - jitter


def _is_being_cancelled() -> bool:
    """Whether the task was cancelled, and the error came of giving its connection back: that it was must not be lost."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
