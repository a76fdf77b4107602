"""What this plugin does about events of others: a folder somebody put a file into is looked at."""

from __future__ import annotations

from medianest_hub.plugin_api import Context, Event, listener
from medianest_hub.plugin_api.errors import BadInput, Conflict
from medianest_hub.plugin_api.events import ScanRequested
from medianest_plex.scanning import request_scans
from medianest_plex.settings import PlexSettings


@listener(ScanRequested)
async def scan_requested(ctx: Context[PlexSettings], event: Event[ScanRequested]) -> None:
    """Have the folder scanned, if it is one of ours: the event is for whoever keeps a library."""
    try:
        await request_scans(ctx, event.data.folder, event.data.reason or f"asked for by {event.source}")
    except (BadInput, Conflict) as error:
        ctx.log.info("plex_scan_not_ours", source=event.source, reason=error.message)
