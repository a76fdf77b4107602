"""Who is told what came into the library: everybody its library is shown to, in their words, with its poster."""

from __future__ import annotations

from uuid import UUID, uuid4

from medianest_hub.plugin_host.notification_kinds import fill
from medianest_hub.testing import MemoryContext
from medianest_plex.library.arrivals import QUIET
from medianest_plex.notifications import ITEM_ADDED
from medianest_plex.personal.shares import keep_shares
from medianest_plex.settings import PlexSettings
from tests.simulators.plex.server import PlexSimulator

from .syncing import Ctx, announced, later, running, section, well_synced


async def arrive(
    owned: MemoryContext[PlexSettings], plex: PlexSimulator, shares: dict[UUID, bool], shown: str = "Movies"
) -> Ctx:
    """A film comes into a library that was read before, which is shared with some; then only `shown` is to be shown."""
    plex.add_movie("Old")
    ctx = running(owned)
    await well_synced(ctx)
    key = (await section(ctx))["section_key"]
    for person, shared in shares.items():
        await keep_shares(ctx.db, ctx.instance, person, [key] if shared else [key + 1000], ctx.clock.now())
    later(ctx, plex, 3600)
    plex.add_movie("Élan", year=2011)
    await well_synced(ctx)
    later(ctx, plex, QUIET.total_seconds() + 1)
    object.__setattr__(ctx, "settings", ctx.settings.model_copy(update={"sections": [shown]}))
    for _ in range(2):
        await announced(ctx)
    return ctx


async def test_what_came_in_is_told_once_to_everybody_but_those_it_is_not_shared_with(
    owned: MemoryContext[PlexSettings], plex: PlexSimulator
) -> None:
    ada, bob = uuid4(), uuid4()
    ctx = await arrive(owned, plex, {ada: True, bob: False})
    (told,) = ctx.notify.told
    assert (told.kind, told.title, told.body) == ("plex.item_added", "New: Élan (2011)", "In the library “Movies”.")
    assert (told.person, told.hidden_from) == (None, {bob})
    assert ITEM_ADDED.default == "digest"
    words = fill(ITEM_ADDED, "de", told.params)
    assert (words.title, words.body) == ("Neu: Élan (2011)", "In der Mediathek „Movies“.")


async def test_nobody_is_told_of_a_library_the_settings_do_not_show(
    owned: MemoryContext[PlexSettings], plex: PlexSimulator
) -> None:
    ctx = await arrive(owned, plex, {}, shown="Music")
    assert ctx.notify.told == []
