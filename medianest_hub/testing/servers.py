"""One embedded PostgreSQL and Valkey for a whole test run, and fresh databases on them; starts no hub."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

from importlib_metadata import entry_points

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.embedded.postgres import ROLE
from medianest_hub.infrastructure.embedded.services import EmbeddedServices
from medianest_hub.infrastructure.migrations import migrate
from medianest_hub.plugin_api.hookspecs import TABLES_GROUP
from medianest_hub.settings import HubSettings
from medianest_hub.testing.databases import Databases

_REDIS_DATABASES = 16


def hurry(folder: Path) -> None:
    """Have the PostgreSQL of that data folder wait for no disk: what a test keeps outlives the server, not the machine."""
    with (folder / "postgresql.auto.conf").open("a") as settings:
        settings.write("fsync = off\nfull_page_writes = off\n")


def other_tables(plugin: str | None) -> list[str]:
    """The names of every other plugin's tables, read from metadata: what must not be imported."""
    return sorted({point.name for point in entry_points(group=TABLES_GROUP)} - {plugin})


class Servers:
    """`fresh_database` and `fresh_redis` give addresses nobody else uses. Make one with `running`."""

    def __init__(self, services: EmbeddedServices) -> None:
        if services.postgres is None or services.valkey is None:
            raise ValueError("both servers are needed")
        self._postgres = services.postgres
        self._valkey = services.valkey
        self._databases = Databases(services.postgres.sockets)
        self._numbers = count(1)
        self._templates: dict[str | None, str] = {}
        self._making = asyncio.Lock()

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Servers]:
        """Both servers, their data in `folder`, until the block ends. Only from the main thread."""
        settings = HubSettings(data_dir=folder)
        data = DataDir(folder)
        data.prepare()
        lock = data.lock()
        services = EmbeddedServices(settings, data)
        try:
            services.prepare()
            if services.postgres is not None:
                hurry(services.postgres.folder)
            services.start()
            services.wait_ready()
            yield cls(services)
        finally:
            services.stop()
            lock.release()

    async def fresh_database(self, plugin: str | None = None) -> str:
        """The address of a new database with the core's tables, and those of `plugin` if one is named.

        Raises `RuntimeError` with the words of the migration that failed.
        """
        async with self._making:
            template = self._templates.get(plugin)
            if template is None:
                template = await self._make_template(plugin)
                self._templates[plugin] = template
        return self._url(await self._databases.fresh(template))

    async def empty_database(self) -> str:
        """The address of a new database without any table."""
        return self._url(await self._databases.fresh("template1"))

    async def drop(self, url: str) -> None:
        """Take back a database made here, ending its connections."""
        await self._databases.give_back(url.partition("@/")[2].partition("?")[0])

    async def fresh_redis(self) -> str:
        """The address of an empty Redis database; there are sixteen, taken in turn."""
        number = next(self._numbers) % _REDIS_DATABASES
        reader, writer = await asyncio.open_unix_connection(str(self._valkey.socket_path))
        writer.write(f"SELECT {number}\r\nFLUSHDB\r\n".encode())
        await reader.readline()
        await reader.readline()
        writer.close()
        await writer.wait_closed()
        return f"unix://{self._valkey.socket_path}?db={number}"

    async def _make_template(self, plugin: str | None) -> str:
        name = await self._databases.fresh("template1")
        failures = await migrate(self._url(name), other_tables(plugin))
        if failures:
            raise RuntimeError("; ".join(f"{app}: {words}" for app, words in failures.items()))
        return name

    def _url(self, name: str) -> str:
        return f"postgresql://{ROLE}@/{name}?host={quote(str(self._postgres.sockets), safe='/')}"
