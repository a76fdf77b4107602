"""The routes under `/api/v1/plex`; but for what is next for somebody they answer from Postgres, also while Plex is off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Call, Context, Empty, Router, errors
from medianest_plex.browsing import genres as genres_of
from medianest_plex.browsing import groupings, lists, models, recent, searching, single
from medianest_plex.browsing import libraries as libraries_of
from medianest_plex.browsing import playing_now as playing_of
from medianest_plex.browsing.sight import Sight
from medianest_plex.library.sections import read_sections
from medianest_plex.personal import on_deck as on_deck_of
from medianest_plex.personal.refreshing import look
from medianest_plex.privacy import BROWSE, SCAN
from medianest_plex.scanning import locate, request_scan
from medianest_plex.servers import of_instance
from medianest_plex.settings import FIRST, PlexSettings

router = Router()
Ctx = Context[PlexSettings]


class LibraryPath(BaseModel):
    """Which library, by its server's own number."""

    key: int = Field(ge=0, lt=2**31)


class Folder(BaseModel):
    """A folder, by the path the Plex server knows it by."""

    folder: str = Field(min_length=1, max_length=4000)


class OfServer(BaseModel):
    """Whose library."""

    server: lists.ServerName | None = Field(default=None, description="the first server's unless one is named")


class ScanWanted(BaseModel):
    """That the folder will be looked at, in some seconds. `job_id` is the job's, at `/api/v1/jobs`."""

    job_id: UUID | None


@router.get("/libraries", permission=BROWSE)
async def libraries(ctx: Ctx, call: Call) -> models.Libraries:
    """List the libraries you may see.

    With how much is in each. Who signs in with Plex sees what the server shares with their account.
    """
    return await libraries_of.libraries(ctx, await look(ctx, call.caller))


@router.get("/libraries/{key}/items", permission=BROWSE)
async def library_items(ctx: Ctx, call: Call[LibraryPath, lists.ItemsQuery]) -> models.Items:
    """List what is in a library.

    Sorted and narrowed as you say; what has no year or rating comes last. 404 for a library you may not see.
    """
    return await lists.items(ctx, await look(ctx, call.caller), call.path.key, call.query)


@router.get("/libraries/{key}/genres", permission=BROWSE)
async def library_genres(ctx: Ctx, call: Call[LibraryPath, OfServer]) -> models.Genres:
    """List the genres of a library.

    With how many movies, shows or artists have each. 404 for a library you may not see.
    """
    return await genres_of.genres(ctx, await _look(ctx, call, call.query.server, call.path.key), call.path.key)


@router.get("/items/{id}", permission=BROWSE)
async def library_item(ctx: Ctx, call: Call[single.ItemPath, single.ChildrenQuery]) -> models.ItemWithChildren:
    """Show one item with what it holds, and all places where it can be watched.

    `limit` and `cursor` are for its children. 404 for one you may not see.
    """
    return await single.one(ctx, await look(ctx, call.caller), call.path.id, call.query)


@router.get("/collections", permission=BROWSE)
async def collections(ctx: Ctx, call: Call[Empty, groupings.GroupingsQuery]) -> models.Groupings:
    """List the collections of the libraries you may see, by title."""
    query = call.query
    seen = await _look(ctx, call, query.server, query.library)
    return await groupings.groupings(ctx, seen, "collection", query.library, query.cursor, query.limit)


@router.get("/collections/{id}", permission=BROWSE)
async def collection(ctx: Ctx, call: Call[groupings.GroupingPath, groupings.MembersQuery]) -> models.GroupingWithItems:
    """Show a collection with what is in it, in its order."""
    return await groupings.grouping(ctx, await look(ctx, call.caller), "collection", call.path.id, call.query)


@router.get("/playlists", permission=BROWSE)
async def playlists(ctx: Ctx, call: Call[Empty, groupings.PlaylistsQuery]) -> models.Groupings:
    """List the playlists of the servers' owners, by title.

    For admins alone, as Plex shares playlists with nobody; everybody else is answered an empty list.
    """
    query = call.query
    seen = await _look(ctx, call, query.server)
    return await groupings.groupings(ctx, seen, "playlist", None, query.cursor, query.limit)


@router.get("/playlists/{id}", permission=BROWSE)
async def playlist(ctx: Ctx, call: Call[groupings.GroupingPath, groupings.MembersQuery]) -> models.GroupingWithItems:
    """Show a playlist of a server's owner with what is in it, in its order. For admins alone, 404 for everybody else."""
    return await groupings.grouping(ctx, await look(ctx, call.caller), "playlist", call.path.id, call.query)


@router.get("/search", permission=BROWSE)
async def search(ctx: Ctx, call: Call[Empty, searching.SearchQuery]) -> models.Hits:
    """Search all libraries you may see.

    From the first letters on, without regard to accents, and with a mistake in a word. What is in several libraries or on
    several servers is one hit with several places.
    """
    return await searching.search(ctx, await _look(ctx, call, call.query.server), call.query)


@router.get("/recently-added", permission=BROWSE)
async def recently_added(ctx: Ctx, call: Call[Empty, recent.RecentQuery]) -> models.Recents:
    """List what came in last, the newest first.

    The episodes of a season are one entry, and so is what is in several libraries or on several servers.
    """
    query = call.query
    seen = await _look(ctx, call, query.server, query.library)
    return await recent.recently_added(ctx, seen, query.library, query.cursor, query.limit)


@router.get("/on-deck", permission=BROWSE)
async def on_deck(ctx: Ctx, call: Call) -> models.OnDeck:
    """List what you could go on with, as your own Plex account says.

    `reason` says why where it is empty or old.
    """
    return await on_deck_of.on_deck(ctx, await look(ctx, call.caller), call.caller)


@router.get("/playing", permission=BROWSE)
async def playing(ctx: Ctx, call: Call) -> playing_of.PlayingNow:
    """List what is being played.

    Of others' sessions in libraries you may see, without who plays them, on what and from where, unless you have
    `plex.see_others_playing`.
    """
    return await playing_of.playing_now(ctx, await look(ctx, call.caller), call.caller)


@router.post("/libraries/{key}/scan", permission=SCAN, body_limit=16_384, status=202)
async def scan_folder(ctx: Ctx, call: Call[LibraryPath, OfServer, Folder]) -> ScanWanted:
    """Have a Plex server look for new files in one folder of a library.

    In some seconds, and once however often that is asked for meanwhile. 409 without the owner's token in the settings.
    """
    key, folder = call.path.key, call.body.folder
    server = of_instance(ctx, call.query.server or FIRST)
    kept = await read_sections(ctx.db, server.instance) if server is not None else []
    if server is None or key not in {one.key for one in kept}:
        raise lists.no_library()
    try:
        if locate(kept, folder)[0].key != key:
            raise _not_here("This folder lies in another library.", "other_library")
        return ScanWanted(job_id=await request_scan(server, folder, f"asked for by {call.caller.username}"))
    except errors.BadInput as refused:
        code = refused.fields[0].code if refused.fields else "unusable"
        raise _not_here(refused.message, code) from None


async def _look(ctx: Ctx, call: Call[Any, Any, Any], server: str | None, library: int | None = None) -> Sight:
    """What may be seen of the named server, or of all; a library's key without a server is one of the first server's.

    Raises `NotFound` for a server of which nothing is to be seen, and such a library.
    """
    seen = await look(ctx, call.caller)
    instance = server or (None if library is None else seen.instance)
    if server is not None and server not in seen.known:
        raise lists.no_library()
    if library is not None and (instance, library) not in seen.sections:
        raise lists.no_library()
    return seen.only(instance, ctx.clock.now())


def _not_here(words: str, code: str) -> errors.BadInput:
    return errors.BadInput(words, fields=[errors.FieldProblem(field="body.folder", code=code, message=words)])
