"""Tells people's open pages what became of their downloads; writes nothing, and its failing fails nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from uuid import UUID

from medianest_hub.plugin_api import Context
from medianest_youtube import store
from medianest_youtube.models import DownloadState, ProgressEvent, ProgressView
from medianest_youtube.settings import YouTubeSettings
from medianest_youtube.video import Progress


@contextlib.contextmanager
def _telling(ctx: Context[YouTubeSettings]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Pages ask again after an outage; a download must not fail because nobody could be told of it.
        ctx.log.warning("pages were not told", error=str(error))


async def tell_changed(ctx: Context[YouTubeSettings], file_id: UUID) -> None:
    """`youtube:download` with the row, to everyone with a wish for this file; their widget anew."""
    with _telling(ctx):
        for download_id, person in await store.people_of(ctx.db, file_id):
            await tell_person(ctx, download_id, person)


async def tell_person(ctx: Context[YouTubeSettings], download_id: UUID, person: UUID) -> None:
    """The same, to one person."""
    with _telling(ctx):
        row = await store.one(ctx.db, download_id)
        if row is not None:
            await ctx.realtime.send("download", row, person=person)
        await ctx.realtime.widget_changed("downloads", person=person)


async def tell_progress(
    ctx: Context[YouTubeSettings], people: Sequence[tuple[UUID, UUID]], progress: Progress, *, widget: bool
) -> None:
    """`youtube:progress`, worth nothing once it is old; with `widget` the tile is loaded anew too."""
    view = ProgressView(
        fraction=progress.fraction,
        downloaded_bytes=progress.downloaded,
        total_bytes=progress.total,
        speed=progress.speed,
        eta=progress.eta,
    )
    with _telling(ctx):
        for download_id, person in people:
            event = ProgressEvent(id=download_id, state=DownloadState(progress.stage.value), progress=view)
            await ctx.realtime.send("progress", event, person=person, keep=False)
            if widget:
                await ctx.realtime.widget_changed("downloads", person=person)
