"""Calls each route as a person would, for tests of what people see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from medianest_hub.plugin_api import Person
from medianest_hub.testing import make_call
from medianest_plex import routes
from medianest_plex.browsing import groupings, lists, models, recent, searching, single

from .shelf import MIA, Ctx


async def libraries(ctx: Ctx, person: Person = MIA) -> models.Libraries:
    return await routes.libraries(ctx, make_call(person=person))


async def items(ctx: Ctx, library: int = 1, person: Person = MIA, **query: Any) -> models.Items:
    path, asked = routes.LibraryPath(key=library), lists.ItemsQuery(**query)
    return await routes.library_items(ctx, make_call(person=person, path=path, query=asked))


async def genres(ctx: Ctx, library: int = 1, person: Person = MIA, **query: Any) -> list[tuple[str, int]]:
    path, asked = routes.LibraryPath(key=library), routes.OfServer(**query)
    found = await routes.library_genres(ctx, make_call(person=person, path=path, query=asked))
    return [(one.title, one.count) for one in found.items]


async def item(ctx: Ctx, id: UUID, person: Person = MIA, **query: Any) -> models.ItemWithChildren:
    path, asked = single.ItemPath(id=id), single.ChildrenQuery(**query)
    return await routes.library_item(ctx, make_call(person=person, path=path, query=asked))


async def collections(ctx: Ctx, person: Person = MIA, **query: Any) -> models.Groupings:
    return await routes.collections(ctx, make_call(person=person, query=groupings.GroupingsQuery(**query)))


async def collection(ctx: Ctx, id: UUID, person: Person = MIA, **query: Any) -> models.GroupingWithItems:
    path, asked = groupings.GroupingPath(id=id), groupings.MembersQuery(**query)
    return await routes.collection(ctx, make_call(person=person, path=path, query=asked))


async def playlists(ctx: Ctx, person: Person = MIA, **query: Any) -> models.Groupings:
    return await routes.playlists(ctx, make_call(person=person, query=groupings.PlaylistsQuery(**query)))


async def playlist(ctx: Ctx, id: UUID, person: Person = MIA, **query: Any) -> models.GroupingWithItems:
    path, asked = groupings.GroupingPath(id=id), groupings.MembersQuery(**query)
    return await routes.playlist(ctx, make_call(person=person, path=path, query=asked))


async def search(ctx: Ctx, q: str, person: Person = MIA, **query: Any) -> models.Hits:
    return await routes.search(ctx, make_call(person=person, query=searching.SearchQuery(q=q, **query)))


async def recently_added(ctx: Ctx, person: Person = MIA, **query: Any) -> models.Recents:
    return await routes.recently_added(ctx, make_call(person=person, query=recent.RecentQuery(**query)))


async def on_deck(ctx: Ctx, person: Person = MIA) -> models.OnDeck:
    return await routes.on_deck(ctx, make_call(person=person))


def titles(found: Any) -> list[str]:
    """Of what a page holds."""
    return [one.title for one in found.items]
