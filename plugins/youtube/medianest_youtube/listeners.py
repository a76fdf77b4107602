"""What is done here when something happened elsewhere in the hub."""

from __future__ import annotations

from medianest_hub.plugin_api import Context, Event, PersonRemoved, errors, listener
from medianest_youtube import store, wishes
from medianest_youtube.settings import YouTubeSettings


@listener(PersonRemoved)
async def person_removed(ctx: Context[YouTubeSettings], event: Event[PersonRemoved]) -> None:
    """Cancel and remove their downloads; a file others wish for stays theirs. Done twice it does nothing more."""
    if event.person is None:
        return
    # Removing one that is under way only cancels it: the second time it goes.
    for _ in range(2):
        for download_id in await store.wishes_of(ctx.db, ctx.instance, event.person):
            try:
                await wishes.drop(ctx, download_id)
            except errors.NotFound:
                continue  # an earlier attempt, or somebody else, was faster
