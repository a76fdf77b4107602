"""What people are told of the library, in words: what came in, to whom its library is shown. Gathers nothing itself."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import Context, NotificationKind, Queries, Words
from medianest_plex.browsing.rows import picture, watch_address
from medianest_plex.events import ItemAdded, Kind
from medianest_plex.personal.audience import Place, audience
from medianest_plex.privacy import BROWSE
from medianest_plex.settings import PlexSettings

ITEM_ADDED: Final = NotificationKind(
    "item_added",
    title={"en": "New in the library", "de": "Neu in der Mediathek"},
    words={
        "en": Words("New: {title}{more}", "In the library “{place}”."),
        "de": Words("Neu: {title}{more}", "In der Mediathek „{place}“."),
    },
    permission=BROWSE,
    default="digest",
)

KNOWN: Final = timedelta(days=2)
"""For so long it is believed what Plex said is shared with somebody. Who signs in with Plex is asked about more often."""

ONCE: Final = timedelta(days=7)
"""What comes into several libraries or onto several servers within it is told once."""

_POSTER_WIDTH: Final = 320
_ITEM: Final = """
    SELECT i.section_key, i.rating_key, i.thumb, s.name, s.machine_identifier
      FROM plugin_plex.item i LEFT JOIN plugin_plex.server s ON s.instance = i.instance
     WHERE i.id = $1
"""
_STRONGEST: Final = {Kind.MOVIE: ("tmdb", "imdb", "tvdb"), Kind.ALBUM: ("musicbrainz",)}
"""By which ids one thing is known again. Of seasons and shows there comes more, so each is told by itself."""


async def notify_added(ctx: Context[PlexSettings], tx: Queries, event: ItemAdded) -> None:
    """Tell everybody who sees its library, in that transaction; nobody where the settings do not show that one."""
    server = next((one for one in ctx.settings.servers if one.instance == event.instance), None)
    item = await tx.fetchrow(_ITEM, event.item_id)
    if server is None or item is None or not server.shows(event.section):
        return
    place: Place = (event.instance, item["section_key"])
    unshared = sorted(person.id for person in await (await audience(ctx, event.at - KNOWN)).without(place))
    several = len(ctx.settings.servers) > 1
    named = f"{event.section} · {item['name'] or event.instance}" if several else event.section
    title = event.title if event.year is None else f"{event.title} ({event.year})"
    address = watch_address(ctx, item["machine_identifier"] or "", item["rating_key"])
    await ctx.notify.tell(
        ITEM_ADDED,
        {
            "title": title,
            "more": f" (+{event.count})" if event.count > 1 else "",
            "section": event.section,
            "place": named,
            "kind": event.kind.value,
            "count": event.count,
        },
        key=_key(event, "".join(str(one) for one in unshared)),
        hidden_from=unshared,
        href=address if address is not None and address.startswith("https://") else None,
        image=picture(ctx, event.instance, item["thumb"], _POSTER_WIDTH),
        at=event.at,
        tx=tx,
    )


def _key(event: ItemAdded, unshared: str) -> str:
    """The same for what is the same film or album and told to the same people; others would miss it."""
    known = [name for name in _STRONGEST.get(event.kind, ()) if name in event.external_ids]
    if not known:
        return f"{event.item_id}:{event.at.isoformat()}"
    window = int(event.at.timestamp() // ONCE.total_seconds())
    people = hashlib.sha256(unshared.encode()).hexdigest()[:16]
    return f"{event.kind.value}:{known[0]}:{event.external_ids[known[0]]}:{window}:{people}"
