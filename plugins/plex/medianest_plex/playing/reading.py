"""What is being played, for whoever asks: each sees their own in full, and of others' what they may. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import Context, Person, Record
from medianest_plex.library.state import read_server
from medianest_plex.personal.refreshing import look
from medianest_plex.playing.models import NowPlaying
from medianest_plex.playing.rows import row_heading
from medianest_plex.privacy import SEE_OTHERS_PLAYING, full
from medianest_plex.settings import PlexSettings

STALE_AFTER: Final = timedelta(seconds=90)
"""For so long what was last seen is believed."""

# Open to everybody: in no library, or in one that the settings show and that everybody of whom Plex said what is shared with
# them may see.
_READ: Final = """
    SELECT p.*, i.id AS item_id,
           coalesce(p.section_key, 0) <= 0
           OR (EXISTS (SELECT FROM plugin_plex.section s
                        WHERE s.instance = p.instance AND s.section_key = p.section_key
                          AND (cardinality($2::text[]) = 0 OR lower(btrim(s.title)) = ANY($2)))
               AND NOT EXISTS (SELECT FROM plugin_plex.seen_state t
                                WHERE t.instance = p.instance AND NOT p.section_key = ANY(t.sections))) AS is_open
      FROM plugin_plex.playing p
      LEFT JOIN plugin_plex.item i ON i.instance = p.instance AND i.rating_key = p.rating_key
     WHERE p.instance = $1
     ORDER BY p.started_at, p.id
"""


async def now_playing(ctx: Context[PlexSettings], person: Person) -> list[NowPlaying]:
    """What is being played, the longest first.

    Of others' sessions somebody without `see_others_playing` sees neither name, device nor address, and none that is in a
    library they may not see.
    """
    rows = await read_rows(ctx)
    if not rows:
        return []
    sees_others, stale = person.can(full(SEE_OTHERS_PLAYING)), await is_stale(ctx)
    identity = await ctx.people.identity(person.id)
    keys = None if sees_others else set((await look(ctx, person)).keys)
    found = []
    for row in rows:
        mine = identity is not None and str(row["account_id"]) == identity.subject
        if mine or keys is None or (row["section_key"] or 0) <= 0 or row["section_key"] in keys:
            found.append(shown(row, mine=mine, complete=mine or sees_others, stale=stale))
    return found


async def read_rows(ctx: Context[PlexSettings]) -> Sequence[Record]:
    """As they are kept, the longest first; `is_open` is whether all members may see the title."""
    return await ctx.db.fetch(_READ, ctx.instance, [name.strip().lower() for name in ctx.settings.sections])


async def is_stale(ctx: Context[PlexSettings]) -> bool:
    """Whether nobody knows any more what goes on: the server was not heard, or would not say."""
    looked_at = await ctx.db.fetchval("SELECT looked_at FROM plugin_plex.listener WHERE instance = $1", ctx.instance)
    heard_at = (await read_server(ctx.db, ctx.instance)).heard_at
    believed = ctx.clock.now() - STALE_AFTER
    return heard_at is None or heard_at < believed or (looked_at is not None and looked_at < believed)


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
