"""The fixtures pytest finds by itself once the hub is installed; each imports what it needs only when asked for.

The plugin under test is the one the ini option `medianest_plugin` names, else the only one the root folder's
pyproject.toml declares.
"""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_asyncio import fixture as async_fixture

    from medianest_hub.testing.alone import ContextMaker
    from medianest_hub.testing.hub import Hub, HubProcess
    from medianest_hub.testing.servers import Servers
    from medianest_hub.testing.upstream import FakeUpstream

else:
    try:
        from pytest_asyncio import fixture as async_fixture
    except ImportError:  # the hub is installed without its extra `testing`; other people's tests here must still run
        async_fixture = pytest.fixture


def pytest_addoption(parser: pytest.Parser) -> None:
    """One ini option."""
    parser.addini("medianest_plugin", "The name of the MediaNest Hub plugin under test.", default="")


@pytest.fixture(scope="session")
def medianest_plugin(request: pytest.FixtureRequest) -> str:
    """The name of the plugin under test; the test fails with words when it is not installed."""
    from importlib_metadata import entry_points

    from medianest_hub.plugin_api.hookspecs import PLUGINS_GROUP

    name = str(request.config.getini("medianest_plugin")) or _declared_plugin(request.config.rootpath)
    if not entry_points(group=PLUGINS_GROUP, name=name):
        pytest.fail(f"the plugin {name!r} is not installed here: pip install -e its folder first")
    return name


def _declared_plugin(root: Path) -> str:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
        names = list(project["entry-points"]["medianest_hub.plugins"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        names = []
    if len(names) != 1:
        pytest.fail('name the plugin under test in the pytest settings: medianest_plugin = "<name>"')
    return str(names[0])


@pytest.fixture(scope="session")
def hub_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A real PostgreSQL and Valkey for the whole run."""
    from medianest_hub.testing.servers import Servers

    with Servers.running(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@async_fixture
async def fake_upstream() -> AsyncIterator[FakeUpstream]:
    """An HTTP server on 127.0.0.1 that answers what the test scripts."""
    from medianest_hub.testing.upstream import FakeUpstream

    upstream = FakeUpstream()
    await upstream.start()
    yield upstream
    await upstream.stop()


@async_fixture
async def context(request: pytest.FixtureRequest, medianest_plugin: str, tmp_path: Path) -> AsyncIterator[ContextMaker]:
    """`await context(settings)`: a context to call one handler alone; with `database=True` on a real database."""
    from medianest_hub.testing.alone import ContextMaker

    def servers() -> Servers:
        found: Servers = request.getfixturevalue("hub_servers")
        return found

    async with AsyncExitStack() as stack:
        yield ContextMaker(medianest_plugin, tmp_path, servers, stack)


@pytest.fixture(scope="session")
def hub_settings() -> dict[str, Any]:
    """Settings of the hub under test, a tree like the configuration file's; override it in your conftest.py."""
    return {}


@pytest.fixture(scope="session")
def hub_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, dict[str, Any]], HubProcess]]:
    """Hubs with one plugin each, for the whole run: the tests of several plugins may be one run."""
    from importlib_metadata import entry_points

    from medianest_hub.plugin_api.hookspecs import PLUGINS_GROUP
    from medianest_hub.testing.hub import run_hub

    made: dict[str, HubProcess] = {}
    with ExitStack() as stack:

        def process(plugin: str, settings: dict[str, Any]) -> HubProcess:
            if plugin not in made:
                others = sorted({point.name for point in entry_points(group=PLUGINS_GROUP)} - {plugin})
                plugins = {"blocked": others, **settings.get("plugins", {})}
                folder = tmp_path_factory.mktemp("hub")
                made[plugin] = stack.enter_context(run_hub(folder, {**settings, "plugins": plugins}))
            return made[plugin]

        yield process


@pytest.fixture
def hub_process(
    hub_processes: Callable[[str, dict[str, Any]], HubProcess], medianest_plugin: str, hub_settings: dict[str, Any]
) -> HubProcess:
    """A hub with only the plugin under test, the same one for the whole run."""
    return hub_processes(medianest_plugin, hub_settings)


@async_fixture
async def hub(hub_process: HubProcess) -> AsyncIterator[Hub]:
    """The running hub, with HTTP clients of its own for each test: `hub.admin`, `hub.stranger`, `hub.person(name)`."""
    from medianest_hub.testing.hub import Hub

    async with Hub(hub_process) as running:
        yield running
