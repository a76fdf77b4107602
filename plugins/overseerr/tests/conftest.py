"""Overseerr and Seerr simulated, and contexts of this plugin pointed at them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.plugin_api import LinkedIdentity, Person, Role
from medianest_hub.testing import ContextMaker, MemoryContext, make_person
from medianest_overseerr.settings import OverseerrSettings

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr.server import OverseerrSimulator

VERSIONS = ("1.34.0", "3.1.0")
FILM, OTHER_FILM, SERIES = 910001, 910002, 210001
MEMBER = ("overseerr.request", "overseerr.issues")
Ctx = MemoryContext[OverseerrSettings]
Make = Callable[..., Awaitable[Ctx]]


@pytest.fixture(scope="session")
def medianest_plugin() -> str:
    return "overseerr"


def _people(simulator: OverseerrSimulator) -> OverseerrSimulator:
    """The owner (1), and Mia (2, of a Plex account) and Tom (3, a local user)."""
    simulator.add_user("mia", plex_id=1002)
    simulator.add_user("tom", email="tom@home.example")
    return simulator


@pytest.fixture(params=VERSIONS)
def sim(request: pytest.FixtureRequest) -> Iterator[OverseerrSimulator]:
    """Both services, one after the other."""
    with OverseerrSimulator(request.param).running() as simulator:
        yield _people(simulator)


@pytest.fixture
def seerr() -> Iterator[OverseerrSimulator]:
    """The newer one alone, where it makes no difference which it is."""
    with OverseerrSimulator().running() as simulator:
        yield _people(simulator)


@pytest.fixture
def make(context: ContextMaker) -> Make:
    """`await make(simulator)`: a context on a real database; keyword arguments are fields of the settings."""

    async def make(simulator: OverseerrSimulator, **fields: Any) -> Ctx:
        given = {"url": simulator.url, "api_key": simulator.api_key, "posters_url": simulator.url, **fields}
        return await context(OverseerrSettings(**given), database=True)

    return make


def linked(ctx: Ctx, name: str, plex_id: int, *rights: str) -> Person:
    """Somebody of the hub who has that Plex account."""
    person = ctx.people.add(make_person(name, Role.MEMBER, *(rights or MEMBER)))
    ctx.people.link(person.id, LinkedIdentity(provider="plex", subject=str(plex_id), username=name))
    return person


def mailed(ctx: Ctx, name: str, email: str, *rights: str) -> Person:
    """Somebody of the hub with that verified address."""
    person = ctx.people.add(make_person(name, Role.MEMBER, *(rights or MEMBER)))
    ctx.people.emails[person.id] = email
    return person


def manager(ctx: Ctx, name: str = "ada") -> Person:
    """Somebody who may decide, and is nobody at Overseerr."""
    return ctx.people.add(make_person(name, Role.ADMIN, *MEMBER, "overseerr.manage", "overseerr.request_4k"))
