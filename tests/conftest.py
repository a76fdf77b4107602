"""Real servers for every test that needs them: one PostgreSQL and one Valkey per run, a fresh database per test."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
import redis
import structlog

from medianest_hub.infrastructure import logs
from medianest_hub.infrastructure.embedded.postgres import ROLE, EmbeddedPostgres
from medianest_hub.infrastructure.embedded.server import EmbeddedServer
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.infrastructure.migrations import migrate
from medianest_hub.testing.databases import Databases
from medianest_hub.testing.servers import hurry

SECRET_KEY = "test-secret-key-of-at-least-32-characters"
ServerT = TypeVar("ServerT", bound=EmbeddedServer)
_numbers = itertools.count(1)


class ServerFolder:
    """A short folder that the servers' own user can pass through, and the servers made in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for name in ("run", "logs", "s"):
            (path / name).mkdir(mode=0o711)

    def make(self, kind: type[ServerT], name: str) -> ServerT:
        """A running server of that kind."""
        server = kind(self.path / name, sockets=self.path / "s" / name, run=self.path / "run", logs=self.path / "logs")
        server.prepare()
        if isinstance(server, EmbeddedPostgres):
            hurry(server.folder)
        server.start()
        server.wait_ready()
        return server


# What a test logs without configuring anything: a traceback drawn with the values of all its frames takes a second.
structlog.get_config()["processors"][-1].exception_formatter = structlog.dev.plain_traceback


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does to logging ends with it."""
    monkeypatch.setattr(logs, "KEEP_LOGGERS", False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name, passable for the servers' own user."""
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        yield path


@pytest.fixture(scope="session")
def server_folder() -> Iterator[ServerFolder]:
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield ServerFolder(Path(folder))


@pytest.fixture(scope="session")
def postgres_server(server_folder: ServerFolder) -> Iterator[EmbeddedPostgres]:
    """The run's PostgreSQL; tests that stop a server take `own_postgres`."""
    server = server_folder.make(EmbeddedPostgres, "pg")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_valkey(server_folder: ServerFolder) -> Iterator[EmbeddedValkey]:
    """The run's Valkey; tests that stop a server take `valkey_server`."""
    server = server_folder.make(EmbeddedValkey, "vk")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database with all tables of the core and of the installed plugins."""
    admin(postgres_server.url, f"CREATE DATABASE template_migrated TEMPLATE template0 OWNER {ROLE}")
    asyncio.run(migrate(database_url(postgres_server.url, "template_migrated")))
    return "template_migrated"


@pytest.fixture
def postgres_url(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[str]:
    """A fresh, migrated database."""
    yield from fresh_database(postgres_server.url, migrated_template)


@pytest.fixture
def empty_postgres_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A fresh database with nothing in it."""
    yield from fresh_database(postgres_server.url, "template0")


@pytest.fixture
def redis_url(shared_valkey: EmbeddedValkey) -> str:
    """The run's Valkey, emptied."""
    with redis.Redis.from_url(shared_valkey.url) as client:
        client.flushall()
    return shared_valkey.url


@pytest.fixture
def valkey_server(server_folder: ServerFolder) -> Iterator[EmbeddedValkey]:
    """A Valkey of the test's own, to be stopped, started and killed."""
    server = server_folder.make(EmbeddedValkey, f"v{next(_numbers)}")
    yield server
    server.stop()


@pytest.fixture
def own_postgres(server_folder: ServerFolder) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own, migrated, to be stopped, started and killed."""
    server = server_folder.make(EmbeddedPostgres, f"p{next(_numbers)}")
    asyncio.run(migrate(server.url))
    yield server
    server.stop()


def database_url(url: str, name: str) -> str:
    """The same server, another database."""
    before, _, after = url.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{after}"


def fresh_database(url: str, template: str) -> Iterator[str]:
    databases = _databases(url.partition("?host=")[2])
    name = asyncio.run(databases.fresh(template))
    yield database_url(url, name)
    asyncio.run(databases.give_back(name))


@cache
def _databases(sockets: str) -> Databases:
    return Databases(Path(sockets))


def admin(url: str, sql: str) -> None:
    """Run a statement as the superuser: the hub's own role may not make databases."""

    async def run() -> None:
        connection = await asyncpg.connect(url.replace(f"://{ROLE}@", "://postgres@"))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start whole hubs come first, so that no worker is left with one of them at the end."""
    items.sort(key=lambda item: not {"e2e", "contract", "plugins"} & set(item.path.parts))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests counted: `record_property("shown", "…")` puts a line at the end of the run."""
    for report in terminalreporter.getreports("passed"):
        for name, value in getattr(report, "user_properties", ()):
            if name == "shown":
                terminalreporter.write_line(str(value))
