"""What is being played, for whoever asks: each sees their own in full, and of others' what they may. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import Context, Person, Record
from medianest_plex.library.state import read_server
from medianest_plex.personal.audience import Place, audience, holds
from medianest_plex.personal.refreshing import look
from medianest_plex.playing.models import NowPlaying
from medianest_plex.playing.rows import row_heading
from medianest_plex.privacy import SEE_OTHERS_PLAYING, full
from medianest_plex.settings import PlexSettings

STALE_AFTER: Final = timedelta(seconds=90)
"""For so long what was last seen is believed."""

# The server does not always say which library something is in; the index may know.
_READ: Final = """
    SELECT p.*, i.id AS item_id, coalesce(CASE WHEN p.section_key > 0 THEN p.section_key END, i.section_key, 0) AS library
      FROM plugin_plex.playing p
      LEFT JOIN plugin_plex.item i ON i.instance = p.instance AND i.rating_key = p.rating_key
     WHERE p.instance = ANY($1::text[])
     ORDER BY p.started_at, p.id
"""


async def now_playing(ctx: Context[PlexSettings], person: Person) -> list[NowPlaying]:
    """What is being played on all servers, the longest first.

    Of others' sessions somebody without `see_others_playing` sees neither name, device nor address, and none that is in a
    library they may not see, or in none (live television) on a server of which they see nothing.
    """
    rows = await read_rows(ctx)
    if not rows:
        return []
    sees_others, stale = person.can(full(SEE_OTHERS_PLAYING)), await stale_servers(ctx)
    identity = await ctx.people.identity(person.id)
    visible = None if sees_others else set((await look(ctx, person)).sections)
    found = []
    for row in rows:
        mine = identity is not None and str(row["account_id"]) == identity.subject
        if mine or visible is None or holds(visible, place_of(row)):
            is_stale = row["instance"] in stale
            found.append(shown(row, mine=mine, complete=mine or sees_others, stale=is_stale))
    return found


async def read_rows(ctx: Context[PlexSettings]) -> Sequence[Record]:
    """As they are kept of all servers, the longest first."""
    return await ctx.db.fetch(_READ, [server.instance for server in ctx.settings.servers])


async def all_open(ctx: Context[PlexSettings], rows: Sequence[Record]) -> bool:
    """Whether all members may see all of these titles."""
    if not rows:
        return True
    everybody = await audience(ctx)
    for place in {place_of(row) for row in rows}:
        if not everybody.is_shown(place) or any(person.permissions for person in await everybody.without(place)):
            return False
    return True


def place_of(row: Record) -> Place:
    """The library it is in; that of a server alone for what is in none, such as live television."""
    return row["instance"], row["library"] if row["library"] > 0 else None


async def stale_servers(ctx: Context[PlexSettings]) -> set[str]:
    """The servers of which nobody knows any more what goes on: they were not heard, or would not say."""
    believed = ctx.clock.now() - STALE_AFTER
    found = set()
    for server in ctx.settings.servers:
        looked_at = await ctx.db.fetchval(
            "SELECT looked_at FROM plugin_plex.listener WHERE instance = $1", server.instance
        )
        heard_at = (await read_server(ctx.db, server.instance)).heard_at
        if heard_at is None or heard_at < believed or (looked_at is not None and looked_at < believed):
            found.add(server.instance)
    return found


def shown(row: Record, *, mine: bool = False, complete: bool, stale: bool = False) -> NowPlaying:
    """One row as people see it; `complete` with who plays it, on what and from where."""
    who = {name: row[column] for name, column in _WHO.items()} if complete else {}
    return NowPlaying(
        **{name: row[name] for name in _PLAIN},
        **who,
        mine=mine,
        title=row_heading(row),
        name=row["title"],
        stale=stale,
    )


_WHO: Final = {
    "account": "account_name",
    "player": "player",
    "product": "product",
    "address": "address",
    "is_local": "is_local",
}
_PLAIN: Final = (
    "id",
    "instance",
    "state",
    "item_id",
    "kind",
    "parent_title",
    "grandparent_title",
    "number",
    "parent_number",
    "year",
    "progress_ms",
    "duration_ms",
    "decision",
    "resolution",
    "bandwidth_kbps",
    "started_at",
    "seen_at",
    "thumb",
)
