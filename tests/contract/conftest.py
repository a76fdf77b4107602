"""One hub for all contract tests, its web process and worker real, with every synthetic plugin installed at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import pytest

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import Hub, HubProcess, run_hub

from .erring_handlers import write_erring
from .faulty_plugins import write_badly_migrating, write_healthy, write_refused, write_unstarted
from .listening_plugin import write_listening
from .station_plugin import write_station
from .vault_plugin import write_vault


@dataclass(frozen=True)
class Household:
    """A hub process, and the words each refused plugin's reason must hold."""

    process: HubProcess
    refused: dict[str, str]

    @property
    def database_url(self) -> str:
        return DataDir(self.process.folder / "data").addresses()["MEDIANEST_DATABASE__URL"]

    def valkey_pid(self) -> int:
        """The process of the hub's own Valkey."""
        children = psutil.Process(self.process.process.pid).children(recursive=True)
        return next(child.pid for child in children if "valkey" in child.name())


@pytest.fixture(scope="session")
def household(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    site = tmp_path_factory.mktemp("site")
    refused = write_refused(site) | write_badly_migrating(site)
    write_unstarted(site)
    write_erring(site)
    write_vault(site)
    write_station(site)
    write_listening(site)
    write_healthy(site)
    write_healthy(site, "switched")
    settings = {
        "plugins": {
            "blocked": ["youtube"],
            "vault_pinned": {"address": "http://pinned.example", "token": "pinned-token"},
        }
    }
    with run_hub(tmp_path_factory.mktemp("h"), settings, environment={"PYTHONPATH": str(site)}) as process:
        yield Household(process, refused)


@pytest.fixture
async def hub(household: Household) -> AsyncIterator[Hub]:
    async with Hub(household.process) as running:
        yield running


@pytest.fixture
async def database(household: Household) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(household.database_url)
    yield connection
    await connection.close()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this process's own path to install synthetic plugins into."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder
