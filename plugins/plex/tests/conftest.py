"""plex.tv and a Plex server simulated, and contexts of this plugin pointed at them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from medianest_hub.testing import ContextMaker, MemoryContext
from medianest_plex.connection import Connection, clients
from medianest_plex.settings import PlexSettings

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.plex.server import PlexSimulator

from .pair import Pair, attic_of, furnished

RETURN_URL = "http://hub.test/sign-in/done?provider=plex&x=1"
Make = Callable[..., Awaitable[MemoryContext[PlexSettings]]]


@pytest.fixture(scope="session")
def medianest_plugin() -> str:
    return "plex"


@pytest.fixture
def plex() -> Iterator[PlexSimulator]:
    with PlexSimulator().running() as simulator:
        simulator.world.friend("friend", email="friend@home.example", friendly_name="Fred Friend")
        simulator.world.account("stranger", email="stranger@else.example")
        yield simulator


@pytest.fixture
def make(context: ContextMaker, plex: PlexSimulator) -> Make:
    """`await make(...)`: a context; keyword arguments are fields of the settings."""

    async def make(**fields: Any) -> MemoryContext[PlexSettings]:
        given = {"url": plex.server_url, "plex_tv_url": plex.plex_tv_url, "app_url": plex.app_url, **fields}
        return await context(PlexSettings(**given), database=True)

    return make


@pytest.fixture
async def ctx(make: Make) -> MemoryContext[PlexSettings]:
    return await make()


@pytest.fixture
async def settled(context: ContextMaker, plex: PlexSimulator) -> MemoryContext[PlexSettings]:
    """As it is once it is known who we are and which server is ours; without a database."""
    ctx = await context(PlexSettings(url=plex.server_url, plex_tv_url=plex.plex_tv_url, app_url=plex.app_url))
    identifier = str(uuid4())
    ctx.state["connection:main"] = Connection(identifier, plex.world.home.machine_identifier, *clients(ctx, identifier))
    return ctx


@pytest.fixture
async def owned(make: Make, plex: PlexSimulator) -> MemoryContext[PlexSettings]:
    """With the owner's token in the settings."""
    return await make(token=plex.world.token(plex.world.owner))


@pytest.fixture
def attic(plex: PlexSimulator) -> Iterator[PlexSimulator]:
    """A second server beside it."""
    with attic_of(plex) as simulator:
        yield simulator


@pytest.fixture
async def pair(make: Make, plex: PlexSimulator, attic: PlexSimulator) -> Pair:
    """Both in the settings, with films on them."""
    return await furnished(make, plex, attic)
