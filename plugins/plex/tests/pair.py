"""Two Plex servers side by side at one plex.tv, a context that has both, and people who have one or the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from medianest_hub.plugin_api import SIGN_IN_SECRET, LinkedIdentity, Person
from medianest_hub.testing import MemoryContext, make_job
from medianest_plex import tasks
from medianest_plex.library.hints import hint
from medianest_plex.personal.refreshing import OfPerson, refresh_seen
from medianest_plex.servers import everywhere
from medianest_plex.settings import PlexSettings
from medianest_plex.tasks import SyncArgs, SyncResult
from tests.simulators.plex.items import Item
from tests.simulators.plex.server import PlexSimulator
from tests.simulators.plex.world import Account

from .syncing import running

Ctx = MemoryContext[PlexSettings]
ATTIC = "attic"


@contextmanager
def attic_of(plex: PlexSimulator) -> Iterator[PlexSimulator]:
    """Another server of the same owner, which runs until the block ends."""
    with PlexSimulator(world=plex.world.beside("Attic")).running() as attic:
        yield attic


def both(plex: PlexSimulator, attic: PlexSimulator, **fields: Any) -> dict[str, Any]:
    """The settings for both, with their owner's token."""
    owner = plex.world.token(plex.world.owner)
    second = {"second_name": ATTIC, "second_url": attic.server_url, "second_token": owner}
    return {"token": owner, **second, "page_size": 50, **fields}


@dataclass
class Pair:
    """`alien` is on both servers, the others on one each."""

    ctx: Ctx
    plex: PlexSimulator
    attic: PlexSimulator
    alien: Item
    old_alien: Item
    brazil: Item
    casablanca: Item

    @property
    def at_attic(self) -> Ctx:
        """The context as that of the second server."""
        return everywhere(self.ctx)[1]

    async def sync(self) -> list[SyncResult]:
        """Of both servers, as if each had said that something changed."""
        results = []
        for server, task in zip(everywhere(self.ctx), tasks.syncs, strict=False):
            await hint(server)
            results.append(await task(self.ctx, make_job(SyncArgs())))
        return results

    async def link(self, person: Person, account: Account) -> None:
        """The person has that Plex account linked."""
        self.ctx.people.add(person)
        subject = str(account.id)
        self.ctx.people.link(person.id, LinkedIdentity(provider="plex", subject=subject, username=person.username))
        await self.ctx.people.set_secret(person.id, SIGN_IN_SECRET, self.plex.world.token(account))

    async def refresh(self, person: Person) -> None:
        """Plex is asked about the person."""
        await refresh_seen(self.ctx, make_job(OfPerson(person_id=person.id)))


async def furnished(make: Callable[..., Awaitable[Ctx]], plex: PlexSimulator, attic: PlexSimulator) -> Pair:
    """Both with films, and nothing read of them yet."""
    plex.add_section("Movies")
    attic.add_section("Old films", path="/old/films")
    return Pair(
        running(await make(**both(plex, attic))),
        *(plex, attic),
        alien=plex.add_movie("Alien", year=1979, ids=("imdb://tt0078748",)),
        old_alien=attic.add_movie("Alien", year=1979, ids=("imdb://tt0078748",)),
        brazil=plex.add_movie("Brazil", year=1985),
        casablanca=attic.add_movie("Casablanca", year=1942),
    )
