"""What people are told of the library, in words: what came in, to whom its library is shown. Gathers nothing itself."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, NotificationKind, Queries, Words
from medianest_plex.browsing.rows import picture
from medianest_plex.events import ItemAdded
from medianest_plex.privacy import BROWSE
from medianest_plex.settings import PlexSettings

ITEM_ADDED: Final = NotificationKind(
    "item_added",
    title={"en": "New in the library", "de": "Neu in der Mediathek"},
    words={
        "en": Words("New: {title}", "In the library “{section}”."),
        "de": Words("Neu: {title}", "In der Mediathek „{section}“."),
    },
    permission=BROWSE,
    default="digest",
)

_POSTER_WIDTH: Final = 320
_ITEM: Final = "SELECT section_key, thumb FROM plugin_plex.item WHERE id = $1"
# Who has a Plex account sees what Plex shares with it, also where that is nothing.
_UNSHARED: Final = """
    SELECT person_id FROM plugin_plex.seen_state
     GROUP BY person_id HAVING NOT bool_or(instance = $1 AND $2 = ANY(sections))
"""


async def notify_added(ctx: Context[PlexSettings], tx: Queries, event: ItemAdded) -> None:
    """Tell everybody who sees its library, in that transaction; nobody where the settings do not show that one."""
    server = next((one for one in ctx.settings.servers if one.instance == event.instance), None)
    item = await tx.fetchrow(_ITEM, event.item_id)
    if server is None or item is None or not server.shows(event.section):
        return
    unshared = await tx.fetch(_UNSHARED, event.instance, item["section_key"])
    title = event.title if event.year is None else f"{event.title} ({event.year})"
    await ctx.notify.tell(
        ITEM_ADDED,
        {"title": title, "section": event.section, "kind": event.kind.value, "count": event.count},
        key=f"{event.item_id}:{event.at.isoformat()}",
        hidden_from=[row["person_id"] for row in unshared],
        image=picture(ctx, event.instance, item["thumb"], _POSTER_WIDTH),
        at=event.at,
        tx=tx,
    )
