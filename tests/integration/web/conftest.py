"""Web processes in the test's own loop, listening on loopback, with synthetic plugins and people signed in to them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio

from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api import Role
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.settings import load_settings
from medianest_hub.testing.distributions import plugin_source, write_distribution
from medianest_hub.web.app import create_app
from medianest_hub.web.hub import WebHub
from medianest_hub.web.mounted import Mounted
from medianest_hub.web.protocol import WebProtocol
from tests.conftest import fresh_database

from .web_processes import StartProcess, web_processes


@dataclass(frozen=True)
class Reply:
    """An answer read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        import json

        return json.loads(self.body)


@dataclass(frozen=True)
class Somebody:
    """A person with a session and a token for it."""

    id: UUID
    session_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Site:
    """One web process. Calls are a stranger's unless `by` somebody."""

    url: str
    hub: WebHub
    parts: HubParts
    mounted: tuple[Mounted, ...]
    session: aiohttp.ClientSession
    people: dict[str, Somebody] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def call(
        self,
        method: str,
        path: str,
        *,
        by: Somebody | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Reply:
        given = {**(by.headers if by else {}), **(headers or {})}
        async with self.session.request(
            method, self.url + path, headers=given, allow_redirects=False, **more
        ) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.read())

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.call("GET", path, **more)

    async def post(self, path: str, **more: Any) -> Reply:
        return await self.call("POST", path, **more)

    async def person(self, username: str = "mia", role: Role = Role.MEMBER) -> Somebody:
        """Somebody with a fresh session, made on first use."""
        known = await self.parts.people.by_username(username)
        person = known or await self.parts.people.create(username, None, role)
        session = await self.parts.sessions.start(person.id)
        return Somebody(person.id, session.id, self.parts.tokens.issue(person.id, session.id).access_token)


StartSite = Callable[..., Awaitable[Site]]
Install = Callable[..., None]


@contextlib.contextmanager
def installer(folder: Path) -> Iterator[Install]:
    """What `install` gives, for the plugins in `folder`."""
    folder.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))

        def write(name: str, body: str) -> None:
            write_distribution(folder, name, plugin_source(body))
            importlib.invalidate_caches()

        yield write
    for name in [name for name in sys.modules if name.startswith("synthetic_")]:
        del sys.modules[name]


@contextlib.asynccontextmanager
async def sites(default_postgres: str, default_redis: str, folder: Path) -> AsyncIterator[StartSite]:
    """What `start_site` gives."""
    async with AsyncExitStack() as stack:

        async def start(
            redis: str = default_redis, postgres: str = default_postgres, open: bool = True, **settings: str
        ) -> Site:
            environ = {
                "MEDIANEST_DATABASE__URL": postgres,
                "MEDIANEST_REDIS__URL": redis,
                "MEDIANEST_SECRET_KEY": "test-secret-key-of-at-least-32-characters",
                "MEDIANEST_DATA_DIR": str(folder / "data"),
                "MEDIANEST_LIMITS__API": "100000/minute",
                "MEDIANEST_PLUGINS__BLOCKED": '["youtube", "hello"]',
                **{f"MEDIANEST_{name.upper()}": value for name, value in settings.items()},
            }
            config = folder / "medianest.toml"
            config.touch()
            loaded = load_settings(config, environ)
            host = PluginHost(loaded, "web")
            host.load()
            hub = WebHub(loaded, host)
            stack.callback(hub.close)
            app = create_app(hub)
            app.config.REQUEST_TIMEOUT = 2  # a test can wait for it
            app.config.TOUCHUP = False  # Sanic rewrites its own methods with it, once per process
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server: Any = await app.create_server(sock=listener, protocol=WebProtocol, return_asyncio_server=True)
            await server.startup()
            await server.start_serving()
            stack.push_async_callback(_stop, server)
            parts: Any = None
            if open:
                parts = await HubParts.open(loaded, "web", host)
                stack.push_async_callback(parts.close)
                await parts.host.start()
                for runtime in parts.host.runtimes.values():
                    await runtime.settled()
                hub.open(parts)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            port = listener.getsockname()[1]
            return Site(f"http://127.0.0.1:{port}", hub, parts, app.ctx.mounted, session)

        yield start


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """`install("weather", source)` installs a synthetic plugin for the sites started afterwards."""
    with installer(tmp_path / "installed") as write:
        yield write


@pytest.fixture
async def start_site(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[StartSite]:
    """`await start_site()`: one more web process; `MEDIANEST_…` variables by their rest, `limits__api="5/minute"`."""
    async with sites(postgres_url, redis_url, tmp_path) as start:
        yield start


@pytest.fixture
async def start_process(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[StartProcess]:
    """`await start_process()`: one more web process of its own."""
    async with web_processes(postgres_url, redis_url, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def install_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    """`install` for a whole module."""
    with installer(tmp_path_factory.mktemp("once") / "installed") as write:
        yield write


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def start_once(
    postgres_server: EmbeddedPostgres,
    migrated_template: str,
    shared_valkey: EmbeddedValkey,
) -> AsyncIterator[StartSite]:
    """`start_site` for a whole module whose tests do not get into each other's way; they run in the module's loop."""
    async with sites_on_a_fresh_database(postgres_server.url, migrated_template, shared_valkey.url) as start:
        yield start


@contextlib.asynccontextmanager
async def sites_on_a_fresh_database(postgres: str, template: str, redis: str) -> AsyncIterator[StartSite]:
    # Making a database runs a loop of its own, which this one cannot hold.
    made = fresh_database(postgres, template)
    url = await asyncio.to_thread(next, made)
    with tempfile.TemporaryDirectory(prefix="mn-web-") as folder:
        async with sites(url, redis, Path(folder)) as start:
            yield start
    await asyncio.to_thread(next, made, None)


async def _stop(server: Any) -> None:
    server.server.close()
    for connection in list(server.connections):
        connection.abort()
    await asyncio.sleep(0)


async def raw(port: int, *pieces: bytes, pause: float = 0.0, until: bytes | None = None) -> bytes:
    """Send bytes as they are and read all that comes back, until the other side ends the connection or `until` is seen."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(15):
            while until is None or until not in got:
                piece = await reader.read(65536)
                if not piece:
                    break
                got += piece
    except ConnectionError:
        pass
    finally:
        writer.close()
    return got
