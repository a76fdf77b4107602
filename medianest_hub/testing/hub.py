"""A whole hub with one plugin, run as its operator would run it, and HTTP clients of people signed in to it."""

from __future__ import annotations

import asyncio
import http.client
import json as json_text
import os
import signal
import socket
import subprocess  # nosec B404 # our own programs only, never a shell
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from medianest_hub.infrastructure import processes
from medianest_hub.plugin_api import Role
from medianest_hub.testing.data_folders import lay_out

PASSWORD = "correct horse battery staple"  # nosec B105 # noqa: S105 - of people who exist only in a test
_PROGRAM = (sys.executable, "-P", "-m", "medianest_hub")
_START_LIMIT = 60.0
LOG = "hub.log"


class HubDied(Exception):
    """The hub ended or did not become ready; the text ends with what it said last."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The parsed body."""
        return json_text.loads(self.body)


@dataclass(slots=True)
class HubProcess:
    """A running hub; `url` is its root without a trailing slash, `log` what it wrote so far."""

    url: str
    worker_url: str
    environment: Mapping[str, str]
    folder: Path
    process: subprocess.Popen[bytes]
    program: Sequence[str] = _PROGRAM
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """All lines of all its processes."""
        return (self.folder / LOG).read_text(errors="replace")

    def command(self, *words: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `medianest WORDS` beside it, with the same settings; raises `HubDied` when it fails and `check` is set."""
        done = subprocess.run(  # nosec B603 # noqa: S603 - our own program
            [*self.program, *words], env=dict(self.environment), input=stdin, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise HubDied(f"medianest {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done


@contextmanager
def run_hub(
    folder: Path,
    settings: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = _PROGRAM,
) -> Iterator[HubProcess]:
    """`medianest serve` with embedded services and its data in `folder`, ready, until the block ends.

    `settings` is a tree like the configuration file's; limits are wide, access tokens last
    a day and both ports are free ones unless it says otherwise.
    `environment` comes on top of ours (`PYTHONPATH`). `program` is another `medianest` command. With neither, a new folder
    begins with its tables made, which is quicker. Only from the main thread. Raises `HubDied`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "data").exists() and "data_dir" not in settings and not environment and program == _PROGRAM:
        lay_out(folder / "data")
    port, worker_port = free_port(), free_port()
    defaults = {
        "data_dir": str(folder / "data"),
        "server": {"port": port},
        "worker": {"port": worker_port},
        "limits": {"api": "100000/second", "auth": "100000/second"},
        "auth": {"access_token_minutes": 24 * 60},  # `person` signs in once for all tests
        "log": {"format": "json"},
    }
    given = _as_variables(settings)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDIANEST_")}
    variables = {**kept, **_as_variables(defaults), **given, **(environment or {})}
    address = f"http://127.0.0.1:{variables['MEDIANEST_SERVER__PORT']}"
    worker_address = f"http://127.0.0.1:{variables['MEDIANEST_WORKER__PORT']}"
    with (folder / LOG).open("ab") as log:
        process = processes.spawn(
            [*program, "serve"],
            death_signal=signal.SIGTERM,
            env=variables,
            output=log.fileno(),
            cwd=str(folder),
        )
    hub = HubProcess(address, worker_address, variables, folder, process, program)
    try:
        wait_ready(hub.url, hub.process, hub.folder / LOG)
        yield hub
    finally:
        processes.stop(process, (signal.SIGTERM, 30.0))


def free_port() -> int:
    """A port nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _as_variables(tree: Mapping[str, Any], prefix: str = "MEDIANEST_") -> dict[str, str]:
    variables: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{key.upper()}"
        if isinstance(value, Mapping):
            variables |= _as_variables(value, f"{name}__")
        else:
            variables[name] = value if isinstance(value, str) else json_text.dumps(value)
    return variables


def wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the hub at `url` answers that it is ready. `HubDied` when its process ends, or time is up."""
    limit = time.monotonic() + _START_LIMIT
    while not _answers_ready(url):
        if process.poll() is not None:
            raise HubDied(f"the hub ended with {process.returncode}:\n{log.read_text(errors='replace')[-4000:]}")
        if time.monotonic() > limit:
            raise HubDied(
                f"the hub was not ready within {_START_LIMIT:.0f} s:\n{log.read_text(errors='replace')[-4000:]}"
            )
        time.sleep(0.05)


def _answers_ready(url: str) -> bool:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/api/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class HubClient:
    """HTTP calls of one person, or of a stranger without a token. Paths begin with `/`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str | None = None) -> None:
        self._session = session
        self.url = url
        self.token = token

    async def request(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Reply:
        """One call, the answer read whole; `options` are aiohttp's."""
        given = dict(headers or {})
        if self.token is not None:
            given.setdefault("Authorization", f"Bearer {self.token}")
        async with self._session.request(method, f"{self.url}{path}", json=json, headers=given, **options) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.read())

    async def get(self, path: str, **options: Any) -> Reply:
        """Read."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Reply:
        """Make or do something."""
        return await self.request("POST", path, **options)

    async def put(self, path: str, **options: Any) -> Reply:
        """Replace."""
        return await self.request("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        """Remove."""
        return await self.request("DELETE", path, **options)

    async def until(self, path: str, wanted: Callable[[Reply], bool], within: float = 10.0) -> Reply:
        """Read again and again until the answer is as `wanted`; `TimeoutError` shows the last one."""
        ends = time.monotonic() + within
        while True:
            reply = await self.get(path)
            if wanted(reply):
                return reply
            if time.monotonic() > ends:
                raise TimeoutError(f"{path} still answers {reply.status}: {reply.body[:2000]!r}")
            await asyncio.sleep(0.05)


class Hub:
    """A running hub and clients for it; an async context manager that closes the clients, not the hub."""

    def __init__(self, process: HubProcess) -> None:
        self.process = process
        self.url = process.url
        self.session: aiohttp.ClientSession
        self.stranger: HubClient
        self.admin: HubClient

    async def __aenter__(self) -> Hub:
        self.session = aiohttp.ClientSession()
        try:
            self.stranger = HubClient(self.session, self.url)
            self.admin = await self.person("ada", Role.ADMIN)
        except BaseException:
            await self.session.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def person(self, username: str, role: Role = Role.MEMBER) -> HubClient:
        """Somebody signed in, made on first use; somebody an earlier hub on the same data made is found again."""
        if username not in self.process.tokens:
            words = ("users", "create", username, "--role", role.value, "--password-stdin")
            made = await self.command(*words, stdin=PASSWORD, check=False)
            # Not as a browser: all of a test's people share one client, and so its cookies.
            credentials = {"username": username, "password": PASSWORD, "client": "native"}
            reply = await self.stranger.post("/api/v1/auth/login", json=credentials)
            if reply.status != 200:
                raise HubDied(f"signing in as {username} answered {reply.status}: {reply.body!r}; {made.stderr}")
            self.process.tokens[username] = reply.json()["access_token"]
        return HubClient(self.session, self.url, self.process.tokens[username])

    async def command(self, *words: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """`medianest WORDS` beside the hub, as `HubProcess.command`, without holding up the test's loop."""
        return await asyncio.to_thread(self.process.command, *words, stdin=stdin, check=check)
