"""Web processes in the test's own loop, listening on loopback, and real Socket.IO clients to connect to them."""

from __future__ import annotations

import asyncio
import importlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from medianest_hub.infrastructure.realtime_log import CHANNEL
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.settings import LoadedSettings, load_settings
from medianest_hub.testing.distributions import plugin_source, write_distribution
from medianest_hub.web.app import create_app
from medianest_hub.web.hub import WebHub
from medianest_hub.web.protocol import WebProtocol
from medianest_hub.web.realtime import Realtime, attach_realtime

PASSWORD_HASH = "never used to sign in"


@dataclass
class Replica:
    """One web process, as far as pages can tell."""

    url: str
    parts: HubParts
    realtime: Realtime


@dataclass
class Page:
    """An open page: all events it got, in order. `answer` is what the server said last of a refused connection."""

    client: socketio.AsyncClient
    events: list[tuple[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    refused: Any = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, name: str, within: float = 5.0, count: int = 1) -> Any:
        """The data of the `count`-th event of that name."""
        async with asyncio.timeout(within):
            while len(found := [data for event, data in self.events if event == name]) < count:
                self.news.clear()
                await self.news.wait()
        return found[count - 1]

    def got(self, name: str) -> list[Any]:
        """The data of all events of that name so far."""
        return [data for event, data in self.events if event == name]


StartReplica = Callable[..., Awaitable[Replica]]
OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """`plugins("weather", source)` installs a synthetic plugin."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(name: str, body: str) -> None:
        write_distribution(folder, name, plugin_source(body))
        importlib.invalidate_caches()

    yield write
    for name in [name for name in sys.modules if name.startswith("synthetic_")]:
        del sys.modules[name]


def settings_of(folder: Path, postgres: str, redis: str, variables: dict[str, str]) -> LoadedSettings:
    """The settings of one replica, whatever lies in the folder the tests are run from."""
    environ = {
        "MEDIANEST_DATABASE__URL": postgres,
        "MEDIANEST_REDIS__URL": redis,
        "MEDIANEST_SECRET_KEY": "test-secret-key-of-at-least-32-characters",
        "MEDIANEST_DATA_DIR": str(folder / "data"),
        "MEDIANEST_PLUGINS__BLOCKED": '["youtube", "hello"]',
        **variables,
    }
    config = folder / "medianest.toml"
    config.touch()
    return load_settings(config, environ)


@pytest.fixture
async def start_replica(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[StartReplica]:
    """`await start_replica()`: one more web process on the same Postgres and Valkey."""
    replicas: list[Realtime] = []
    async with AsyncExitStack() as stack:

        async def start(redis: str = redis_url, postgres: str = postgres_url, **variables: str) -> Replica:
            loaded = settings_of(tmp_path, postgres, redis, variables)
            host = PluginHost(loaded, "web")
            host.load()
            hub = WebHub(loaded, host)
            app = create_app(hub)
            app.config.TOUCHUP = False  # Sanic rewrites its own methods with it, once per process
            realtime = getattr(app.ctx, "realtime", None) or attach_realtime(app, hub.settings.server, hub.addresses)
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = listener.getsockname()[1]
            server: Any = await app.create_server(sock=listener, protocol=WebProtocol, return_asyncio_server=True)
            await server.startup()
            await server.start_serving()

            async def stop() -> None:
                server.server.close()
                for connection in list(server.connections):
                    connection.abort()
                await asyncio.sleep(0)

            stack.push_async_callback(stop)
            parts = await HubParts.open(loaded, "web", host)
            stack.push_async_callback(parts.close)
            await parts.host.start()
            for runtime in parts.host.runtimes.values():
                await runtime.settled()
            hub.open(parts)
            await realtime.open(parts)
            stack.push_async_callback(realtime.close)
            replicas.append(realtime)
            async with asyncio.timeout(5):
                while await listening(parts) < len(replicas):
                    await asyncio.sleep(0.02)
            return Replica(f"http://127.0.0.1:{port}", parts, realtime)

        yield start


async def listening(parts: HubParts) -> int:
    """How many processes hear the channel."""
    _, count = await parts.redis.call("PUBSUB", "NUMSUB", CHANNEL)
    return int(count)


@pytest.fixture
async def open_page() -> AsyncIterator[OpenPage]:
    """`await open_page(replica, token)`: a connected client; with `welcome=False` it may also have been refused."""
    async with AsyncExitStack() as stack:

        async def open_it(
            replica: Replica,
            token: str | None,
            *,
            cursor: int | None = None,
            headers: dict[str, str] | None = None,
            welcome: bool = True,
            auth: Any = None,
        ) -> Page:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            client = socketio.AsyncClient(reconnection=False, http_session=session)
            page = Page(client)

            async def heard(event: str, *data: Any) -> None:
                page.events.append((event, data[0] if data else None))
                page.news.set()

            async def refused(data: Any) -> None:
                page.refused = data

            async def gone(*_reason: Any) -> None:
                page.gone.set()

            client.on("*", heard)
            client.on("connect_error", refused)
            client.on("disconnect", gone)
            stack.push_async_callback(client.shutdown)
            said = auth if auth is not None else {"token": token, **({"cursor": cursor} if cursor is not None else {})}
            try:
                await client.connect(
                    replica.url, auth=said, transports=["websocket"], headers=headers or {}, wait_timeout=5
                )
            except socketio.exceptions.ConnectionError:
                if welcome:
                    raise
            if welcome:
                await page.until("realtime:ready")
            return page

        yield open_it


@dataclass(frozen=True)
class Somebody:
    """A person with a session and a token for it."""

    person: Person
    session_id: Any
    token: str


async def sign_in(replica: Replica, username: str, role: Role = Role.MEMBER, expires_in: int | None = None) -> Somebody:
    """A new session of that person (made if need be)."""
    parts = replica.parts
    person = await parts.people.by_username(username)
    if person is None:
        person = await parts.people.create(username, None, role)
    session = await parts.sessions.start(person.id)
    issued = parts.tokens.issue(person.id, session.id)
    token = issued.access_token if expires_in is None else short_token(parts, person, session.id, expires_in)
    return Somebody(person, session.id, token)


def short_token(parts: HubParts, person: Person, session_id: Any, expires_in: float) -> str:
    """A token that expires in that many seconds (negative: has expired)."""
    import time

    from medianest_hub.accounts.tokens import Tokens

    seconds = parts.settings.auth.access_token_minutes * 60
    return (
        Tokens(parts.secrets, seconds, now=lambda: time.time() - seconds + expires_in)
        .issue(person.id, session_id)
        .access_token
    )


async def send(replica: Replica, who: Any, *ns: int, keep: bool = True) -> None:
    for n in ns:
        await replica.parts.realtime.send("job:done", {"n": n}, person=who.person.id, keep=keep)


async def still_open(page: Page, replica: Replica, who: Any) -> None:
    """An event that everything sent before must have come before."""
    before = len(page.got("probe:probe"))  # asked first: it may be there before `send` returns
    await replica.parts.realtime.send("probe:probe", {}, person=who.person.id)
    await page.until("probe:probe", count=before + 1)
